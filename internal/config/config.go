package config

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Name is the file that a repository has at its root, and may have in any directory that
// the root's includes.
const Name = "driftless.yaml"

// What the configuration of one repository may be made of. Whoever needs more splits it:
// a repository is read by one function in one go.
const (
	maxFiles        = 1_000  // that are included
	maxApplications = 10_000 // of all files
	maxProblems     = 50     // that are told: a record has to hold them
)

// Config is what the configuration files of a repository say together.
type Config struct {
	// Files are the configuration files, the root's first, those that cannot be read among them.
	Files []string
	// Applications are those of all files, in that order, with every default filled in. Of a
	// file with a problem they are what could be made out.
	Applications []gitops.Settings
	// Problems are in the order of the files and of their lines, at most 51: those that a
	// record can hold, and one that counts the others. Which of them concerns whom is in each.
	Problems []gitops.Problem

	places  []string        // of each application: "applications[3]" of its file
	stopped bool            // nothing of the repository moves
	broken  map[string]bool // files, as Settings.File names them
	faulty  map[string]bool // applications
}

// Stopped reports whether nothing of the repository may move: something is wrong with the
// root's file, or between files, and who meant what is not certain.
func (c Config) Stopped() bool { return c.stopped }

// Stops reports whether an application has to stay where it is: for a problem of its own, of
// the file that it stands in (Settings.File, of its record where the file cannot be read),
// or of the repository. One that stays is not retired either.
func (c Config) Stops(application, file string) bool {
	return c.stopped || c.broken[file] || c.faulty[application]
}

// Place returns the configuration file of the i-th application and the path of its value
// there, by which Problems name it.
func (c Config) Place(i int) (file, at string) {
	return fileOf(c.Applications[i].File), c.places[i]
}

// fileOf returns the name of the file that Settings.File means.
func fileOf(file string) string {
	if file == "" {
		return Name
	}
	return file
}

// Files returns the configuration files of a repository that have to be read: the root's
// first, whose content is given, then those that it includes, sorted. It leaves out what the
// tree shows to be unusable, and returns the root's alone where that has a problem.
func Files(root []byte, tree fs.FS) []string {
	files := []string{Name}
	if !strings.Contains(string(root), "include") {
		return files // the usual file is not parsed twice
	}
	d := newDecoder(Name, nil)
	included := d.include(d.parse(root), newListings(tree))
	for _, f := range included {
		if f.unusable == "" {
			files = append(files, f.name)
		}
	}
	return files
}

// Load reads the configuration of a repository and checks it against the tree, whose names
// are read and no content. What read returns for one of Files is its content; an error there
// is that file's problem. It never fails otherwise, whatever the bytes are.
func Load(tree fs.FS, read func(name string) ([]byte, error)) Config {
	l := &loader{read: read, listings: newListings(tree), config: Config{broken: map[string]bool{}, faulty: map[string]bool{}}}
	root := newDecoder(Name, nil)
	doc := l.open(root, "")
	root.resolve(doc)
	for _, f := range root.include(doc, l.listings) {
		d := newDecoder(f.name, root)
		d.resolve(l.open(d, f.unusable))
	}
	l.finish()
	return l.config
}

// loader puts the files of a configuration together.
type loader struct {
	read     func(name string) ([]byte, error)
	listings *listings
	files    []*decoder
	config   Config
}

// open reads and parses one file; a reason why it is unusable is its problem.
func (l *loader) open(d *decoder, unusable string) Document {
	l.files = append(l.files, d)
	if unusable != "" {
		d.refuse("", position{1, 1}, "%s", unusable)
		return Document{}
	}
	data, err := l.read(d.file)
	if err != nil {
		d.refuse("", position{1, 1}, "cannot be read: %s", strings.TrimPrefix(err.Error(), d.file+": "))
		return Document{}
	}
	return d.parse(data)
}

// finish holds the files against each other and against the tree.
func (l *loader) finish() {
	c := &l.config
	for _, d := range l.files {
		c.Files = append(c.Files, d.file)
		for i, s := range d.settings {
			c.Applications = append(c.Applications, s)
			c.places = append(c.places, fmt.Sprintf("applications[%d]", i))
		}
	}
	root := l.files[0]
	if n := len(c.Applications); n > maxApplications {
		root.refuse("applications", root.near("applications"), "%d applications in %s; at most %d are allowed", n, counted(len(l.files), "file"), maxApplications)
	}
	clash := unique(l.files)
	for _, d := range l.files {
		c.broken[d.label()] = len(d.problems) > 0
	}
	c.stopped = c.broken[""] || clash
	var all []gitops.Problem
	dropped := 0
	for _, d := range l.files {
		for _, name := range d.check(l.listings) {
			c.faulty[name] = true
		}
		for i := range d.problems {
			d.problems[i].Within = d.label()
		}
		all, dropped = append(all, sorted(append(d.problems, d.between...))...), dropped+d.dropped
	}
	c.Problems = cut(all, dropped)
}

// sorted returns problems of a file by where they stand.
func sorted(problems []gitops.Problem) []gitops.Problem {
	slices.SortStableFunc(problems, func(a, b gitops.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return problems
}

// cut leaves of problems what a record can hold, and counts the others.
func cut(problems []gitops.Problem, dropped int) []gitops.Problem {
	more := len(problems) - maxProblems
	if more <= 0 {
		return problems
	}
	first := problems[maxProblems]
	rest := gitops.Problem{File: first.File, Line: first.Line, Column: first.Column, Within: first.Within,
		Message: fmt.Sprintf("and %d more problems from here on", more+dropped)}
	if slices.ContainsFunc(problems[maxProblems:], func(p gitops.Problem) bool { return p.Within != first.Within }) {
		rest.Within = "" // whose they are is not told apart
	}
	return append(problems[:maxProblems:maxProblems], rest)
}

// counted returns a number of things in words.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// label returns how Settings.File names the file.
func (d *decoder) label() string {
	if d.root == nil {
		return ""
	}
	return d.file
}

// parse reads one file into a Document.
func (d *decoder) parse(data []byte) Document {
	var doc Document
	root, fault := read(normal(data))
	if fault != nil {
		d.refuse("", fault.at, "%s", fault.why)
		return doc
	}
	d.decode("", root, reflect.ValueOf(&doc).Elem())
	return doc
}

// newDecoder returns the decoder of a file; root is that of the root's file, nil for itself.
func newDecoder(file string, root *decoder) *decoder {
	return &decoder{file: file, dir: path.Dir(file), root: root, at: map[string]position{}}
}
