package template

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/driftless-gitops/driftless/internal/config/nearest"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// maxParameters is how many parameters a template may have.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const maxParameters = 200

// Check returns what keeps a template from being deployed with these settings, whatever its
// parameters' values are and as far as that can be known without a call, in the order of
// the file: macros and capabilities that are not allowed, functions that there are not,
// secrets shown to everybody.
func Check(t Template, c gitops.CloudFormation) []error {
	f := &faults{file: t.file}
	checkTransforms(f, t.Transforms, c)
	checkLoops(f, t)
	for _, m := range t.foreign {
		f.add(m.Line, m.Column, "%s is no function of CloudFormation%s", m.Name, meant(m.Name))
	}
	if n := len(t.Parameters); n > maxParameters {
		f.add(0, 0, "the template has %d parameters; at most %d are allowed", n, maxParameters)
	}
	checkCapabilities(f, t, c.Capabilities)
	for _, s := range t.shown {
		f.add(s.line, s.column, "%s shows the parameter %s, whose NoEcho does not hold there: leave it out, or let a dynamic reference stand for it", s.where, s.name)
	}
	return f.errs()
}

// meant guesses the function that was meant, in the form that was used.
func meant(name string) string {
	forms := functions
	if strings.HasPrefix(name, "!") {
		forms = nil
		for _, f := range functions {
			forms = append(forms, "!"+strings.TrimPrefix(f, "Fn::"))
		}
	}
	if near := nearest.Of(name, forms); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// asking are the types for which CloudFormation wants a capability, each with the property
// that gives it a name of its own, if it has one.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html, Capabilities
var asking = map[string]string{
	"AWS::IAM::AccessKey":           "",
	"AWS::IAM::Group":               "GroupName",
	"AWS::IAM::InstanceProfile":     "InstanceProfileName",
	"AWS::IAM::ManagedPolicy":       "ManagedPolicyName",
	"AWS::IAM::Policy":              "",
	"AWS::IAM::Role":                "RoleName",
	"AWS::IAM::User":                "UserName",
	"AWS::IAM::UserToGroupAddition": "",
}

// checkCapabilities names the resources that need a capability which is not given.
func checkCapabilities(f *faults, t Template, given []string) {
	all := slices.Contains(given, "CAPABILITY_NAMED_IAM") // it covers the other one
	some := all || slices.Contains(given, "CAPABILITY_IAM")
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		r := t.Resources[id]
		if _, asks := asking[r.Type]; !asks {
			continue
		}
		switch {
		case r.named && !all:
			f.add(r.Line, r.Column, "Resources.%s is an %s with a name of its own and needs the capability CAPABILITY_NAMED_IAM", id, r.Type)
		case !some:
			f.add(r.Line, r.Column, "Resources.%s is an %s and needs the capability CAPABILITY_IAM", id, r.Type)
		}
	}
}

// named reports whether a resource is given a name of its own. One that may turn out to be
// AWS::NoValue is left to CloudFormation.
func named(kind string, properties *yaml.Node) bool {
	property := asking[kind]
	if property == "" {
		return false
	}
	name := get(properties, property)
	return name != nil && !mentions(name, "AWS::NoValue")
}

// mentions reports whether a text stands at or below a node.
func mentions(n *yaml.Node, s string) bool {
	n = follow(n)
	return n.Value == s || slices.ContainsFunc(n.Content, func(child *yaml.Node) bool { return mentions(child, s) })
}
