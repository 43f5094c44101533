package build_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/driftless-gitops/driftless/infra/build"
)

func TestSizeIsThatOfTheZipFile(t *testing.T) {
	noise := make([]byte, 100_000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	for name, c := range map[string]struct {
		program     []byte
		least, most int64
	}{
		"what does not shrink stays as it is": {noise, 100_000, 101_000},
		"what repeats itself nearly vanishes": {bytes.Repeat([]byte("again "), 20_000), 100, 1_000},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "bootstrap"), c.program, 0o755); err != nil {
				t.Fatal(err)
			}
			if size, err := build.Size(dir); err != nil || size < c.least || size > c.most {
				t.Errorf("%d bytes, %v; want %d to %d", size, err, c.least, c.most)
			}
		})
	}
	if _, err := build.Size(t.TempDir()); err == nil {
		t.Error("a folder without a program has a size")
	}
}
