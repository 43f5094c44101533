package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/config"
)

// What is shown stands in the file, can be taken out of it, and holds what a change replaces.
func TestEveryEngineThatIsShownCanBeLeftOut(t *testing.T) {
	root := filepath.Join("..", "..", filepath.FromSlash(more))
	data, err := os.ReadFile(filepath.Join(root, config.Name))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range engines() {
		d := &demo{Stage: &Stage{Dir: t.TempDir()}}
		if err := d.Set(config.Name, string(data)); err != nil {
			t.Fatal(err)
		}
		if err := d.leaveOut(e.name); err != nil {
			t.Error(err)
		}
		left, err := os.ReadFile(filepath.Join(d.Dir, config.Name))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(left), "\n  - name: "); got != 4+len(engines())-1 || strings.Contains(string(left), e.name) {
			t.Errorf("without %s: %d applications\n%s", e.name, got, left)
		}
		file, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.file)))
		if err != nil || strings.Count(string(file), e.from) != 1 {
			t.Errorf("%s has %q not once: %v", e.file, e.from, err)
		}
	}
	if err := (&demo{Stage: &Stage{Dir: t.TempDir()}}).leaveOut("nobody"); err == nil {
		t.Error("nobody was taken out")
	}
}
