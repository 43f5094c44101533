package policy

import (
	"slices"
	"strings"
)

// conditionsHold evaluates a statement's conditions: all must hold. An operator or a
// policy variable that is not known makes an Allow fail and a Deny apply.
func (s Statement) conditionsHold(context map[string]string) bool {
	for operator, keys := range s.Condition {
		for key, values := range keys {
			holds, known := condition(operator, key, values, context)
			if !known {
				holds = s.Effect == "Deny"
			}
			if !holds {
				return false
			}
		}
	}
	return true
}

// condition evaluates one operator on one key (IAM user guide, "IAM JSON policy elements:
// Condition operators"): any of the values may fit, for the negated ones none may. A key
// that is absent fails the plain operators and fits the negated and the IfExists ones.
func condition(operator, key string, values list, context map[string]string) (holds, known bool) {
	actual, present := lookup(context, key)
	if each, ok := strings.CutPrefix(operator, "ForAllValues:"); ok {
		// Of a key that is not there every value fits, whatever is asked of it (the same page,
		// "Multivalued context keys"): only a key that every call carries can be trusted to it.
		if !present {
			return true, true
		}
		operator = each
	} else if some, ok := strings.CutPrefix(operator, "ForAnyValue:"); ok {
		if !present {
			return false, true
		}
		operator = some
	}
	base, ifExists := strings.CutSuffix(operator, "IfExists")
	if base == "Null" {
		return slices.Contains(lower(values), boolText(!present)), true
	}
	plain := strings.Replace(base, "Not", "", 1)
	negated := plain != base
	fits, known := comparisons[plain]
	if !known || slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "${") }) {
		return false, false
	}
	if !present {
		return ifExists || negated, true
	}
	any := slices.ContainsFunc(values, func(v string) bool { return fits(v, actual) })
	return any != negated, true
}

var comparisons = map[string]func(wanted, actual string) bool{
	"StringEquals":           func(w, a string) bool { return w == a },
	"StringEqualsIgnoreCase": strings.EqualFold,
	"StringLike":             Match,
	"ArnEquals":              Match, // the two are one, with wildcards (the same page)
	"ArnLike":                Match,
	"Bool":                   strings.EqualFold,
}

// lookup finds a condition key; keys are case-insensitive.
func lookup(context map[string]string, key string) (string, bool) {
	for k, v := range context {
		if strings.EqualFold(k, key) {
			return v, true
		}
	}
	return "", false
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
