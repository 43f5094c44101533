package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// The transforms that templates may name. LanguageExtensions' functions Fn::ToJsonString and
// Fn::Length are resolved here; Include is replaced by the text that it names; Serverless is
// left to the caller.
const (
	LanguageExtensions = "AWS::LanguageExtensions"
	Serverless         = "AWS::Serverless-2016-10-31"
	includeTransform   = "AWS::Include"
	noOther            = "The sandbox runs no transforms but " + includeTransform + ", " + LanguageExtensions + " and " + Serverless + ": %s"
)

// Template is a parsed template, its sections in the order in which they are written.
type Template struct {
	Body        string
	Processed   string // what Serverless made of Body; empty where it was not run
	Description string
	Metadata    any
	Transforms  []string
	Parameters  []Parameter
	Mappings    map[string]any
	Conditions  map[string]any
	Rules       map[string]any
	Resources   []*Resource
	Outputs     []Output

	fragment map[string]any // what Serverless is yet to be run on
}

// Resource is one entry of the Resources section. Functions are unresolved.
type Resource struct {
	ID, Type            string
	Properties          map[string]any
	Metadata            any
	DependsOn           []string
	Condition           string
	DeletionPolicy      string
	UpdateReplacePolicy string
}

// Output is one entry of the Outputs section. Functions are unresolved.
type Output struct {
	Key, Description, Condition string
	Value, Export               any
}

