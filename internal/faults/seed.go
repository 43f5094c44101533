package faults

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// alike is how many calls of one kind a function that takes each event by itself makes in a step
// until the others are the same again.
const alike = 2

// Apart leaves out the calls that another one stands for: the trigger and the notifier begin
// anew with every event, so that what they do for the third is what they did for the second.
func Apart(sites []Site) []Site {
	return slices.DeleteFunc(slices.Clone(sites), func(s Site) bool {
		return (s.Function == "trigger" || s.Function == "notifier") && s.N > alike
	})
}

// Turn chooses one call of each kind that a function makes in a step. Which one goes round with
// the seed, once for every round of kinds, so that each has its turn.
func Turn(sites []Site, seed uint64) []Site {
	var chosen []Site
	alike := map[Site][]Site{}
	var order []Site
	for _, s := range sites {
		kind := s
		kind.N = 0
		if alike[kind] == nil {
			order = append(order, kind)
		}
		alike[kind] = append(alike[kind], s)
	}
	for _, kind := range order {
		of := alike[kind]
		chosen = append(chosen, of[seed/uint64(len(Kinds()))%uint64(len(of))])
	}
	return chosen
}

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
