package invoke

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Template is the part of a synthesised template that says what functions are given.
type Template struct {
	Resources map[string]struct {
		Type       string
		Properties json.RawMessage
	}
}

// Function is what a template says of a function.
type Function struct {
	Name        string // FunctionName
	Timeout     int    // seconds
	Environment map[string]any
}

// Function finds the function that is named driftless-<name>.
func (t Template) Function(name string) (Function, error) {
	for _, r := range t.Resources {
		if r.Type != "AWS::Lambda::Function" {
			continue
		}
		var p struct {
			FunctionName any
			Timeout      int
			Environment  struct{ Variables map[string]any }
		}
		if err := json.Unmarshal(r.Properties, &p); err != nil {
			return Function{}, fmt.Errorf("read function of template: %w", err)
		}
		if p.FunctionName == "driftless-"+name {
			return Function{Name: "driftless-" + name, Timeout: p.Timeout, Environment: p.Environment.Variables}, nil
		}
	}
	return Function{}, fmt.Errorf("the template has no function driftless-%s", name)
}

// pseudo are the pseudo parameters, of the account that the recorded events are of.
var pseudo = map[string]string{
	"AWS::AccountId": "111122223333", "AWS::Region": "eu-west-1", "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
	"AWS::StackName": "Driftless", "AWS::StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/Driftless/1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
}

// resolver works out what a template's values are where resources are made by hand.
type resolver struct {
	template Template
	physical map[string]string // ids by type of resource
}

// text works out a value that is text in the end.
func (r resolver) text(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case map[string]any:
		if len(v) == 1 {
			for name, argument := range v {
				return r.call(name, argument)
			}
		}
	}
	return "", fmt.Errorf("work out %v: neither text nor a function of CloudFormation", value)
}

// call works out one of CloudFormation's functions.
func (r resolver) call(name string, argument any) (string, error) {
	list, _ := argument.([]any)
	switch {
	case name == "Ref":
		return r.reference(fmt.Sprint(argument))
	case name == "Fn::GetAtt" && len(list) == 2 && list[1] == "Arn":
		return "arn:aws:iam::" + pseudo["AWS::AccountId"] + ":role/" + fmt.Sprint(list[0]), nil
	case name == "Fn::Join" && len(list) == 2:
		parts, err := r.all(list[1])
		return strings.Join(parts, fmt.Sprint(list[0])), err
	case name == "Fn::Select" && len(list) == 2:
		parts, err := r.all(list[1])
		at, isNumber := list[0].(float64)
		if err != nil || !isNumber || int(at) >= len(parts) {
			return "", fmt.Errorf("work out Fn::Select %v: %w", list[0], err)
		}
		return parts[int(at)], nil
	}
	return "", fmt.Errorf("work out %s: it is not used in a function's environment so far", name)
}

// all works out a list, or a Fn::Split that makes one.
func (r resolver) all(value any) ([]string, error) {
	if split, ok := value.(map[string]any); ok {
		list, _ := split["Fn::Split"].([]any)
		if len(list) != 2 {
			return nil, fmt.Errorf("work out %v: not a list", value)
		}
		text, err := r.text(list[1])
		return strings.Split(text, fmt.Sprint(list[0])), err
	}
	list, _ := value.([]any)
	parts := make([]string, 0, len(list))
	for _, e := range list {
		part, err := r.text(e)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// reference works out what a name stands for.
func (r resolver) reference(name string) (string, error) {
	if v, ok := pseudo[name]; ok {
		return v, nil
	}
	if made, ok := r.physical[r.template.Resources[name].Type]; ok {
		return made, nil
	}
	return "", fmt.Errorf("work out Ref %s: nothing stands for it", name)
}

// environment is what the function is told, as NAME=value.
func (r resolver) environment(f Function) ([]string, error) {
	var env []string
	for name, value := range f.Environment {
		text, err := r.text(value)
		if err != nil {
			return nil, fmt.Errorf("setting %s of %s: %w", name, f.Name, err)
		}
		env = append(env, name+"="+text)
	}
	slices.Sort(env)
	return env, nil
}
