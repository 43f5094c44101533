package adopt

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Result is what came of a drift report.
type Result struct {
	Application string   `json:"application"`
	Files       []File   `json:"files"`   // that are edited, by path
	Written     []Change `json:"written"` // what is written back into them
	Left        []Change `json:"left"`    // what is not, each with its Reason
	// Also are other applications that are deployed from the same files, which a merge rolls out
	// too. From does not know of them: whoever does says so.
	Also []string `json:"also,omitempty"`
}

// File is a file before and after.
type File struct {
	Path       string `json:"path"` // from the repository's root
	Before     []byte `json:"-"`
	After      []byte `json:"-"`
	Executable bool   `json:"-"`
}

// Change is one value that differs live from what was declared. An empty side is absent.
type Change struct {
	Resource string    `json:"resource"`
	Type     string    `json:"type,omitempty"`
	Path     string    `json:"path,omitempty"` // "/VisibilityTimeout"; empty: the resource as a whole
	Declared string    `json:"declared,omitempty"`
	Live     string    `json:"live,omitempty"`
	Since    time.Time `json:"since,omitzero"` // when the drift was first seen
	File     string    `json:"file,omitempty"` // that it is written into, or would have to be
	Line     int       `json:"line,omitempty"`
	Reason   string    `json:"reason,omitempty"` // why it is not written back

	By *gitops.Touch `json:"by,omitempty"` // who changed the resource last, where an event told
}

// From writes the drift of an application back into its files, which are those of the whole
// repository as far as they are there. The error says that the files cannot be read, or that
// an edit would change something else: then nothing is to be used.
func From(files fs.FS, s gitops.Settings, report gitops.DriftReport) (Result, error) {
	a := &adopter{files: files, settings: s, edited: map[string]*document{}}
	switch {
	case report.Gone:
		a.leave(Change{Resource: cmp.Or(s.CloudFormation.Stack, s.Name), Reason: "the stack itself is no longer there: 'driftless sync " + s.Name + "' makes it again"})
	case report.Foreign != "":
		a.leave(Change{Resource: cmp.Or(s.CloudFormation.Stack, s.Name), Reason: "somebody else changed the stack as a whole, which a report does not show by property: " + report.Foreign})
	}
	for _, res := range report.Resources {
		a.resource(res)
	}
	if a.broken != nil {
		return Result{}, a.broken
	}
	return a.result()
}

// adopter goes through a report.
type adopter struct {
	files    fs.FS
	settings gitops.Settings
	edited   map[string]*document // templates and parameter files, by path
	hcl      *module              // of Terraform; nil: not read
	written  []Change
	left     []Change
	broken   error // the files cannot be read
}

// resource writes back what drifted of one resource.
func (a *adopter) resource(res gitops.ResourceDrift) {
	whole := Change{Resource: res.LogicalID, Type: res.Type, Since: res.Since, By: res.By}
	switch res.Status {
	case gitops.ResourceInSync, gitops.ResourceIgnored, gitops.ResourceNotCheckable:
		return
	case gitops.ResourceDeleted:
		whole.Reason = "it was deleted: 'driftless sync " + a.settings.Name + "' makes it again; whether it is to go from the code too is for a person to say"
		a.leave(whole)
		return
	case gitops.ResourceModified:
	}
	if len(res.Properties) == 0 {
		whole.Reason = "the report does not say which of its properties differ"
		a.leave(whole)
	}
	var groups [][]Change
	of := map[string]int{} // the group of each element
	for _, d := range inOrder(res.Properties) {
		c := whole
		c.Path, c.Declared, c.Live = d.Path, d.Declared, d.Live
		c.Reason = masked(d)
		if c.Reason == "" && d.Kind == gitops.Undeclared && !named.MatchString(gitops.PathSteps(d.Path)[0]) {
			c.Reason = "it was added outside as a thing of its own, which is for a person to import or to remove"
		}
		at, known := of[element(c.Path)]
		if !known {
			at = len(groups)
			of[element(c.Path)], groups = at, append(groups, nil)
		}
		groups[at] = append(groups[at], c)
	}
	for _, group := range groups {
		a.whole(group)
	}
}

