package adopt

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/driftless-gitops/driftless/internal/template"
)

// document is a template or a parameter file while it is edited.
type document struct {
	name        string
	before, now template.Source
	touched     [][]string // the paths at which it was edited
}

// open returns a document of the application, as far as it is edited by now.
func (a *adopter) open(name string) (*document, error) {
	if d := a.edited[name]; d != nil {
		return d, nil
	}
	data, err := a.read(name)
	if err != nil {
		return nil, err
	}
	s, err := template.ReadSource(name, data)
	if err != nil {
		return nil, err
	}
	d := &document{name: name, before: s, now: s}
	a.edited[name] = d
	return d, nil
}

// check holds a document against what it was: it is read as before but for the places at which
// it was edited.
func (d *document) check() error {
	after, err := template.ReadSource(d.name, d.now.Bytes())
	if err != nil {
		return fmt.Errorf("it would no longer be read: %w", err)
	}
	for _, at := range d.before.Differs(after) {
		if !slices.ContainsFunc(d.touched, func(t []string) bool { return within(t, at) || within(at, t) }) {
			return fmt.Errorf("%s would be changed, which no drift is about", strings.Join(at, "."))
		}
	}
	return nil
}

// within reports whether a path is another one, or below it.
func within(path, other []string) bool {
	return len(path) >= len(other) && slices.Equal(path[:len(other)], other)
}

// state is what every file is at one time.
type state struct {
	documents map[string]document
	files     map[string]hclFile
}

func (a *adopter) state() state {
	s := state{map[string]document{}, map[string]hclFile{}}
	for name, d := range a.edited {
		s.documents[name] = *d
	}
	if a.hcl != nil {
		for name, f := range a.hcl.files {
			s.files[name] = *f
		}
	}
	return s
}

// restore makes every file what it was; those that were not open by then are not edited yet.
func (a *adopter) restore(s state) {
	for name, d := range a.edited {
		*d = document{name: name, before: d.before, now: d.before}
		if was, open := s.documents[name]; open {
			*d = was
		}
	}
	if a.hcl == nil {
		return
	}
	for name, f := range a.hcl.files {
		if was, open := s.files[name]; open {
			*f = was
			continue
		}
		delete(a.hcl.files, name) // it is read again where it is needed
	}
}

// editor brings one property of a document from what was declared to what is live.
type editor struct {
	*document
	base []string // of the resource's properties
	// written and left are told of each value; call of one that a function makes.
	written func(path []string, declared, live any, line int)
	left    func(path []string, declared, live any, line int, why string)
	call    func(path []string, s template.Spot, declared, live any)
}

// edit brings what is at a path below the base from what was declared to what is live. Where
// both are the same nothing is touched, so that the form of what did not drift is kept.
func (e *editor) edit(at []string, declared, live any) {
	if same(declared, live) {
		return
	}
	s := e.now.At(slices.Concat(e.base, at)...)
	if s.Form == template.Mapping || s.Form == template.List {
		declared, live = valueOf(shown(declared), true), valueOf(shown(live), true)
	}
	switch s.Form {
	case template.Call:
		e.call(at, s, declared, live)
	case template.Absent:
		e.absent(at, s, declared, live)
	case template.Scalar:
		e.scalar(at, s, declared, live)
	case template.Mapping:
		e.mapping(at, s, declared, live)
	case template.List:
		e.list(at, s, declared, live)
	}
}

// do makes one edit, and tells what came of it.
func (e *editor) do(at []string, declared, live any, line int, edit func(path []string) (template.Source, error)) {
	full := slices.Concat(e.base, at)
	out, err := edit(full)
	if err != nil {
		var refused *template.Error
		if errors.As(err, &refused) {
			e.left(at, declared, live, refused.Line, refused.Message)
			return
		}
		e.left(at, declared, live, line, err.Error())
		return
	}
	e.now = out
	e.touched = append(e.touched, full)
	e.written(at, declared, live, line)
}

func (e *editor) absent(at []string, s template.Spot, declared, live any) {
	switch {
	case declared != nil:
		e.left(at, declared, live, s.Line, "it does not stand in the file: what was deployed had it from elsewhere, or git has changed since")
		return
	case e.holds(at[:len(at)-1], structured(live)):
		e.left(at, declared, live, s.Line, "git says so already: it is not deployed yet")
		return
	}
	e.do(at, declared, live, s.Line, func(path []string) (template.Source, error) { return e.now.Insert(path, structured(live)) })
}

// holds reports whether a list has an element that says just this.
func (e *editor) holds(at []string, live any) bool {
	s := e.now.At(slices.Concat(e.base, at)...)
	for i := range s.Len {
		if e.differs(slices.Concat(at, []string{strconv.Itoa(i)}), live, false) == "" {
			return true
		}
	}
	return false
}

