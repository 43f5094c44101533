package config

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/driftless-gitops/driftless/internal/config/nearest"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// checker looks for what the files name in the repository's tree: directories, templates,
// parameter files and what is watched. A link or a submodule on the way to one is a
// problem, for neither is followed. The tree's names are read, never a content.
type checker struct {
	*decoder
	listings *listings
}

// check looks for what one file names, and returns the applications with a problem, each of
// which is that one's alone: the others can go on. What was refused is not looked for.
func (d *decoder) check(in *listings) (faulty []string) {
	c := &checker{d, in}
	for i, s := range d.settings {
		before, dropped := len(d.problems), d.dropped
		c.application(fmt.Sprintf("applications[%d]", i), s)
		for k := range d.problems[before:] {
			d.problems[before+k].Application = s.Name
		}
		if len(d.problems) > before || d.dropped > dropped {
			faulty = append(faulty, s.Name)
		}
	}
	return faulty
}

// kind is what a name has to be.
type kind int

const (
	directory kind = iota
	regular
	either
)

// application looks for what one application names.
func (c *checker) application(at string, s gitops.Settings) {
	if s.Path == "" || !c.look(at+".path", Relative(c.dir, s.Path), s.Path, directory) {
		return // everything else lies in it
	}
	for i, w := range s.Watch {
		if w != "" {
			c.look(fmt.Sprintf("%s.watch[%d]", at, i), Relative(c.dir, w), w, either)
		}
	}
	if s.Drift.Baseline != "" {
		c.look(at+".drift.baseline", s.Drift.Baseline, path.Join(s.Path, s.Drift.Baseline), regular)
	}
	if s.Terraform != nil {
		for i, f := range s.Terraform.VarFiles {
			if f != "" {
				c.look(fmt.Sprintf("%s.terraform.varFiles[%d]", at, i), f, path.Join(s.Path, f), regular)
			}
		}
	}
	at += "." + string(s.Engine)
	if template := s.CloudFormation.Template; template != "" && !c.refused(at+".template") {
		c.look(at+".template", template, path.Join(s.Path, template), regular)
	}
	if parameters := s.CloudFormation.Parameters; parameters != "" {
		c.look(at+".parameters", parameters, path.Join(s.Path, parameters), regular)
	}
	if s.Engine == gitops.EngineCDK {
		c.look(at, "cdk.json", path.Join(s.Path, "cdk.json"), regular)
	}
}

// look finds a name part by part, refuses the value at a path when it is not what it has
// to be, and reports whether it is. The name is as the file has it, full from the root.
func (c *checker) look(at, name, full string, want kind) bool {
	dir, rest := ".", full
	for rest != "" && rest != "." {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		list, err := c.listings.list(dir)
		if err != nil {
			c.refuse(at, c.near(at), "%s cannot be read: %v", dir, err)
			return false
		}
		entry, there := list.find(part)
		if !there {
			c.missing(at, name, dir, part, rest, want)
			return false
		}
		if twin := list.twin(part); twin != "" {
			c.refuse(at, c.near(at), "%s and %s differ in case alone, and are one file on some machines", path.Join(dir, part), quote(twin))
			return false
		}
		dir = path.Join(dir, part)
		if why := unusable(entry.Type(), want, rest != ""); why != "" {
			c.refuse(at, c.near(at), "%s is %s", dir, why)
			return false
		}
	}
	if full == "." && want == regular {
		c.refuse(at, c.near(at), "the root is a directory; a file is needed")
		return false
	}
	return true
}

// unusable says why what was found cannot be used, "" when it can.
func unusable(found fs.FileMode, want kind, more bool) string {
	switch {
	case found&fs.ModeSymlink != 0:
		return "a symbolic link, which is not followed"
	case found&fs.ModeIrregular != 0:
		return "a submodule, which is not read"
	case !found.IsDir() && !found.IsRegular():
		return "neither a file nor a directory"
	case !found.IsDir() && (more || want == directory):
		return "a file; a directory is needed"
	case found.IsDir() && !more && want == regular:
		return "a directory; a file is needed"
	}
	return ""
}

// missing refuses a name that is not there, with the name that may have been meant. The
// part was looked for in dir, and the rest of the name would lie below it.
func (c *checker) missing(at, name, dir, part, rest string, want kind) {
	where := dir
	if dir == "." {
		where = "the repository"
	}
	said := quote(name)
	if _, given := c.at[at]; !given {
		said += " (the default)"
	}
	list, _ := c.listings.list(dir) // it was read before
	names := list.names(func(e fs.DirEntry) bool { return unusable(e.Type(), want, rest != "") == "" })
	near := nearest.Of(part, names)
	switch {
	case near != "":
		meant := strings.TrimSuffix(name, path.Join(part, rest)) + path.Join(near, rest)
		c.refuse(at, c.near(at), "%s is not in %s; did you mean %s?", said, where, quote(meant))
	case want == regular && rest == "" && len(names) > 0:
		c.refuse(at, c.near(at), "%s is not in %s, which has %s", said, where, some(names))
	default:
		c.refuse(at, c.near(at), "%s is not in %s", said, where)
	}
}

// some lists names, the first few of many.
func some(names []string) string {
	const most = 5
	var quoted []string
	for _, n := range names[:min(most, len(names))] {
		quoted = append(quoted, quote(n))
	}
	list := strings.Join(quoted, ", ")
	if more := len(names) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}
