package faults

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Round gives every site one kind of fault. Which one goes round with the seed, so that as many
// seeds as there are kinds have had them all.
func Round(sites []Site, seed uint64) []Case {
	kinds := Kinds()
	cases := make([]Case, len(sites))
	for i, s := range sites {
		cases[i] = Case{s, kinds[(seed+uint64(i))%uint64(len(kinds))]}
	}
	return cases
}

// Seed is a number that is another one for every commit: made from the commit's id, or without
// git from the source.
func Seed(root string) (uint64, error) {
	head := exec.Command("git", "rev-parse", "HEAD")
	head.Dir = root
	sum := sha256.New()
	if id, err := head.Output(); err == nil {
		_, _ = sum.Write(id) // never fails
		return binary.BigEndian.Uint64(sum.Sum(nil)), nil
	}
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		data, err := os.ReadFile(path)
		_, _ = sum.Write(data) // never fails
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read source: %w", err)
	}
	return binary.BigEndian.Uint64(sum.Sum(nil)), nil
}
