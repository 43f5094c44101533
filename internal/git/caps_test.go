package git_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/git"
)

func TestR47_CapsHoldToTheByte(t *testing.T) {
	deep := strings.Repeat("d/", 4) + "f"
	files := fmt.Sprintf("-- a --\n%s\n-- b --\n%s\n-- %s --\nx\n", strings.Repeat("a", 99), strings.Repeat("b", 99), deep)
	exact := git.Limits{FileBytes: 100, Files: 5, TotalBytes: 202, Depth: 5}
	for name, c := range map[string]struct {
		change func(*git.Limits)
		want   string
	}{
		"exactly at every cap":        {func(*git.Limits) {}, ""},
		"a file of one byte too many": {func(l *git.Limits) { l.FileBytes-- }, "a: 100 bytes; at most 99 bytes"},
		"one byte too many in all":    {func(l *git.Limits) { l.TotalBytes-- }, "d/d/d/d/f: with the files before it, more than 201 bytes"},
		"a directory too many":        {func(l *git.Limits) { l.Files = 4 }, "more than 4 directories"},
		"a file too many":             {func(l *git.Limits) { l.Files = 2 }, "more than 2"},
		"one directory too deep":      {func(l *git.Limits) { l.Depth-- }, "lies 5 deep; at most 4"},
	} {
		for _, config := range [][]string{partial, nil} {
			t.Run(name, func(t *testing.T) {
				s := newServer(t, config...)
				s.push("main", files)
				client := s.client()
				client.Limits = exact
				c.change(&client.Limits)
				_, err := snapshot(t, client, s.repository()).Fetch(t.Context(), ".")
				if c.want == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				var problem *git.PathError
				if !errors.As(err, &problem) || !strings.Contains(problem.Error(), c.want) {
					t.Errorf("got %v, want a PathError with %q", err, c.want)
				}
			})
		}
	}
}

func TestR47_AnswerOfTooManyBytesIsRefused(t *testing.T) {
	for name, config := range map[string][]string{"in memory": partial, "on disk": nil} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, config...)
			s.push("main", fourFiles)
			client := s.client()
			client.Limits = git.Limits{RequestBytes: 600, DiskBytes: 300}
			head, err := client.Head(t.Context(), s.repository())
			if err != nil {
				t.Fatal(err)
			}
			client.Limits.RequestBytes = 300
			_, err = client.Snapshot(t.Context(), s.repository(), head)
			var problem *git.PathError
			if !errors.As(err, &problem) || !strings.Contains(err.Error(), "more than 300 bytes") {
				t.Errorf("got %v, want a PathError with the cap", err)
			}
		})
	}
}

// A megabyte of pack can hold a gigabyte of zeroes: what is too large is never unpacked into
// memory, and in nobody's way until somebody's application has it.
func TestR47_HugeFileIsRefusedWhereItIsAsked(t *testing.T) {
	for name, config := range map[string][]string{"in a partial answer": partial, "in a whole commit": nil} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, config...)
			s.commit("main", "a bomb", "100644 blob "+s.blob(strings.Repeat("\x00", 65<<20))+"\tbomb", "100644 blob "+s.blob("x")+"\tfine")
			snap := snapshot(t, s.client(), s.repository())
			if _, err := snap.Fetch(t.Context(), "fine"); err != nil {
				t.Errorf("a file beside it: %v", err)
			}
			_, err := snap.Fetch(t.Context(), "bomb")
			var problem *git.PathError
			if !errors.As(err, &problem) || problem.Error() != "bomb: 65 MiB; at most 1 MiB is read" {
				t.Errorf("got %v, want a PathError with the size", err)
			}
		})
	}
}

// Ten levels of directories, each ten times the one below: 31 objects, 10^10 paths.
func TestR47_TreesThatMultiplyAreCutOff(t *testing.T) {
	s := newServer(t, partial...)
	tree := s.tree("100644 blob " + s.blob("x") + "\tf")
	for range 10 {
		var entries []string
		for i := range 10 {
			entries = append(entries, fmt.Sprintf("040000 tree %s\td%d", tree, i))
		}
		tree = s.tree(entries...)
	}
	s.head("main", "a bomb", tree)
	_, err := snapshot(t, s.client(), s.repository()).Fetch(t.Context(), ".")
	if err == nil || !strings.Contains(err.Error(), "more than 10000") {
		t.Errorf("got %v, want the cap", err)
	}
}

// What holds where nothing else is configured: a file of 1 MiB, 10,000 files, 32 levels,
// 200 MiB in all.
func TestR47_CapsUnlessConfigured(t *testing.T) {
	s := newServer(t, partial...)
	empty, full := s.blob(""), s.blob(strings.Repeat("\x00", 1<<20))
	over := s.blob(strings.Repeat("\x00", 1<<20+1))
	var entries []string
	add := func(dir, blob string, count int) {
		for i := range count {
			entries = append(entries, fmt.Sprintf("100644 blob %s\t%s/%06d", blob, dir, i))
		}
	}
	add("files", empty, 10_000)
	add("more-files", empty, 10_001)
	add("bytes", full, 200)
	add("more-bytes", full, 200)
	entries = append(entries, "100644 blob "+s.blob("x")+"\tmore-bytes/x", "100644 blob "+over+"\tlarge/f",
		"100644 blob "+empty+"\t"+strings.Repeat("d/", 31)+"f", "100644 blob "+empty+"\t"+strings.Repeat("e/", 32)+"f")
	s.commit("main", "at every cap, and one above", entries...)
	snap := snapshot(t, s.client(), s.repository())
	for path, want := range map[string]string{
		"files":      "",
		"more-files": "more-files/010000: more than 10000 files, the most that is read",
		"bytes":      "",
		"more-bytes": "more-bytes/x: with the files before it, more than 200 MiB, the most that is read",
		"large":      "large/f: 1048577 bytes; at most 1 MiB is read",
		"d":          "",
		"e":          strings.Repeat("e/", 32) + "f: lies 33 deep; at most 32 is read",
	} {
		_, err := snap.Fetch(t.Context(), path)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		var problem *git.PathError
		if !errors.As(err, &problem) || problem.Error() != want {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

// A directory is an object as well, and none is taken into memory that is larger than 8 MiB.
func TestR47_HugeDirectoryIsRefused(t *testing.T) {
	s := newServer(t, partial...)
	var entries []string
	blob := s.blob("x")
	for i := range 60_000 {
		entries = append(entries, fmt.Sprintf("100644 blob %s\t%0150d", blob, i))
	}
	huge := s.tree(entries...)
	s.head("main", "huge", s.tree("040000 tree "+huge+"\thuge", "100644 blob "+blob+"\tfine"))
	snap := snapshot(t, s.client(), s.repository())
	var problem *git.PathError
	if _, err := snap.Fetch(t.Context(), "huge"); !errors.As(err, &problem) || !strings.Contains(err.Error(), "at most 8 MiB are read") {
		t.Errorf("got %v, want a PathError with the cap", err)
	}
	if _, err := snap.Fetch(t.Context(), "fine"); err != nil {
		t.Errorf("a file beside it: %v", err)
	}
}
