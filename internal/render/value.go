package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Sizes of what a person can still read.
const (
	longest   = 60 // characters of a value on a line with others
	roomy     = 100
	lead      = 20 // characters kept before the first that differs
	manyParts = 12 // differing parts of one property
)

// row is one property with what it is on two or three sides.
type row struct {
	path    string
	sides   []side
	note    string // for each line
	warning string
}

// side is one value with what it is: "live", "last deployed", or an arrow. An empty value
// is absent.
type side struct{ label, value string }

// rows writes properties, their values under each other. One whose values are long JSON is
// shown part by part, only those that differ.
func (p *page) rows(all []row, indent string) {
	wide := 0
	for _, r := range all {
		wide = max(wide, width(gitops.Printable(r.path)))
	}
	for _, r := range all {
		r.sides = brief(r.sides)
		warning := p.paint(Bad, "")
		if r.warning != "" {
			warning = p.paint(Bad, "  "+r.warning)
		}
		path := r.path + strings.Repeat(" ", wide-width(gitops.Printable(r.path)))
		parts := r.parts()
		if len(parts) == 0 {
			p.line("%s%s  %s%s%s", indent, path, beside(r.sides), r.note, warning)
			continue
		}
		p.line("%s%s%s%s", indent, r.path, r.note, warning)
		p.rows(parts[:min(manyParts, len(parts))], indent+"  ")
		if more := len(parts) - manyParts; more > 0 {
			p.line("%s  and %d more differences", indent, more)
		}
	}
}

// artefact is the key of a file that was packaged, in an https URL or by itself: the hash of
// what is in it, and a suffix that says what it is.
var artefact = regexp.MustCompile(`(https://[a-z0-9.-]+/)?\bartefacts/([0-9a-f]{7})[0-9a-f]{57}`)

// brief shortens the artefacts in values: their hashes tell that they differ, and no more.
func brief(sides []side) []side {
	out := slices.Clone(sides)
	for i, s := range out {
		out[i].value = artefact.ReplaceAllString(s.value, "artefacts/$2…")
	}
	return out
}

// parts takes a property apart into those parts of it that differ; nil where it fits on a
// line or is no JSON on at least two sides.
func (r row) parts() []row {
	fits := true
	var values []any
	for _, s := range r.sides {
		fits = fits && len([]rune(s.value)) <= longest
		values = append(values, parse(s.value))
	}
	if fits {
		return nil
	}
	var out []row
	apart("", values, func(path string, values []any) {
		part := row{path: path}
		for i, v := range values {
			part.sides = append(part.sides, side{r.sides[i].label, text(v)})
		}
		out = append(out, part)
	})
	if len(out) == 1 && out[0].path == "" {
		return nil
	}
	return out
}

// absent is a side that has nothing at a place.
type absent struct{}

// plain is a whole value that is no JSON, shown as it is. A string inside JSON has quotes.
type plain string

// parse reads a value as JSON, where it is an object or a list; else it is itself.
func parse(value string) any {
	if value == "" {
		return absent{}
	}
	if value[0] != '{' && value[0] != '[' {
		return plain(value)
	}
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber() // a number is shown as it was written
	var v any
	if err := d.Decode(&v); err != nil {
		return plain(value)
	}
	if _, err := d.Token(); err != io.EOF {
		return plain(value)
	}
	return v
}

// apart walks values side by side and calls differ for every smallest part that is not the
// same on all sides.
func apart(path string, values []any, differ func(path string, values []any)) {
	if same(values) {
		return
	}
	if objects, ok := each[map[string]any](values); ok {
		keys := map[string]bool{}
		for _, o := range objects {
			for k := range o {
				keys[k] = true
			}
		}
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			inner := make([]any, len(objects))
			for i, o := range objects {
				inner[i] = absent{}
				if v, ok := o[k]; ok {
					inner[i] = v
				}
			}
			apart(path+"/"+k, inner, differ)
		}
		return
	}
	if lists, ok := each[[]any](values); ok {
		apartLists(path, lists, differ)
		return
	}
	differ(path, values)
}

// apartLists leaves out what lists begin and end with in common, so that an element put in
// between is one difference, and compares the rest place by place.
func apartLists(path string, lists [][]any, differ func(path string, values []any)) {
	least, most := len(lists[0]), 0
	for _, l := range lists {
		least, most = min(least, len(l)), max(most, len(l))
	}
	at := func(place func(l []any) int) []any {
		row := make([]any, len(lists))
		for i, l := range lists {
			row[i] = l[place(l)]
		}
		return row
	}
	head, tail := 0, 0
	for head < least && same(at(func([]any) int { return head })) {
		head++
	}
	for tail < least-head && same(at(func(l []any) int { return len(l) - 1 - tail })) {
		tail++
	}
	for n := head; n < most-tail; n++ {
		inner := make([]any, len(lists))
		for i, l := range lists {
			inner[i] = absent{}
			if n < len(l)-tail {
				inner[i] = l[n]
			}
		}
		apart(path+"/"+strconv.Itoa(n), inner, differ)
	}
}

// each returns the values as T, if each is one.
func each[T any](values []any) ([]T, bool) {
	out := make([]T, len(values))
	for i, v := range values {
		t, ok := v.(T)
		if !ok {
			return nil, false
		}
		out[i] = t
	}
	return out, true
}

func same(values []any) bool {
	for _, v := range values[1:] {
		if text(v) != text(values[0]) {
			return false
		}
	}
	return true
}

// text is a value as it is shown; "" where it is absent.
func text(v any) string {
	switch v := v.(type) {
	case absent:
		return ""
	case plain:
		return string(v)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // what was decoded can be encoded
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// beside writes sides beside each other: "5 → 60", "declared 5   live 60".
func beside(sides []side) string {
	var parts []string
	room := longest
	if len(sides) == 2 && sides[0].value == "" || sides[len(sides)-1].value == "" {
		room = roomy
	}
	from := commonPrefix(sides)
	for _, s := range sides {
		part := fit(s.value, from, room)
		if s.label != "" {
			part = s.label + " " + part
		}
		parts = append(parts, part)
	}
	if sides[0].label == "" {
		return strings.Join(parts, " ")
	}
	return strings.Join(parts, "   ")
}

// commonPrefix returns with how many characters all values begin that are there; zero for
// one alone.
func commonPrefix(sides []side) int {
	var there [][]rune
	for _, s := range sides {
		if s.value != "" {
			there = append(there, []rune(s.value))
		}
	}
	if len(there) < 2 {
		return 0
	}
	n := len(there[0])
	for _, v := range there[1:] {
		i := 0
		for i < min(n, len(v)) && v[i] == there[0][i] {
			i++
		}
		n = i
	}
	return n
}

// fit cuts a value to the room there is, around the place from which it differs.
func fit(value string, from, room int) string {
	runes := []rune(strings.NewReplacer("\n", "⏎", "\t", " ").Replace(value))
	switch {
	case len(runes) == 0:
		return "(absent)"
	case len(runes) <= room:
		return string(runes)
	}
	begin := 0
	if from > room-lead { // else the difference is within the beginning
		begin = min(from-lead, len(runes)-room)
	}
	cut := string(runes[begin:min(begin+room, len(runes))])
	if begin > 0 {
		cut = "…" + cut
	}
	if begin+room < len(runes) {
		cut += "…"
	}
	return fmt.Sprintf("%s (%d characters)", cut, len(runes))
}
