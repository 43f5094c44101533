package config

import (
	"io/fs"
	"slices"
	"strings"
)

// listings reads the directories of a tree, each once.
type listings struct {
	tree fs.FS
	read map[string]*listing
}

func newListings(tree fs.FS) *listings { return &listings{tree, map[string]*listing{}} }

// list returns a directory's entries.
func (l *listings) list(dir string) (*listing, error) {
	if known, ok := l.read[dir]; ok {
		return known, nil
	}
	entries, err := fs.ReadDir(l.tree, dir)
	if err != nil {
		return nil, err
	}
	l.read[dir] = &listing{entries: entries}
	return l.read[dir], nil
}

// listing is what one directory holds, sorted by name.
type listing struct {
	entries []fs.DirEntry
	folded  map[string]int // how many names are one where case does not count
}

// find returns the entry of a name.
func (l *listing) find(name string) (fs.DirEntry, bool) {
	i, ok := slices.BinarySearchFunc(l.entries, name, func(e fs.DirEntry, name string) int { return strings.Compare(e.Name(), name) })
	if !ok {
		return nil, false
	}
	return l.entries[i], true
}

// twin returns another name of the directory that differs from this one in case alone, ""
// when there is none.
func (l *listing) twin(name string) string {
	if l.folded == nil {
		l.folded = make(map[string]int, len(l.entries))
		for _, e := range l.entries {
			l.folded[strings.ToLower(e.Name())]++
		}
	}
	if l.folded[strings.ToLower(name)] < 2 {
		return ""
	}
	for _, e := range l.entries {
		if e.Name() != name && strings.EqualFold(e.Name(), name) {
			return e.Name()
		}
	}
	return ""
}

// directories returns the names of those that a pattern could mean.
func (l *listing) directories() []string {
	return l.names(func(e fs.DirEntry) bool { return e.IsDir() && !slices.Contains(unseen, e.Name()) })
}

// names returns those of the entries that are wanted.
func (l *listing) names(wanted func(fs.DirEntry) bool) []string {
	var names []string
	for _, e := range l.entries {
		if wanted(e) {
			names = append(names, e.Name())
		}
	}
	return names
}
