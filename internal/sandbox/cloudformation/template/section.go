package template

import (
	"regexp"
	"slices"
	"strings"
)

var (
	logicalID          = regexp.MustCompile(`^[a-zA-Z0-9]+$`)
	resourceAttributes = []string{"Type", "Properties", "Metadata", "DependsOn", "Condition",
		"DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy", "CreationPolicy"}
	// deletionPolicies as of the user guide, "DeletionPolicy attribute".
	deletionPolicies = []string{"Delete", "Retain", "RetainExceptOnCreate", "Snapshot"}
)

const maxResources = 500

func resources(names []string, m map[string]any) ([]*Resource, error) {
	if len(names) > maxResources {
		return nil, invalid("Template format error: Number of resources, %d, is greater than maximum allowed, %d", len(names), maxResources)
	}
	var out []*Resource
	for _, id := range names {
		if strings.HasPrefix(id, "Fn::ForEach::") {
			return nil, invalid("The sandbox does not carry out Fn::ForEach: %s", id)
		}
		if !logicalID.MatchString(id) {
			return nil, invalid("Template format error: Resource name %s is non alphanumeric.", id)
		}
		body, ok := m[id].(map[string]any)
		if !ok {
			return nil, invalid("Template format error: [/Resources/%s] resource definition is malformed", id)
		}
		r, err := resource(id, body)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func resource(id string, body map[string]any) (*Resource, error) {
	for k := range body {
		if !slices.Contains(resourceAttributes, k) {
			return nil, invalid("Invalid template resource property '%s'", k)
		}
	}
	r := &Resource{ID: id, Metadata: body["Metadata"], Properties: map[string]any{}}
	var ok bool
	if r.Type, ok = body["Type"].(string); !ok || r.Type == "" {
		return nil, invalid("Template format error: [/Resources/%s] Every Resources object must contain a Type member.", id)
	}
	if p, given := body["Properties"]; given {
		if r.Properties, ok = p.(map[string]any); !ok {
			return nil, invalid("Template format error: [/Resources/%s/Properties] Properties must be an object", id)
		}
	}
	r.Condition, _ = body["Condition"].(string)
	r.DependsOn = Strings(body["DependsOn"])
	var err error
	if r.DeletionPolicy, err = policy(body, "DeletionPolicy", id); err != nil {
		return nil, err
	}
	r.UpdateReplacePolicy, err = policy(body, "UpdateReplacePolicy", id)
	return r, err
}

func policy(body map[string]any, name, id string) (string, error) {
	v, given := body[name]
	if !given {
		return "", nil
	}
	s, _ := v.(string)
	if !slices.Contains(deletionPolicies, s) || (name == "UpdateReplacePolicy" && s == "RetainExceptOnCreate") {
		return "", invalid("Template format error: Unrecognized %s %s for resource %s", name, Text(v), id)
	}
	return s, nil
}

func outputs(names []string, m map[string]any) ([]Output, error) {
	var out []Output
	for _, key := range names {
		body, ok := m[key].(map[string]any)
		if !ok {
			return nil, invalid("Template format error: Every Outputs member must be an object.")
		}
		o := Output{Key: key, Description: Text(body["Description"]), Value: body["Value"]}
		if _, given := body["Value"]; !given {
			return nil, invalid("Template format error: Every Outputs member must contain a Value object")
		}
		o.Condition, _ = body["Condition"].(string)
		if export, ok := body["Export"].(map[string]any); ok {
			if o.Export, ok = export["Name"]; !ok {
				return nil, invalid("Template format error: Every Export member must contain a Name object")
			}
		}
		out = append(out, o)
	}
	return out, nil
}

// Strings is a string or a list of strings, as DependsOn may be written.
func Strings(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, s := range v {
			out = append(out, Text(s))
		}
		return out
	}
	return nil
}

// check refuses references that lead nowhere, in AWS's words.
func (t *Template) check() error {
	known := map[string]bool{}
	for _, p := range t.Parameters {
		known[p.Name] = true
	}
	if unknown := t.unknown(t.Conditions, known); len(unknown) > 0 {
		return invalid("Template format error: Unresolved dependencies [%s]. Cannot reference resources in the Conditions block of the template", strings.Join(unknown, ", "))
	}
	for _, r := range t.Resources {
		if known[r.ID] {
			return invalid("Template format error: Parameter and resource share the name %s", r.ID)
		}
	}
	for _, r := range t.Resources {
		known[r.ID] = true
	}
	return t.checkReferences(known)
}

func (t *Template) checkReferences(known map[string]bool) error {
	var unknown []string
	for _, r := range t.Resources {
		if err := t.checkCondition(r.Condition, "Resources"); err != nil {
			return err
		}
		if err := t.checkFunctions(r.Properties, "Resources"); err != nil {
			return err
		}
		unknown = append(unknown, t.unknown(r.Properties, known)...)
		for _, d := range r.DependsOn {
			if t.Resource(d) == nil {
				unknown = append(unknown, d)
			}
		}
	}
	if len(unknown) > 0 {
		return unresolved(unknown, "Resources")
	}
	for _, o := range t.Outputs {
		if err := t.checkCondition(o.Condition, "Outputs"); err != nil {
			return err
		}
		for _, v := range []any{o.Value, o.Export} {
			if err := t.checkFunctions(v, "Outputs"); err != nil {
				return err
			}
			if unknown := t.unknown(v, known); len(unknown) > 0 {
				return unresolved(unknown, "Outputs")
			}
		}
	}
	return nil
}

func unresolved(names []string, block string) error {
	slices.Sort(names)
	return invalid("Template format error: Unresolved resource dependencies [%s] in the %s block of the template",
		strings.Join(slices.Compact(names), ", "), block)
}

func (t *Template) checkCondition(name, block string) error {
	if _, ok := t.Conditions[name]; name != "" && !ok {
		return invalid("Template format error: Unresolved condition dependency %s in the %s block of the template", name, block)
	}
	return nil
}

func (t *Template) unknown(v any, known map[string]bool) []string {
	var out []string
	for _, ref := range References(v) {
		if ref.Attribute == "" && strings.HasPrefix(ref.ID, "AWS::") {
			continue
		}
		if !known[ref.ID] {
			out = append(out, ref.ID)
		}
	}
	return out
}

// checkFunctions refuses unknown functions, undefined conditions and GetAtt of nothing.
func (t *Template) checkFunctions(v any, block string) error {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if err := t.checkFunctions(e, block); err != nil {
				return err
			}
		}
	case map[string]any:
		for k, e := range v {
			if err := t.checkFunction(k, e, block); err != nil {
				return err
			}
			if err := t.checkFunctions(e, block); err != nil {
				return err
			}
		}
	}
	return nil
}

// macro is what a Fn::Transform names, or the function itself.
func macro(name string, argument any) string {
	if m, ok := argument.(map[string]any); ok && m["Name"] != nil {
		return Text(m["Name"])
	}
	return name
}

func (t *Template) checkFunction(name string, argument any, block string) error {
	list, _ := argument.([]any)
	switch {
	case !strings.HasPrefix(name, "Fn::"):
		return nil
	case name == "Fn::Transform" || strings.HasPrefix(name, "Fn::ForEach"):
		return invalid(noOther, macro(name, argument))
	case !functions[name]:
		return invalid("Template format error: Unrecognized function %s in the %s block of the template", name, block)
	case name == "Fn::If" && len(list) != 3:
		return invalid("Template error: Fn::If requires a list argument with three parameters")
	case name == "Fn::If":
		return t.checkCondition(Text(list[0]), block)
	case name == "Fn::GetAtt":
		id, _, ok := getAtt(argument)
		if !ok {
			return invalid("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
		}
		if t.Resource(id) == nil {
			return invalid("Template error: instance of Fn::GetAtt references undefined resource %s", id)
		}
	}
	return nil
}