// element returns the path of the element of a list that a path leads into, else the path
// itself. What differs within one element was meant as a whole: half of a tag, or of a rule, is
// another one.
func element(path string) string {
	all := gitops.PathSteps(path)
	for i := len(all) - 2; i > 0; i-- {
		if indexOf(all[i]) >= 0 {
			return gitops.PathOf(all[:i+1])
		}
	}
	return path
}

// whole writes changes back that belong together, all or none.
func (a *adopter) whole(group []Change) {
	before, written, left := a.state(), len(a.written), len(a.left)
	for _, c := range group {
		switch {
		case c.Reason != "":
			a.leave(c)
		case a.settings.Engine == gitops.EngineTerraform:
			a.terraform(c)
		default:
			a.property(c)
		}
	}
	if len(a.written) == written || len(a.left) == left {
		return
	}
	first := a.left[left]
	a.restore(before)
	a.written, a.left = a.written[:written], a.left[:left]
	for _, c := range group {
		c.File, c.Reason = first.File, fmt.Sprintf("a part of it, %s, cannot be written: %s", first.Path, first.Reason)
		a.leave(c)
	}
}

// named is the name of a property.
var named = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)

// inOrder sorts differences so that none moves what another one is about: values first, then
// what is taken out, of lists the last first, then what is put in.
func inOrder(all []gitops.Difference) []gitops.Difference {
	rank := func(d gitops.Difference) int {
		switch {
		case d.Live == "" && d.Declared != "":
			return 1
		case d.Declared == "" && d.Live != "":
			return 2
		}
		return 0
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(x, y gitops.Difference) int {
		order := slices.CompareFunc(gitops.PathSteps(x.Path), gitops.PathSteps(y.Path), byIndex)
		if rank(x) == 1 {
			order = -order
		}
		return cmp.Or(cmp.Compare(rank(x), rank(y)), order)
	})
	return all
}

// byIndex compares steps of paths, indexes as numbers.
func byIndex(a, b string) int {
	x, notX := strconv.Atoi(a)
	y, notY := strconv.Atoi(b)
	if errors.Join(notX, notY) == nil {
		return cmp.Compare(x, y)
	}
	return strings.Compare(a, b)
}

func (a *adopter) leave(c Change) { a.left = append(a.left, c) }

// result collects what was edited, once it is certain that nothing else was.
func (a *adopter) result() (Result, error) {
	r := Result{Application: a.settings.Name, Files: []File{}, Written: a.written, Left: a.left}
	if r.Written == nil {
		r.Written = []Change{}
	}
	if r.Left == nil {
		r.Left = []Change{}
	}
	for _, name := range slices.Sorted(maps.Keys(a.edited)) {
		d := a.edited[name]
		if err := d.check(); err != nil {
			return Result{}, fmt.Errorf("edit %s: %w", name, err)
		}
		r.add(a.files, name, d.before.Bytes(), d.now.Bytes())
	}
	if a.hcl != nil {
		for _, name := range slices.Sorted(maps.Keys(a.hcl.files)) {
			f := a.hcl.files[name]
			if err := f.check(); err != nil {
				return Result{}, fmt.Errorf("edit %s: %w", name, err)
			}
			r.add(a.files, name, f.before, f.now)
		}
	}
	slices.SortFunc(r.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return r, nil
}

func (r *Result) add(files fs.FS, name string, before, after []byte) {
	if bytes.Equal(before, after) {
		return
	}
	info, err := fs.Stat(files, name)
	r.Files = append(r.Files, File{name, before, after, err == nil && info.Mode()&0o100 != 0})
}

// Branch returns the branch that the edited files go to: of the same edits it is the same.
func (r Result) Branch() string {
	h := sha256.New()
	for _, f := range r.Files {
		fmt.Fprintf(h, "%s\x00%d\x00", f.Path, len(f.After))
		h.Write(f.After)
	}
	return "driftless/adopt-" + r.Application + "-" + hex.EncodeToString(h.Sum(nil))[:10]
}
