package template

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// KnownAfterApply stands, in a plan, for what only the execution will know.
const KnownAfterApply = "{{changeSet:KNOWN_AFTER_APPLY}}"

// functions are those that Resolve knows.
var functions = map[string]bool{
	"Fn::GetAtt": true, "Fn::Sub": true, "Fn::Join": true, "Fn::Select": true, "Fn::Split": true,
	"Fn::FindInMap": true, "Fn::If": true, "Fn::ImportValue": true, "Fn::Base64": true,
	"Fn::Cidr": true, "Fn::GetAZs": true, "Fn::ToJsonString": true, "Fn::Length": true,
	"Fn::And": true, "Fn::Or": true, "Fn::Not": true, "Fn::Equals": true, "Fn::Contains": true,
	"Fn::EachMemberIn": true, "Fn::EachMemberEquals": true, "Fn::RefAll": true, "Fn::ValueOf": true,
	"Fn::ValueOfAll": true,
}

// noValue is AWS::NoValue: what holds it is left out.
type noValue struct{}

// Env is what a template is resolved in.
type Env struct {
	Template   *Template
	Parameters map[string]any // a string, or []any for a list type
	Pseudo     map[string]any // AWS::Region and the like; AWS::NoValue is built in
	Conditions map[string]bool

	Ref    func(id string) (any, error)
	GetAtt func(id, attribute string) (any, error)
	Import func(name string) (string, error)
	Zones  func(region string) []any
}

// Resolve returns v with every function replaced by its value. Keys and elements that are
// AWS::NoValue are left out.
func (e *Env) Resolve(v any) (any, error) {
	out, err := e.resolve(v)
	if _, none := out.(noValue); none {
		return nil, err
	}
	return out, err
}

func (e *Env) resolve(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 1 {
			for name, argument := range v {
				if name == "Ref" {
					return e.ref(Text(argument))
				}
				if functions[name] {
					return e.call(name, argument)
				}
			}
		}
		out := make(map[string]any, len(v))
		for k, element := range v {
			r, err := e.resolve(element)
			if err != nil {
				return nil, err
			}
			if _, none := r.(noValue); !none {
				out[k] = r
			}
		}
		return out, nil
	case []any:
		out := make([]any, 0, len(v))
		for _, element := range v {
			r, err := e.resolve(element)
			if err != nil {
				return nil, err
			}
			if _, none := r.(noValue); !none {
				out = append(out, r)
			}
		}
		return out, nil
	}
	return v, nil
}

func (e *Env) ref(id string) (any, error) {
	if id == "AWS::NoValue" {
		return noValue{}, nil
	}
	if v, ok := e.Pseudo[id]; ok {
		return v, nil
	}
	if v, ok := e.Parameters[id]; ok {
		return v, nil
	}
	if strings.HasPrefix(id, "AWS::") {
		return nil, invalid("Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", id)
	}
	return e.Ref(id)
}

