package config

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/config/nearest"
)

// maxVisits caps what is looked through for include: each directory counts once for every
// part of a pattern that it is held against.
const maxVisits = 100_000

// unseen are directories that "**" and wildcards do not look into: what is in them is made
// by tools, and on a person's machine there is far more of it than in git.
var unseen = []string{".git", ".terraform", "cdk.out", "node_modules"}

// included is a configuration file that the root's includes.
type included struct {
	name     string
	unusable string // why it cannot be read, as far as the tree tells
}

// include finds the files that the root's file includes, sorted, each once.
func (d *decoder) include(doc Document, in *listings) []included {
	g := &glob{in: in, found: map[string]included{}}
	for i, p := range doc.Include {
		at := fmt.Sprintf("include[%d]", i)
		parts, ok := d.pattern(at, string(p))
		if !ok {
			continue
		}
		before := g.matches
		g.seen = map[visit]bool{}
		g.walk(parts, ".")
		switch {
		case g.err != nil:
			d.refuse(at, d.at[at], "cannot look for %s: %v", quote(string(p)), g.err)
		case g.visits > maxVisits:
			d.refuse(at, d.at[at], "%s looks through too much of the repository; name the directories more closely", quote(string(p)))
		case g.matches == before:
			d.refuse(at, d.at[at], "%s leads to no %s; %s", quote(string(p)), Name, g.nearby(parts))
		}
		if g.err != nil || g.visits > maxVisits {
			return nil
		}
	}
	if n := len(g.found); n > maxFiles {
		d.refuse("include", d.at["include"], "%d files are included; at most %d are allowed", n, maxFiles)
		return nil
	}
	var files []included
	for _, f := range g.found {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b included) int { return strings.Compare(a.name, b.name) })
	return files
}

// pattern returns the parts of a pattern of directories; false when it is refused, or was
// by its rule.
func (d *decoder) pattern(at, p string) ([]string, bool) {
	if p == "" {
		return nil, false
	}
	if strings.ContainsAny(p, "{}") {
		d.refuse(at, d.at[at], "%s has a brace; list what it stands for one by one", quote(p))
		return nil, false
	}
	parts := strings.Split(path.Clean(p), "/")
	if parts[len(parts)-1] == Name {
		parts = parts[:len(parts)-1]
	}
	if len(parts) == 0 || parts[0] == "." {
		d.refuse(at, d.at[at], "%s is this file; name directories below it", quote(p))
		return nil, false
	}
	for _, part := range parts {
		_, err := path.Match(part, "")
		switch {
		case part == "..":
			d.refuse(at, d.at[at], `%s has a ".."; what is included lies in the repository`, quote(p))
		case err != nil:
			d.refuse(at, d.at[at], `%s is no pattern: a "[" is not closed`, quote(p))
		case part != "**" && strings.Contains(part, "**"):
			d.refuse(at, d.at[at], `%s: "**" stands for whole directories, between two "/"`, quote(p))
		default:
			continue
		}
		return nil, false
	}
	return parts, true
}

// glob looks for the directories that patterns stand for.
type glob struct {
	in      *listings
	found   map[string]included
	matches int // of all patterns, what was found before counted again
	visits  int
	seen    map[visit]bool // of this pattern
	err     error
}

// visit is a directory and how much of the pattern is still to be matched below it.
type visit struct {
	parts int
	dir   string
}

// walk matches the parts of a pattern below a directory.
func (g *glob) walk(parts []string, dir string) {
	v := visit{len(parts), dir}
	if g.err != nil || g.seen[v] {
		return
	}
	g.seen[v] = true
	if g.visits++; g.visits > maxVisits {
		return
	}
	list, err := g.in.list(dir)
	if err != nil {
		g.err = err
		return
	}
	if len(parts) == 0 {
		g.take(dir, list)
		return
	}
	part, rest := parts[0], parts[1:]
	if part == "**" {
		g.walk(rest, dir)
		rest = parts
	}
	if !wild(part) {
		if e, ok := list.find(part); ok && e.IsDir() {
			g.walk(rest, path.Join(dir, part))
		}
		return
	}
	for _, e := range list.entries {
		ok, err := path.Match(part, e.Name())
		if ok && err == nil && e.IsDir() && !slices.Contains(unseen, e.Name()) {
			g.walk(rest, path.Join(dir, e.Name()))
		}
	}
}

// wild reports whether a part of a pattern stands for more than one name.
func wild(part string) bool { return strings.ContainsAny(part, `*?[`) }

// take notes a directory's configuration file, if it has one and is not the root.
func (g *glob) take(dir string, list *listing) {
	e, ok := list.find(Name)
	if !ok || dir == "." {
		return
	}
	g.matches++
	name := path.Join(dir, Name)
	f := included{name: name}
	if why := unusable(e.Type(), regular, false); why != "" {
		f.unusable = why
	}
	g.found[name] = f
}

// nearby says what is where a pattern stops leading on.
func (g *glob) nearby(parts []string) string {
	dir := "."
	for i, part := range parts {
		list, err := g.in.list(dir)
		if err != nil || wild(part) {
			break
		}
		if e, ok := list.find(part); ok && e.IsDir() {
			if dir = path.Join(dir, part); i == len(parts)-1 {
				return dir + " has none"
			}
			continue
		} else if ok {
			return fmt.Sprintf("%s is %s", path.Join(dir, part), unusable(e.Type(), directory, false))
		}
		if near := nearest.Of(part, list.directories()); near != "" {
			return fmt.Sprintf("there is no %s; did you mean %s?", path.Join(dir, part), quote(path.Join(dir, near)))
		}
		break
	}
	where := dir
	if dir == "." {
		where = "the repository"
	}
	list, err := g.in.list(dir)
	if err != nil {
		return where + " cannot be read"
	}
	if dirs := list.directories(); len(dirs) > 0 {
		return fmt.Sprintf("%s has the directories %s", where, some(dirs))
	}
	return where + " has no directories"
}
