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

// Round gives every call of a function one kind of fault, and so one in buildsShare of those that
// builds make, since each takes a build or two. Which goes round with the seed, so that as many
// seeds as there are kinds have had them all, and of builds as many as that times buildsShare.
func Round(sites []Site, seed uint64) []Case {
	kinds := Kinds()
	var cases []Case
	ofBuilds := uint64(0)
	for i, s := range sites {
		if ofBuild(s) {
			if ofBuilds++; (seed+ofBuilds)%buildsShare != 0 {
				continue
			}
		}
		cases = append(cases, Case{s, kinds[(seed+uint64(i))%uint64(len(kinds))]})
	}
	return cases
}

// buildsShare is of how many calls that builds make a round has one.
const buildsShare = 10

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