// structured returns a value that goes where nothing is yet: a text of a mapping or a list is one.
func structured(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	if v := valueOf(text, true); v != any(text) {
		return v
	}
	return literal(text)
}

func (e *editor) scalar(at []string, s template.Spot, declared, live any) {
	_, mapping := live.(map[string]any)
	_, list := live.([]any)
	switch {
	case strings.Contains(s.Text, "{{resolve:"):
		e.left(at, declared, live, s.Line, "a dynamic reference stands there, whose value is kept elsewhere")
	case same(s.Text, live):
		e.left(at, declared, live, s.Line, "git says so already: it is not deployed yet")
	case declared == nil && s.Text != "", declared != nil && !same(s.Text, declared):
		e.left(at, declared, live, s.Line, fmt.Sprintf("git has changed there since what is deployed: it says %s", cut(s.Text)))
	case mapping || list:
		e.left(at, declared, live, s.Line, "a single value stands there, and live has a mapping or a list")
	case live == nil:
		e.do(at, declared, live, s.Line, func(path []string) (template.Source, error) { return e.now.Remove(path) })
	default:
		e.do(at, declared, live, s.Line, func(path []string) (template.Source, error) { return e.now.Set(path, live) })
	}
}

func (e *editor) mapping(at []string, s template.Spot, declared, live any) {
	before, ok := declared.(map[string]any)
	after, fits := live.(map[string]any)
	switch {
	case ok && live == nil:
		e.remove(at, s, declared)
		return
	case !ok || !fits:
		e.left(at, declared, live, s.Line, "a mapping stands there, and the report compares something else")
		return
	}
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		e.edit(slices.Concat(at, []string{key}), before[key], after[key])
	}
}

// list edits element by element between those that are the same at both ends.
func (e *editor) list(at []string, s template.Spot, declared, live any) {
	before, ok := declared.([]any)
	after, fits := live.([]any)
	switch {
	case ok && live == nil:
		e.remove(at, s, declared)
		return
	case !ok || !fits:
		e.left(at, declared, live, s.Line, "a list stands there, and the report compares something else")
		return
	case len(before) != s.Len:
		e.left(at, declared, live, s.Line, fmt.Sprintf("the list has %d elements in git and %d in what is deployed", s.Len, len(before)))
		return
	}
	step := func(i int) []string { return slices.Concat(at, []string{strconv.Itoa(i)}) }
	for _, g := range slices.Backward(gaps(before, after)) { // from the end, so that indexes stay
		both := min(g.removed, g.added)
		for i := range both {
			e.edit(step(g.before+i), before[g.before+i], after[g.after+i])
		}
		for i := g.removed - 1; i >= both; i-- {
			e.edit(step(g.before+i), before[g.before+i], nil)
		}
		for i := both; i < g.added; i++ {
			item := after[g.after+i]
			e.do(step(g.before+i), nil, item, s.Line, func(path []string) (template.Source, error) { return e.now.Insert(path, item) })
		}
	}
}

// remove takes out a mapping or a list that live does not have, if it is what was deployed.
func (e *editor) remove(at []string, s template.Spot, declared any) {
	if why := e.differs(at, valueOf(shown(declared), true), true); why != "" {
		e.left(at, declared, nil, s.Line, why)
		return
	}
	e.do(at, declared, nil, s.Line, func(path []string) (template.Source, error) { return e.now.Remove(path) })
}

// differs returns why what stands at a path is not what was declared, or nothing. What a
// function makes is taken for it where functions is.
func (e *editor) differs(at []string, declared any, functions bool) string {
	s := e.now.At(slices.Concat(e.base, at)...)
	const changed = "git has changed there since what is deployed"
	if s.Form == template.Call && functions {
		return ""
	}
	switch v := declared.(type) {
	case map[string]any:
		if s.Form != template.Mapping || len(s.Keys) != len(v) {
			return changed
		}
		for key, value := range v {
			if why := e.differs(slices.Concat(at, []string{key}), value, functions); why != "" {
				return why
			}
		}
	case []any:
		if s.Form != template.List || len(v) != s.Len {
			return changed
		}
		for i, value := range v {
			if why := e.differs(slices.Concat(at, []string{strconv.Itoa(i)}), value, functions); why != "" {
				return why
			}
		}
	default:
		if s.Form != template.Scalar || !same(s.Text, declared) {
			return changed
		}
	}
	return ""
}

// cut returns a value in quotes as a reason can hold it.
func cut(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strconv.Quote(s)
}

// beside returns the path of a file that another one names.
func beside(name, other string) string { return path.Join(path.Dir(name), other) }