func (e *Env) call(name string, argument any) (any, error) {
	switch name {
	case "Fn::If":
		return e.fnIf(argument)
	case "Fn::Sub":
		return e.fnSub(argument)
	case "Fn::GetAtt":
		id, attribute, ok := getAtt(argument)
		if !ok {
			return nil, invalid("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
		}
		return e.GetAtt(id, attribute)
	}
	if isCondition(name) {
		return nil, invalid("Template error: %s is allowed in conditions and rules only", name)
	}
	v, err := e.Resolve(argument)
	if err != nil {
		return nil, err
	}
	if list, ok := v.([]any); ok {
		if f := e.listFunction(name); f != nil {
			return f(list)
		}
	}
	switch name {
	case "Fn::ImportValue":
		return e.Import(Text(v))
	case "Fn::Base64":
		return base64.StdEncoding.EncodeToString([]byte(Text(v))), nil
	case "Fn::GetAZs":
		return e.Zones(Text(v)), nil
	case "Fn::ToJsonString":
		b, err := json.Marshal(v)
		return string(b), err
	}
	return nil, invalid("Template error: %s requires a list argument", name)
}

func (e *Env) listFunction(name string) func([]any) (any, error) {
	switch name {
	case "Fn::Join":
		return join
	case "Fn::Select":
		return choose
	case "Fn::Split":
		return split
	case "Fn::FindInMap":
		return e.findInMap
	case "Fn::Cidr":
		return cidr
	case "Fn::Length":
		return func(l []any) (any, error) { return int64(len(l)), nil }
	}
	return nil
}

func (e *Env) fnIf(argument any) (any, error) {
	list, ok := argument.([]any)
	if !ok || len(list) != 3 {
		return nil, invalid("Template error: Fn::If requires a list argument with three parameters")
	}
	holds, ok := e.Conditions[Text(list[0])]
	if !ok {
		return nil, invalid("Template format error: Unresolved condition dependency %s in the Resources block of the template", Text(list[0]))
	}
	if holds {
		return e.resolve(list[1])
	}
	return e.resolve(list[2])
}

func (e *Env) fnSub(argument any) (any, error) {
	text, local := subArguments(argument)
	var failed error
	out := subVariable.ReplaceAllStringFunc(text, func(m string) string {
		name := strings.TrimSpace(m[2 : len(m)-1])
		if strings.HasPrefix(name, "!") {
			return "${" + name[1:] + "}"
		}
		v, err := e.subValue(name, local)
		if err != nil && failed == nil {
			failed = err
		}
		if list, ok := v.([]any); ok {
			v = joined(list, ",")
		}
		return Text(v)
	})
	if failed != nil {
		return nil, failed
	}
	return out, nil
}

func (e *Env) subValue(name string, local map[string]any) (any, error) {
	if v, ok := local[name]; ok {
		return e.Resolve(v)
	}
	if id, attribute, ok := strings.Cut(name, "."); ok {
		return e.GetAtt(id, attribute)
	}
	return e.ref(name)
}

func join(list []any) (any, error) {
	if len(list) != 2 {
		return nil, invalid("Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings")
	}
	parts, ok := list[1].([]any)
	if !ok {
		if s, is := list[1].(string); is && strings.Contains(s, KnownAfterApply) {
			return s, nil
		}
		return nil, invalid("Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings")
	}
	return joined(parts, Text(list[0])), nil
}

func joined(list []any, by string) string {
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = Text(p)
	}
	return strings.Join(parts, by)
}

func choose(list []any) (any, error) {
	if len(list) != 2 {
		return nil, invalid("Template error: Fn::Select requires a list argument with two elements")
	}
	from, ok := list[1].([]any)
	if Unknown(list[1]) {
		return KnownAfterApply, nil
	}
	i, err := strconv.Atoi(Text(list[0]))
	if !ok || err != nil {
		return nil, invalid("Template error: Fn::Select requires a list argument with two elements: an integer index and a list")
	}
	if i < 0 || i >= len(from) {
		return nil, invalid("Template error: Fn::Select cannot select nonexistent value at index %d", i)
	}
	return from[i], nil
}

func split(list []any) (any, error) {
	if len(list) != 2 {
		return nil, invalid("Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.")
	}
	if Unknown(list[1]) {
		return []any{KnownAfterApply}, nil
	}
	out := []any{}
	for _, p := range strings.Split(Text(list[1]), Text(list[0])) {
		out = append(out, p)
	}
	return out, nil
}

// findInMap takes a fourth argument {DefaultValue: v} as AWS::LanguageExtensions does.
func (e *Env) findInMap(list []any) (any, error) {
	if len(list) < 3 {
		return nil, invalid("Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value")
	}
	if m, ok := e.Template.Mappings[Text(list[0])].(map[string]any); ok {
		if n, ok := m[Text(list[1])].(map[string]any); ok {
			if v, ok := n[Text(list[2])]; ok {
				return v, nil
			}
		}
	}
	if len(list) == 4 {
		if d, ok := list[3].(map[string]any); ok {
			return d["DefaultValue"], nil
		}
	}
	return nil, invalid("Template error: Unable to get mapping for %s::%s::%s", Text(list[0]), Text(list[1]), Text(list[2]))
}

// Unknown says whether anything in v is known only after the execution.
func Unknown(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, KnownAfterApply)
	case []any:
		return slices.ContainsFunc(v, Unknown)
	case map[string]any:
		for _, e := range v {
			if Unknown(e) {
				return true
			}
		}
	}
	return false
}

// Equal compares values as CloudFormation does: "5" is 5, "true" is true.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		m, ok := b.(map[string]any)
		if !ok || len(m) != len(a) {
			return false
		}
		for k, v := range a {
			if w, ok := m[k]; !ok || !Equal(v, w) {
				return false
			}
		}
		return true
	case []any:
		l, ok := b.([]any)
		return ok && slices.EqualFunc(a, l, Equal)
	}
	switch b.(type) {
	case map[string]any, []any:
		return false
	}
	return (a == nil) == (b == nil) && Text(a) == Text(b)
}

var errCidr = invalid("Template error: Fn::Cidr requires a CIDR block, a count from 1 to 256 and the subnet bits")
