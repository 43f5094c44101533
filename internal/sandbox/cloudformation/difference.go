package cloudformation

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
)

// leaf is one place in which two trees of properties differ. before is nil for what was
// added, after for what was removed.
type leaf struct {
	path          string // for example /VisibilityTimeout or /Tags/0/Value
	before, after any
}

// dotted is the path without list positions, as schemas name properties.
func (l leaf) dotted() string {
	var parts []string
	for _, p := range strings.Split(strings.TrimPrefix(l.path, "/"), "/") {
		if _, err := strconv.Atoi(p); err != nil {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ".")
}

// property is the outermost name of the path.
func (l leaf) property() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(l.path, "/"), "/")
	return name
}

// diff lists where after differs from before, in the order of paths.
func diff(path string, before, after any) []leaf {
	if before == nil && after == nil {
		return nil
	}
	b, bMap := asMap(before)
	a, aMap := asMap(after)
	if bMap && aMap {
		var out []leaf
		for _, k := range union(b, a) {
			out = append(out, diff(path+"/"+k, b[k], a[k])...)
		}
		return out
	}
	bl, bList := before.([]any)
	al, aList := after.([]any)
	if bList && aList {
		var out []leaf
		for i := range max(len(bl), len(al)) {
			out = append(out, diff(path+"/"+strconv.Itoa(i), at(bl, i), at(al, i))...)
		}
		return out
	}
	if template.Equal(before, after) {
		return nil
	}
	return []leaf{{path, before, after}}
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// asMap takes nil at the top for an object without properties.
func asMap(v any) (map[string]any, bool) {
	m, ok := v.(map[string]any)
	return m, ok
}

func union(a, b map[string]any) []string {
	keys := map[string]bool{}
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	return slices.Sorted(maps.Keys(keys))
}
