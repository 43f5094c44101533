package terraform

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Sensitive stands in place of a value that is not shown. One that is not known yet is
// gitops.KnownAfterApply.
const Sensitive = "(sensitive)"

// Of what people look at: a longer value is cut, and further properties are counted.
const (
	maxValue      = 2 << 10 // bytes
	maxProperties = 500     // of one resource
	maxDepth      = 64
)

// differ compares what was with what is to be.
type differ struct {
	hider
	config map[string]declared
	said   declared // of the resource at hand; nil where that is not known
	live   bool     // what is compared with is live: nothing of it is to be known only later
	left   int      // properties that are not shown
	out    []gitops.PropertyChange
	most   int
}

// side is one value of a comparison. null, for Terraform, is not there.
type side struct {
	value     any
	sensitive any // Terraform's marks: true, or an object or array of such
	unknown   any
}

func (d *differ) properties(c *tfjson.Change) []gitops.PropertyChange { return d.differences(c, "") }

// differences lists the leaves that differ, below a path, sorted as Terraform's maps are.
func (d *differ) differences(c *tfjson.Change, path string) []gitops.PropertyChange {
	d.out, d.most = nil, maxProperties
	d.walk(path, side{c.Before, c.BeforeSensitive, nil}, side{c.After, c.AfterSensitive, c.AfterUnknown}, 0)
	return d.out
}

// walk compares two values. Where either is marked as sensitive as a whole, both are hidden.
func (d *differ) walk(path string, before, after side, depth int) {
	before, after = before.whole(), after.whole()
	same := reflect.DeepEqual(before.value, after.value)
	switch {
	case same && !unknownIn(after.unknown, 0):
	case hidden(before.sensitive) || hidden(after.sensitive) || depth > maxDepth:
		d.add(path, before.hidden(), after.hidden())
	case is(after.unknown):
		d.add(path, d.shown(before), gitops.KnownAfterApply)
		d.computed(path, before)
	case object(before, after):
		for _, name := range names(before.value, after.value, after.unknown) {
			d.walk(path+"/"+gitops.PathStep(name), before.field(name), after.field(name), depth+1)
		}
	case array(before, after):
		for i := range length(before.value, after.value, after.unknown) {
			d.walk(path+"/"+strconv.Itoa(i), before.item(i), after.item(i), depth+1)
		}
	default:
		// Values of different kinds: what is sensitive may lie below either.
		d.add(path, d.shown(before), d.shown(after))
		if d.live {
			d.computed(path, before)
		}
	}
}

// computed marks the difference at a path, where it is noted, as one of an attribute that nobody
// declares. Those that lie deeper, or are no plain value, are not told from blocks that are
// written dynamically, of which the configuration in a plan has nothing.
func (d *differ) computed(path string, before side) {
	last := len(d.out) - 1
	steps := gitops.PathSteps(path)
	if last < 0 || d.out[last].Path != path || d.said == nil || len(steps) != 1 {
		return
	}
	switch before.value.(type) {
	case map[string]any, []any:
		return
	}
	d.out[last].Computed = !d.said[steps[0]]
}

// add notes a difference; of too many, how many there are.
func (d *differ) add(path, before, after string) {
	if before == after && before == "" {
		return // null for what is not there
	}
	if len(d.out) == d.most {
		d.left++
		return
	}
	d.out = append(d.out, gitops.PropertyChange{Path: path, LastDeployed: before, Proposed: after})
}

// note says what is not shown.
func (d *differ) note() string {
	if d.left == 0 {
		return ""
	}
	return fmt.Sprintf("%d properties more differ: of one resource at most %d are shown", d.left, maxProperties)
}

func (s side) field(name string) side {
	m, _ := s.value.(map[string]any)
	return side{m[name], child(s.sensitive, name), child(s.unknown, name)}
}

func (s side) item(i int) side {
	list, _ := s.value.([]any)
	out := side{sensitive: at(s.sensitive, i), unknown: at(s.unknown, i)}
	if i < len(list) {
		out.value = list[i]
	}
	return out
}

