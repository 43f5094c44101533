package template

import (
	"regexp"
	"strings"
)

// Reference is one mention of a parameter, a pseudo parameter or a resource. Attribute is
// empty for a Ref.
type Reference struct{ ID, Attribute string }

// References lists the mentions in v, in no particular order, with repeats.
func References(v any) []Reference {
	var out []Reference
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			out = append(out, References(e)...)
		}
	case map[string]any:
		for k, e := range v {
			switch {
			case k == "Ref" && len(v) == 1:
				out = append(out, Reference{ID: Text(e)})
			case k == "Fn::GetAtt":
				if id, attribute, ok := getAtt(e); ok {
					out = append(out, Reference{id, attribute})
				}
			case k == "Fn::Sub":
				out = append(out, subReferences(e)...)
			default:
				out = append(out, References(e)...)
			}
		}
	}
	return out
}

func getAtt(v any) (id, attribute string, ok bool) {
	switch v := v.(type) {
	case string:
		id, attribute, ok = strings.Cut(v, ".")
	case []any:
		if len(v) == 2 {
			id, attribute = Text(v[0]), Text(v[1])
			ok = id != "" && attribute != ""
		}
	}
	return id, attribute, ok
}

// subVariable matches ${Name}, ${Name.Attribute} and ${!Literal}.
var subVariable = regexp.MustCompile(`\$\{([^}]*)\}`)

func subReferences(v any) []Reference {
	text, local := subArguments(v)
	out := References(anyMap(local))
	for _, m := range subVariable.FindAllStringSubmatch(text, -1) {
		name := strings.TrimSpace(m[1])
		if _, ok := local[name]; ok || strings.HasPrefix(name, "!") {
			continue
		}
		id, attribute, _ := strings.Cut(name, ".")
		out = append(out, Reference{id, attribute})
	}
	return out
}

// anyMap hides a Fn::Sub's own variables from being taken for functions.
func anyMap(m map[string]any) []any {
	var out []any
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func subArguments(v any) (text string, local map[string]any) {
	if list, ok := v.([]any); ok && len(list) == 2 {
		local, _ = list[1].(map[string]any)
		return Text(list[0]), local
	}
	return Text(v), nil
}
