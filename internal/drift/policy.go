package drift

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// policy returns an IAM policy in the one form that all policies of the same meaning have.
// Sources are the IAM user guide's pages of the elements, "IAM JSON policy elements".
//
// Its statements have no order ("Policy evaluation logic": all are looked at, a denial wins).
// Without a version it has 2008-10-17 ("Version").
func policy(doc map[string]any) any {
	out := map[string]any{"Version": "2008-10-17"}
	for name, v := range doc {
		switch {
		case v == nil:
		case name == "Statement":
			out[name] = statements(v)
		default:
			out[name] = plain(v)
		}
	}
	return out
}

// statements returns a policy's statements: one may stand without a list ("Statement").
func statements(v any) any {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = plain(s)
		if m, ok := s.(map[string]any); ok {
			out[i] = statement(m)
		}
	}
	return sorted(out)
}

func statement(s map[string]any) any {
	out := make(map[string]any, len(s))
	for name, v := range s {
		switch {
		case v == nil:
		case name == "Action", name == "NotAction":
			out[name] = several(v, strings.ToLower) // "Action": prefix and name are case-insensitive
		case name == "Resource", name == "NotResource":
			out[name] = several(v, same)
		case name == "Principal", name == "NotPrincipal":
			out[name] = principals(v)
		case name == "Condition":
			out[name] = conditions(v)
		default:
			out[name] = plain(v)
		}
	}
	return out
}

func same(s string) string { return s }

// several returns what may be one text or a list of texts, in any order. What is neither is
// left as it is.
func several(v any, form func(string) string) any {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]any, 0, len(list))
	for _, e := range list {
		s, ok := scalar(e).(string)
		if !ok {
			return plain(v)
		}
		out = append(out, form(s))
	}
	return slices.CompactFunc(sorted(out), func(a, b any) bool { return a == b })
}

// principals returns who a statement is for. Everybody as "*" is left apart from
// {"AWS": "*"}, which is not the same in every kind of policy.
func principals(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return plain(v)
	}
	out := make(map[string]any, len(m))
	for kind, who := range m {
		form := same
		if kind == "AWS" {
			form = account
		}
		if who != nil {
			out[kind] = several(who, form)
		}
	}
	return out
}

var rootARN = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}):root$`) })

// account returns an account's id for its root ARN, which is the same principal ("Principal":
// AWS account principals). AWS itself turns the one into the other.
func account(arn string) string {
	if found := rootARN().FindStringSubmatch(arn); found != nil {
		return found[1]
	}
	return arn
}

// conditions returns a statement's conditions: the values of a key have no order, and one may
// stand without a list ("Condition": multiple values). Numbers and booleans may be text.
func conditions(v any) any {
	operators, ok := v.(map[string]any)
	if !ok {
		return plain(v)
	}
	out := make(map[string]any, len(operators))
	for operator, keys := range operators {
		m, ok := keys.(map[string]any)
		if !ok {
			out[operator] = plain(keys)
			continue
		}
		of := make(map[string]any, len(m))
		for key, values := range m {
			of[key] = several(values, same)
		}
		out[operator] = of
	}
	return out
}

// plain returns a value whose order and letters count.
func plain(v any) any { return meaning{}.of("", v) }
