package adopt

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// hints are what a report puts in the place of a value that it does not show, or not as a whole.
var hints = []struct{ text, why string }{
	{"****", "its value is masked, since it is or holds a secret"},
	{"(sensitive)", "its value is not shown, since it is sensitive"},
	{"(known after apply)", "its value is not known before it is applied"},
	{"{{resolve:", "it is a dynamic reference, whose value stands elsewhere"},
	{"{{changeSet:", "its value is not known before it is applied"},
}

// shortened is how the report of a Terraform plan ends a long value.
var shortened = regexp.MustCompile(`… \(\d+ bytes, SHA-256 [0-9a-f]+\)$`)

// masked returns why a difference does not tell its values, or nothing.
func masked(d gitops.Difference) string {
	for _, h := range hints {
		if strings.Contains(d.Declared, h.text) || strings.Contains(d.Live, h.text) {
			return h.why
		}
	}
	if shortened.MatchString(d.Declared) || shortened.MatchString(d.Live) {
		return "its value is too long for the report, which holds the beginning alone"
	}
	return ""
}

// valueOf returns one side of a difference: nil for what is absent, what its JSON holds for a
// mapping or a list, else the text.
func valueOf(text string, structured bool) any {
	if text == "" {
		return nil
	}
	if !structured || !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return text
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return text
	}
	if _, err := d.Token(); err != io.EOF {
		return text
	}
	return v
}

// shown returns a value as reports write it.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case map[string]any, []any:
		data, err := json.Marshal(v)
		if err != nil { // what was decoded from JSON can be encoded
			return ""
		}
		return string(data)
	}
	return fmt.Sprint(v)
}

// same reports whether two values mean the same to AWS, which takes "5" for 5 and "yes" for true.
func same(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, value := range a {
			if other, there := b[key]; !there || !same(value, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	}
	switch b.(type) {
	case nil, map[string]any, []any:
		return false
	}
	return sameText(fmt.Sprint(a), fmt.Sprint(b))
}

// truths are the words that YAML 1.1, which CloudFormation reads, takes for true and false.
// https://yaml.org/type/bool.html
var truths = map[string]bool{"true": true, "yes": true, "on": true, "y": true, "false": false, "no": false, "off": false, "n": false}

func sameText(a, b string) bool {
	if a == b {
		return true
	}
	x, isX := truths[strings.ToLower(a)]
	y, isY := truths[strings.ToLower(b)]
	if isX && isY {
		return x == y
	}
	number := func(s string) (float64, bool) {
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil && len(s) <= 15 // of more digits a float loses some
	}
	m, isM := number(a)
	n, isN := number(b)
	return isM && isN && m == n
}

// gap is where two lists differ between elements that are the same: so many from an index of
// each.
type gap struct{ before, removed, after, added int }

// mostCompared is how many pairs of elements are compared to find those that are the same.
const mostCompared = 250_000

// gaps returns where two lists differ, between the most elements that they have in common in
// one order.
func gaps(a, b []any) []gap {
	if len(a)*len(b) > mostCompared {
		return []gap{{0, len(a), 0, len(b)}}
	}
	common := make([][]int, len(a)+1) // of the rests from an index of each
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if same(a[i], b[j]) {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var all []gap
	meet := func(i, j int) bool { return i < len(a) && j < len(b) && same(a[i], b[j]) }
	for i, j := 0, 0; i < len(a) || j < len(b); {
		if meet(i, j) {
			i, j = i+1, j+1
			continue
		}
		g := gap{before: i, after: j}
		for (i < len(a) || j < len(b)) && !meet(i, j) {
			if j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1] {
				i++
			} else {
				j++
			}
		}
		g.removed, g.added = i-g.before, j-g.after
		all = append(all, g)
	}
	return all
}
