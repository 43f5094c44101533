package template

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxParameters is AWS's quota of parameters in a template.
const maxParameters = 200

// Parameter is one entry of the Parameters section.
type Parameter struct {
	Name, Type, Description, Constraint string
	Default                             *string
	AllowedValues                       []string
	AllowedPattern                      string
	MinLength, MaxLength                *float64
	MinValue, MaxValue                  *float64
	NoEcho                              bool
}

// List says whether the parameter's value is a list.
func (p Parameter) List() bool {
	return p.Type == "CommaDelimitedList" || strings.HasPrefix(p.Type, "List<") ||
		strings.HasPrefix(p.Type, ssmType+"Value<List<") || p.Type == ssmType+"Value<CommaDelimitedList>"
}

const ssmType = "AWS::SSM::Parameter::"

// SSM says whether the parameter's value is the name of an SSM parameter whose value is
// meant.
func (p Parameter) SSM() bool { return strings.HasPrefix(p.Type, ssmType+"Value<") }

var (
	parameterType = regexp.MustCompile(`^(String|Number|CommaDelimitedList|List<(String|Number|AWS::[A-Za-z0-9:]+)>|AWS::[A-Za-z0-9:]+(<.+>)?)$`)
	parameterKeys = []string{"Type", "Default", "Description", "ConstraintDescription", "AllowedValues",
		"AllowedPattern", "MinLength", "MaxLength", "MinValue", "MaxValue", "NoEcho"}
)

func parameters(names []string, m map[string]any) ([]Parameter, error) {
	if len(names) > maxParameters {
		return nil, invalid("Template format error: Number of parameters, %d, is greater than maximum allowed, %d", len(names), maxParameters)
	}
	var out []Parameter
	for _, name := range names {
		if !logicalID.MatchString(name) {
			return nil, invalid("Template format error: Parameter name %s is non alphanumeric.", name)
		}
		body, ok := m[name].(map[string]any)
		if !ok {
			return nil, invalid("Template format error: Every Parameters member must be an object.")
		}
		p, err := parameter(name, body)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func parameter(name string, body map[string]any) (Parameter, error) {
	for k := range body {
		if !slices.Contains(parameterKeys, k) {
			return Parameter{}, invalid("Invalid template parameter property '%s'", k)
		}
	}
	p := Parameter{
		Name: name, Type: Text(body["Type"]), Description: Text(body["Description"]),
		Constraint: Text(body["ConstraintDescription"]), AllowedPattern: Text(body["AllowedPattern"]),
		NoEcho:    strings.EqualFold(Text(body["NoEcho"]), "true"),
		MinLength: number(body["MinLength"]), MaxLength: number(body["MaxLength"]),
		MinValue: number(body["MinValue"]), MaxValue: number(body["MaxValue"]),
		AllowedValues: Strings(body["AllowedValues"]),
	}
	if p.Type == "" {
		return p, invalid("Template format error: Every Parameters object must contain a Type member.")
	}
	if !parameterType.MatchString(p.Type) {
		return p, invalid("Template format error: Unrecognized parameter type: %s", p.Type)
	}
	if d, ok := body["Default"]; ok {
		if _, nested := d.(map[string]any); nested {
			return p, invalid("Template format error: Every Default member must be a string.")
		}
		s := strings.Join(Strings(d), ",")
		if _, list := d.([]any); !list {
			s = Text(d)
		}
		p.Default = &s
	}
	return p, nil
}

func number(v any) *float64 {
	if f, err := strconv.ParseFloat(Text(v), 64); err == nil {
		return &f
	}
	return nil
}

// Bind checks the values given for the parameters and fills in the defaults. The result
// has an entry for every parameter of the template.
func (t *Template) Bind(given map[string]string) (map[string]string, error) {
	out := map[string]string{}
	var missing, unknown []string
	for _, p := range t.Parameters {
		v, ok := given[p.Name]
		if !ok && p.Default == nil {
			missing = append(missing, p.Name)
			continue
		}
		if !ok {
			v = *p.Default
		}
		if err := p.check(v); err != nil {
			return nil, err
		}
		out[p.Name] = v
	}
	for name := range given {
		if !slices.ContainsFunc(t.Parameters, func(p Parameter) bool { return p.Name == name }) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, invalid("Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	}
	if len(missing) > 0 {
		return nil, invalid("Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	return out, nil
}

func (p Parameter) check(v string) error {
	values := []string{v}
	if p.List() && !p.SSM() {
		values = elements(v)
	}
	if Unknown(v) {
		return nil // a nested stack's, in a plan
	}
	for _, v := range values {
		if message := p.problem(v); message != "" {
			if p.Constraint != "" {
				return invalid("Parameter %s failed to satisfy constraint: %s", p.Name, p.Constraint)
			}
			return invalid("%s", message)
		}
	}
	return nil
}

// problem is AWS's sentence about a value that is not allowed, or empty.
func (p Parameter) problem(v string) string {
	quoted := "Parameter '" + p.Name + "' "
	if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, v) {
		return quoted + "must be one of AllowedValues"
	}
	if p.AllowedPattern != "" {
		if re, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$"); err == nil && !re.MatchString(v) {
			return quoted + "must match pattern " + p.AllowedPattern
		}
	}
	if n := float64(len(v)); p.MinLength != nil && n < *p.MinLength {
		return quoted + "must contain at least " + Text(*p.MinLength) + " characters"
	} else if p.MaxLength != nil && n > *p.MaxLength {
		return quoted + "must contain at most " + Text(*p.MaxLength) + " characters"
	}
	if p.Type != "Number" && p.Type != "List<Number>" {
		return ""
	}
	n, err := strconv.ParseFloat(v, 64)
	switch {
	case err != nil:
		return quoted + "must be a number"
	case p.MinValue != nil && n < *p.MinValue:
		return quoted + "must be a number not less than " + Text(*p.MinValue)
	case p.MaxValue != nil && n > *p.MaxValue:
		return quoted + "must be a number not greater than " + Text(*p.MaxValue)
	}
	return ""
}

// Values turns bound parameters into what Ref answers. ssm reads an SSM parameter; resolved
// holds what it answered, by parameter.
func (t *Template) Values(bound map[string]string, ssm func(name string) (string, error)) (values map[string]any, resolved map[string]string, err error) {
	values, resolved = map[string]any{}, map[string]string{}
	for _, p := range t.Parameters {
		v := bound[p.Name]
		if p.SSM() && !Unknown(v) {
			if v, err = ssm(v); err != nil {
				return nil, nil, err
			}
			resolved[p.Name] = v
		}
		if !p.List() {
			values[p.Name] = v
			continue
		}
		list := []any{}
		for _, e := range elements(v) {
			list = append(list, e)
		}
		values[p.Name] = list
	}
	return values, resolved, nil
}

func elements(v string) []string {
	parts := strings.Split(v, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
