package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// matcher is one element of a pattern's array. It sees all leaves of the field, none when
// the field is absent.
type matcher interface {
	match(leaves []any) bool
}

// one is a matcher that holds when it holds for one of the leaves.
type one func(leaf any) bool

func (f one) match(leaves []any) bool {
	for _, leaf := range leaves {
		if f(leaf) {
			return true
		}
	}
	return false
}

// exists holds when the field's presence is what it says.
type exists bool

func (e exists) match(leaves []any) bool { return (len(leaves) > 0) == bool(e) }

func parseMatcher(v any) (matcher, error) {
	switch v := v.(type) {
	case map[string]any:
		return parseComparison(v)
	case []any:
		return nil, errors.New("an array inside an array is not allowed")
	default:
		return one(func(leaf any) bool { return same(v, leaf) }), nil
	}
}

// same compares literally. EventBridge takes numbers by their text: 300, 300.0 and 3.0e2
// are not equal (user guide, "Creating Amazon EventBridge event patterns").
func same(want, leaf any) bool {
	switch want := want.(type) {
	case json.Number:
		n, ok := leaf.(json.Number)
		return ok && n.String() == want.String()
	default:
		return want == leaf
	}
}

func parseComparison(m map[string]any) (matcher, error) {
	var found matcher
	for op, v := range m {
		var err error
		if found, err = parseOperator(op, v); err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
	}
	if len(m) != 1 {
		return nil, errors.New("a comparison must have exactly one operator")
	}
	return found, nil
}

func parseOperator(op string, v any) (matcher, error) {
	switch op {
	case "exists":
		b, ok := v.(bool)
		if !ok {
			return nil, errors.New("must be true or false")
		}
		return exists(b), nil
	case "numeric":
		return parseNumeric(v)
	case "cidr":
		return parseCIDR(v)
	case "anything-but":
		return parseAnythingBut(v)
	default:
		test, err := parseText(op, v)
		if err != nil {
			return nil, err
		}
		return onText(test), nil
	}
}

// parseText makes the test of an operator on strings.
func parseText(op string, v any) (func(string) bool, error) {
	fold := false
	if m, ok := v.(map[string]any); ok && (op == "prefix" || op == "suffix") {
		if len(m) != 1 || !has(m, "equals-ignore-case") {
			return nil, errors.New("must be a string, or an object with equals-ignore-case")
		}
		fold, v = true, m["equals-ignore-case"]
	}
	want, ok := v.(string)
	if !ok {
		return nil, errors.New("must be a string")
	}
	switch op {
	case "prefix":
		return func(s string) bool {
			return len(s) >= len(want) && equal(s[:len(want)], want, fold)
		}, nil
	case "suffix":
		return func(s string) bool {
			return len(s) >= len(want) && equal(s[len(s)-len(want):], want, fold)
		}, nil
	case "equals-ignore-case":
		return func(s string) bool { return strings.EqualFold(s, want) }, nil
	case "wildcard":
		return parseWildcard(want)
	default:
		return nil, errors.New("unknown operator")
	}
}

func equal(a, b string, fold bool) bool {
	return a == b || fold && strings.EqualFold(a, b)
}

func onText(test func(string) bool) matcher {
	return one(func(leaf any) bool {
		s, ok := leaf.(string)
		return ok && test(s)
	})
}

// parseAnythingBut takes a value, a list of values, or an operator on strings with one
// string or a list. It holds for a leaf that fits none of them; an absent field never fits.
func parseAnythingBut(v any) (matcher, error) {
	if m, ok := v.(map[string]any); ok {
		return parseAnythingButText(m)
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, e := range list {
		switch e.(type) {
		case string, json.Number:
		default:
			return nil, errors.New("must be strings or numbers")
		}
	}
	if len(list) == 0 {
		return nil, errors.New("empty arrays are not allowed")
	}
	return one(func(leaf any) bool {
		for _, e := range list {
			if same(e, leaf) {
				return false
			}
		}
		return true
	}), nil
}

func parseAnythingButText(m map[string]any) (matcher, error) {
	if len(m) != 1 {
		return nil, errors.New("must have exactly one operator")
	}
	var tests []func(string) bool
	for op, v := range m {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, e := range list {
			test, err := parseText(op, e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", op, err)
			}
			tests = append(tests, test)
		}
	}
	if len(tests) == 0 {
		return nil, errors.New("empty arrays are not allowed")
	}
	return one(func(leaf any) bool {
		s, isText := leaf.(string)
		for _, test := range tests {
			if isText && test(s) {
				return false
			}
		}
		return true
	}), nil
}

// parseNumeric takes one or two pairs of operator and number, both of which must hold.
func parseNumeric(v any) (matcher, error) {
	list, ok := v.([]any)
	if !ok || len(list) != 2 && len(list) != 4 {
		return nil, errors.New("must be an array of one or two pairs of operator and number")
	}
	type bound struct {
		op string
		n  float64
	}
	var bounds []bound
	for i := 0; i < len(list); i += 2 {
		op, _ := list[i].(string)
		if _, known := compare(op, 0, 0); !known {
			return nil, fmt.Errorf("unknown operator %v", list[i])
		}
		number, ok := list[i+1].(json.Number)
		if !ok {
			return nil, errors.New("an operator must be followed by a number")
		}
		n, err := number.Float64()
		if err != nil {
			return nil, fmt.Errorf("read number: %w", err)
		}
		bounds = append(bounds, bound{op, n})
	}
	return one(func(leaf any) bool {
		number, ok := leaf.(json.Number)
		if !ok {
			return false
		}
		n, err := number.Float64()
		if err != nil {
			return false
		}
		for _, b := range bounds {
			if holds, _ := compare(b.op, n, b.n); !holds {
				return false
			}
		}
		return true
	}), nil
}

func compare(op string, a, b float64) (holds, known bool) {
	switch op {
	case "=":
		return a == b, true
	case "<":
		return a < b, true
	case "<=":
		return a <= b, true
	case ">":
		return a > b, true
	case ">=":
		return a >= b, true
	default:
		return false, false
	}
}

func parseCIDR(v any) (matcher, error) {
	text, ok := v.(string)
	if !ok {
		return nil, errors.New("must be a string")
	}
	block, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, fmt.Errorf("read block: %w", err)
	}
	return onText(func(s string) bool {
		addr, err := netip.ParseAddr(s)
		return err == nil && block.Contains(addr)
	}), nil
}

// parseWildcard compiles a string in which * stands for any characters; \* and \\ stand for
// themselves. Two stars in a row are refused, as EventBridge refuses them.
func parseWildcard(text string) (func(string) bool, error) {
	parts := []string{""}
	starred := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
			if i == len(text) || text[i] != '*' && text[i] != '\\' {
				return nil, errors.New("a backslash must be followed by * or a backslash")
			}
			parts[len(parts)-1] += string(text[i])
			starred = false
		case text[i] == '*' && starred:
			return nil, errors.New("consecutive wildcard characters are not allowed")
		case text[i] == '*':
			parts = append(parts, "")
			starred = true
		default:
			parts[len(parts)-1] += string(text[i])
			starred = false
		}
	}
	return func(s string) bool { return matchParts(parts, s) }, nil
}

// matchParts reports whether s is the parts in order, with anything between them.
func matchParts(parts []string, s string) bool {
	if len(parts) == 1 {
		return s == parts[0]
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s = after
	}
	return strings.HasSuffix(s, last)
}
