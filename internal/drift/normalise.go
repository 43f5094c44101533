package drift

import (
	"slices"
	"strconv"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Normalise returns the differences of a resource that mean something, in their order. declared
// and live are the JSON of the properties as a detection compared them, among which the
// differences lie. Nothing is taken away where those cannot be read. A property whose two
// values do not mean the same keeps one difference at least, and what Normalise returned it
// returns again.
func Normalise(kind, declared, live string, found []gitops.Difference) []gitops.Difference {
	d, err := Properties(declared)
	if err != nil {
		return found
	}
	l, err := Properties(live)
	if err != nil {
		return found
	}
	m := about(kind)
	bare, _ := m.unsaid("", d, l).(map[string]any)
	left, lost := []gitops.Difference{}, map[string]bool{}
	for _, f := range found {
		path := steps(f.Path)
		if len(path) == 0 || !m.idle("", path, d, bare) {
			left = append(left, f)
			if len(path) > 0 {
				lost[path[0]] = false
			}
			continue
		}
		if _, kept := lost[path[0]]; !kept {
			lost[path[0]] = true
		}
	}
	for name, all := range lost {
		if at := step("", name); all && !m.equal(at, d[name], bare[name]) {
			return found // the paths are not those of these values: nothing here is certain
		}
	}
	return left
}

// idle reports whether what a path leads to means the same on both sides, or lies within
// something that does.
func (m meaning) idle(at string, path []string, declared, live any) bool {
	if at != "" && m.equal(at, declared, live) {
		return true
	}
	if len(path) == 0 || m.whole(at) {
		return false
	}
	d, isMap := declared.(map[string]any)
	l, both := live.(map[string]any)
	if isMap && both {
		if d[path[0]] == nil && l[path[0]] == nil {
			return false // a name that is written in another way
		}
		return m.idle(step(at, path[0]), path[1:], d[path[0]], l[path[0]])
	}
	dl, isList := declared.([]any)
	ll, both := live.([]any)
	i, err := strconv.Atoi(path[0])
	if !isList || !both || err != nil || i < 0 {
		return false
	}
	if m.set(at, dl) && m.set(at, ll) {
		return m.elsewhere(at, dl, ll, i) && m.elsewhere(at, ll, dl, i)
	}
	if i >= len(dl) || i >= len(ll) {
		return false
	}
	return m.idle(at+"/*", path[1:], dl[i], ll[i])
}

// elsewhere reports whether the element of a set that stands at a position, if one does, is in
// the other one too.
func (m meaning) elsewhere(at string, set, other []any, i int) bool {
	if i >= len(set) {
		return true
	}
	for _, o := range other {
		if m.equal(at+"/*", set[i], o) {
			return true
		}
	}
	return false
}

// whole reports whether a value is compared as one: a document.
func (m meaning) whole(path string) bool {
	return slices.Contains(m.policies, path) || slices.Contains(m.texts, path)
}