// hidden stands for a value that is there, whatever it is.
func (s side) hidden() string {
	if s.value == nil && !unknownIn(s.unknown, 0) {
		return ""
	}
	return Sensitive
}

// whole returns the side with what is not known yet as a part of it: a value all of whose parts
// are known only after apply may be left out itself.
func (s side) whole() side {
	if s.value == nil {
		switch u := s.unknown.(type) {
		case map[string]any:
			if unknownIn(u, 0) {
				s.value = map[string]any{}
			}
		case []any:
			if unknownIn(u, 0) {
				s.value = []any{}
			}
		}
	}
	return s
}

// shown returns the value as people read it; null is empty. One that holds something sensitive
// is hidden as a whole.
func (d *differ) shown(s side) string {
	if s.value == nil {
		return ""
	}
	if sensitiveIn(s.sensitive, 0) {
		return Sensitive
	}
	return text(d.value(s.value, 0))
}

// text returns a value as plain text, or as JSON, cut at a length that people read.
func text(v any) string {
	switch v := v.(type) {
	case string:
		if v == "" {
			return `""` // an empty text would say that there is none
		}
		return cut(v)
	case nil:
		return ""
	}
	data, err := json.Marshal(v)
	if err != nil { // what was decoded from JSON can be encoded
		return Sensitive
	}
	return cut(string(data))
}

// cut shortens a long value and says what it was: two that differ are shown as different.
func cut(s string) string {
	if len(s) <= maxValue {
		return s
	}
	end := maxValue
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%s… (%d bytes, SHA-256 %s)", s[:end], len(s), hex.EncodeToString(sum[:8]))
}

// object reports whether the values are compared field by field: one is an object, and the other
// is too, or absent.
func object(before, after side) bool {
	_, b := before.value.(map[string]any)
	_, a := after.value.(map[string]any)
	return (b || before.value == nil) && (a || after.value == nil) && len(names(before.value, after.value, after.unknown)) > 0
}

func array(before, after side) bool {
	_, b := before.value.([]any)
	_, a := after.value.([]any)
	return (b || before.value == nil) && (a || after.value == nil) && length(before.value, after.value, after.unknown) > 0
}

// names returns the fields of all the objects, sorted, each once.
func names(values ...any) []string {
	all := map[string]bool{}
	for _, v := range values {
		m, _ := v.(map[string]any)
		for name := range m {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// length returns that of the longest array.
func length(values ...any) int {
	n := 0
	for _, v := range values {
		list, _ := v.([]any)
		n = max(n, len(list))
	}
	return n
}

// child returns the marks of a field: those of the whole hold for its parts.
func child(marks any, name string) any {
	if is(marks) {
		return true
	}
	m, _ := marks.(map[string]any)
	return m[name]
}

func at(marks any, i int) any {
	if is(marks) {
		return true
	}
	list, _ := marks.([]any)
	if i < len(list) {
		return list[i]
	}
	return nil
}

func is(mark any) bool { yes, _ := mark.(bool); return yes }

// hidden reports whether a value is marked as a whole. A mark of a form that the format does not
// know hides: it says more than that there is none.
func hidden(marks any) bool {
	switch m := marks.(type) {
	case nil, map[string]any, []any:
		return false
	case bool:
		return m
	}
	return true
}

// sensitiveIn reports whether a mark, or one below it, hides something.
func sensitiveIn(marks any, depth int) bool {
	return hidden(marks) || depth > maxDepth || anyBelow(marks, func(m any) bool { return sensitiveIn(m, depth+1) })
}

// unknownIn reports whether a value, or a part of it, is known only after apply.
func unknownIn(marks any, depth int) bool {
	return is(marks) || depth > maxDepth || anyBelow(marks, func(m any) bool { return unknownIn(m, depth+1) })
}

func anyBelow(marks any, holds func(any) bool) bool {
	switch m := marks.(type) {
	case map[string]any:
		for _, below := range m {
			if holds(below) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(m, holds)
	}
	return false
}
