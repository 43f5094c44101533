package propose

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Schema is what the first line of a driftless.yaml names to an editor.
const Schema = "https://raw.githubusercontent.com/driftless-gitops/driftless/main/templates/schema/driftless.v1.json"

// The target where none is given: AWS's own example of an account, which no installation has.
const (
	exampleAccount = "111122223333"
	exampleRegion  = "eu-west-1"
)

// Layout is how a proposal is written.
type Layout struct {
	Target       gitops.Target // of all; without an account or region, an example with a comment
	PerDirectory bool          // each directory has a file of its own, which the root's includes
}

// File is a configuration file to be written.
type File struct {
	Name string `json:"name"` // from the repository's root
	Text string `json:"text"`
}

// Write returns the configuration files that say what was found, the root's first. It
// returns none where no application is deployable: such a file would be no good one.
func (f Found) Write(l Layout) []File {
	if len(f.Deployable()) == 0 {
		return nil
	}
	dirs := []string{"."}
	byDir := map[string][]Application{}
	for _, a := range f.Applications {
		dir := "."
		if l.PerDirectory && a.LeftOut == "" {
			dir = a.Path
		}
		if byDir[dir] == nil && dir != "." {
			dirs = append(dirs, dir)
		}
		byDir[dir] = append(byDir[dir], a)
	}
	var files []File
	for _, dir := range dirs {
		w := &writer{dir: dir}
		w.line("# yaml-language-server: $schema=" + Schema)
		w.line("")
		if dir == "." {
			w.root(l, dirs[1:])
		} else {
			w.line("# The defaults are in the %s at the repository's root. Paths are relative to this file.", config.Name)
			w.line("version: 1")
			w.line("")
		}
		w.applications(byDir[dir])
		files = append(files, File{path.Join(dir, config.Name), w.String()})
	}
	return files
}

// writer writes one file.
type writer struct {
	strings.Builder
	dir string
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// root writes what the root's file begins with.
func (w *writer) root(l Layout, included []string) {
	w.line(`# Proposed by "driftless init" from what is in this repository. Read it, change what is not`)
	w.line(`# meant, and check it with "driftless validate".`)
	w.line("version: 1")
	w.line("")
	if len(included) > 0 {
		w.line("# Each of these directories has a %s of its own.", config.Name)
		w.line("include: [%s]", strings.Join(quoted(patterns(included)), ", "))
		w.line("")
	}
	w.line("# What all applications have in common. An application may say otherwise.")
	w.line("defaults:")
	if l.Target.Account == "" {
		w.line("  # The account is an example: put in one that Driftless was installed for.")
	}
	if l.Target.Region == "" {
		w.line("  # The region is an example: put in yours.")
	}
	account, region := l.Target.Account, l.Target.Region
	if account == "" {
		account = exampleAccount
	}
	if region == "" {
		region = exampleRegion
	}
	w.line("  target: { account: %q, region: %s }", account, scalar(region))
	w.line("  # A plan that replaces or removes a resource waits for \"driftless approve\".")
	w.line("  sync: { mode: auto, approval: destructive }")
	w.line("")
}

// patterns returns what includes the directories: those with one parent by that parent.
func patterns(dirs []string) []string {
	below := map[string]int{}
	for _, d := range dirs {
		below[path.Dir(d)]++
	}
	var all []string
	for _, d := range dirs {
		p := d
		if parent := path.Dir(d); below[parent] > 1 && parent != "." {
			p = parent + "/*"
		}
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// applications writes the list, and then what is left out, as comments.
func (w *writer) applications(all []Application) {
	begun := false
	for _, a := range all {
		if a.LeftOut != "" {
			continue
		}
		if !begun {
			w.line("applications:")
			begun = true
		}
		if a.Note != "" {
			w.line("  # %s", comment(a.Note))
		}
		if a.Path == "." {
			w.line("  # Its directory is the whole repository, so every commit rolls it out, whatever it changes:")
			w.line("  # move it to a directory of its own if that is not meant.")
		}
		w.application(a, "  ")
	}
	left := slices.ContainsFunc(all, func(a Application) bool { return a.LeftOut != "" })
	if !left {
		return
	}
	if begun {
		w.line("")
	}
	w.line("  # Left out, each with the reason:")
	for _, a := range all {
		if a.LeftOut != "" {
			w.line("  #")
			w.line("  # %s: %s", comment(a.From), comment(a.LeftOut))
			w.application(a, "  # ")
		}
	}
}

// application writes one entry of the list, each line behind the indent.
func (w *writer) application(a Application, indent string) {
	w.line("%s- name: %s", indent, scalar(a.Name))
	w.line("%s  path: %s", indent, scalar(config.Relative(w.dir, a.Path)))
	if len(a.Watch) > 0 {
		var watch []string
		for _, p := range a.Watch {
			watch = append(watch, config.Relative(w.dir, p))
		}
		w.line("%s  watch: [%s]", indent, strings.Join(quoted(watch), ", "))
	}
	switch a.Engine {
	case gitops.EngineCloudFormation, gitops.EngineSAM:
	case gitops.EngineTerraform:
		version := a.Version
		if version == "" {
			version = "X.Y.Z" // it is left out for that
		}
		keys := "version: " + scalar(version)
		if a.Backend != "" {
			keys += ", backend: " + scalar(a.Backend)
		}
		w.line("%s  terraform: { %s }", indent, keys)
		return
	case gitops.EngineCDK:
		w.line("%s  cdk: { version: %s }", indent, scalar(a.Version))
		return
	}
	var keys []string
	if a.Template != "template.yaml" {
		keys = append(keys, "template: "+scalar(a.Template))
	}
	if a.Parameters != "" {
		keys = append(keys, "parameters: "+scalar(a.Parameters))
	}
	if len(a.Capabilities) > 0 {
		keys = append(keys, "capabilities: ["+strings.Join(a.Capabilities, ", ")+"]")
	}
	if len(a.Transforms) > 0 {
		keys = append(keys, "transforms: ["+strings.Join(quoted(a.Transforms), ", ")+"]")
	}
	if len(keys) == 0 {
		w.line("%s  %s: {}", indent, a.Engine)
		return
	}
	w.line("%s  %s:", indent, a.Engine)
	for _, k := range keys {
		w.line("%s    %s", indent, k)
	}
}

// plain are texts that YAML reads as themselves, within brackets too.
var plain = regexp.MustCompile(`^[A-Za-z_./][A-Za-z0-9_./-]*(::[A-Za-z0-9_.-]+)*$`)

// scalar writes a text so that YAML reads the same one.
func scalar(text string) string {
	word := slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(text))
	if plain.MatchString(text) && !word {
		return text
	}
	data, _ := json.Marshal(text) // a string always marshals, and YAML reads JSON's strings
	return string(data)
}

func quoted(texts []string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, scalar(t))
	}
	return out
}

// comment keeps a text within its line.
func comment(text string) string { return strings.Join(strings.Fields(text), " ") }
