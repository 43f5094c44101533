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

// Round gives one in functionsShare of the calls of functions one kind of fault, and so one in
// buildsShare of those that builds make, since each of these takes a build or two. Which calls, and
// which kind, goes round with the seed: as many seeds as there are kinds, times the share, have had
// all calls with all kinds.
func Round(sites []Site, seed uint64) []Case {
	kinds := Kinds()
	var cases []Case
	var seen [2]uint64 // of functions, of builds
	for i, s := range sites {
		of, share := 0, uint64(functionsShare)
		if ofBuild(s) {
			of, share = 1, buildsShare
		}
		if seen[of]++; (seed+seen[of])%share == 0 {
			cases = append(cases, Case{s, kinds[(seed+uint64(i))%uint64(len(kinds))]})
		}
	}
	return cases
}

// Of how many calls a round has one. Neither number has a divisor in common with that of the
// kinds, or some calls would never meet some.
const (
	functionsShare = 3
	buildsShare    = 10
)

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