// Resource returns the resource of that logical id, or nil.
func (t *Template) Resource(id string) *Resource {
	for _, r := range t.Resources {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// invalid is what AWS answers to a bad template or parameter.
func invalid(format string, args ...any) error {
	return &wire.Error{Code: "ValidationError", Message: fmt.Sprintf(format, args...)}
}

// Parse reads a template and checks everything that needs no parameter: the form, the
// names, and that every reference leads somewhere. include reads what AWS::Include names.
// Of a template that calls Serverless only the outline is read, as Pending says. Errors are
// AWS's ValidationError.
func Parse(body string, include func(location string) (string, error)) (*Template, error) {
	root, err := document(body)
	if err != nil {
		return nil, err
	}
	t := &Template{Body: body}
	e := expansion{include: include}
	if err := e.top(root); err != nil {
		return nil, err
	}
	if e.done {
		t.Transforms = []string{includeTransform}
	}
	if serverless(root) {
		return t, t.outline(root)
	}
	return t, t.sections(root)
}

// sections reads the whole of a template on which nothing is to be run any more.
func (t *Template) sections(root *yaml.Node) error {
	for i := 0; i < len(root.Content); i += 2 {
		if err := t.section(root.Content[i].Value, root.Content[i+1]); err != nil {
			return err
		}
	}
	if len(t.Resources) == 0 {
		return invalid("Template format error: At least one Resources member must be defined.")
	}
	return t.check()
}

// document returns the template's top mapping.
func document(body string) (*yaml.Node, error) {
	n, err := node(body)
	if err == nil && n.Kind != yaml.MappingNode {
		return nil, invalid("Template format error: unsupported structure.")
	}
	return n, err
}

// node parses YAML or JSON. JSON is compacted first, since it may hold tabs, which YAML
// forbids.
func node(body string) (*yaml.Node, error) {
	text := []byte(body)
	format := "YAML"
	if strings.HasPrefix(strings.TrimSpace(body), "{") {
		var b bytes.Buffer
		if err := json.Compact(&b, text); err == nil {
			text, format = b.Bytes(), "JSON"
		}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, invalid("Template format error: %s not well-formed.%s", format, position(err))
	}
	if len(doc.Content) != 1 {
		return nil, invalid("Template format error: unsupported structure.")
	}
	return doc.Content[0], nil
}

var linePattern = regexp.MustCompile(`line (\d+)`)

func position(err error) string {
	if m := linePattern.FindStringSubmatch(err.Error()); m != nil {
		return " (line " + m[1] + ", column 1)"
	}
	return ""
}

func (t *Template) section(name string, n *yaml.Node) error {
	v, err := value(n, "/"+name)
	if err != nil {
		return err
	}
	m, isMap := v.(map[string]any)
	switch name {
	case "AWSTemplateFormatVersion":
		if s := Text(v); s != "2010-09-09" {
			return invalid("Template format error: Unsupported template version: %s.", s)
		}
		return nil
	case "Description":
		t.Description = Text(v)
		if len(t.Description) > 1024 {
			return invalid("Template format error: 'Description' length is greater than 1024.")
		}
		return nil
	case "Metadata":
		t.Metadata = v
		return nil
	case "Transform":
		return t.transforms(v)
	case "Parameters", "Mappings", "Conditions", "Rules", "Resources", "Outputs":
	default:
		return invalid("Invalid template property or properties [%s]", name)
	}
	if !isMap {
		return invalid("Template format error: Every %s member must be an object.", name)
	}
	switch name {
	case "Parameters":
		t.Parameters, err = parameters(keys(n), m)
	case "Mappings":
		t.Mappings = m
	case "Conditions":
		t.Conditions = m
	case "Rules":
		t.Rules = m
	case "Resources":
		t.Resources, err = resources(keys(n), m)
	case "Outputs":
		t.Outputs, err = outputs(keys(n), m)
	}
	return err
}

func (t *Template) transforms(v any) error {
	names, ok := v.([]any)
	if !ok {
		names = []any{v}
	}
	for _, n := range names {
		name := Text(n)
		if m, ok := n.(map[string]any); ok {
			name = Text(m["Name"])
		}
		if name != LanguageExtensions && name != Serverless {
			return invalid(noOther, name)
		}
		t.Transforms = append(t.Transforms, name)
	}
	return nil
}

func keys(n *yaml.Node) []string {
	var out []string
	for i := 0; i < len(n.Content); i += 2 {
		out = append(out, n.Content[i].Value)
	}
	return out
}

// value turns a node into plain values, short tags into their long form. Numbers stay as
// written when their text would not survive (a leading zero, a very long one).
func value(n *yaml.Node, path string) (any, error) {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return nil, invalid("Template error: YAML aliases are not allowed in CloudFormation templates")
	}
	v, err := plain(n, path)
	if err != nil || !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!") {
		return v, err
	}
	name := strings.TrimPrefix(n.Tag, "!")
	switch name {
	case "Ref", "Condition":
		return map[string]any{name: v}, nil
	case "GetAtt":
		if s, ok := v.(string); ok {
			id, attribute, found := strings.Cut(s, ".")
			if !found {
				return nil, invalid("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
			}
			v = []any{id, attribute}
		}
	}
	if !functions["Fn::"+name] && name != "Transform" {
		return nil, invalid("Template format error: [%s] Unsupported tag !%s", path, name)
	}
	return map[string]any{"Fn::" + name: v}, nil
}

func plain(n *yaml.Node, path string) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode {
				return nil, invalid("Template format error: [%s] map keys must be strings; received a map instead", path)
			}
			if _, twice := m[k.Value]; twice {
				return nil, invalid("Template format error: [%s] duplicate key %s (line %d, column %d)", path, k.Value, k.Line, k.Column)
			}
			v, err := value(n.Content[i+1], path+"/"+k.Value)
			if err != nil {
				return nil, err
			}
			m[k.Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for i, c := range n.Content {
			v, err := value(c, path+"/"+strconv.Itoa(i))
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	return scalar(n, path)
}

func scalar(n *yaml.Node, path string) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		if n.Tag != "!!null" && n.Tag != "" && n.Value == "" {
			return "", nil // a short tag with an empty argument, such as !GetAZs ''
		}
		return nil, invalid("Template format error: [%s] 'null' values are not allowed in templates", path)
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), nil
	case "!!int":
		if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil && strconv.FormatInt(i, 10) == n.Value {
			return i, nil
		}
	case "!!float":
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil && strconv.FormatFloat(f, 'f', -1, 64) == n.Value {
			return f, nil
		}
	}
	return n.Value, nil
}

// Text is a scalar as CloudFormation writes it in a string.
func Text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case int:
		return strconv.Itoa(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}
