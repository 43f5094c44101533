package template

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/driftless-gitops/driftless/internal/config/nearest"
)

// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const (
	maxBody       = 51_200 // of a template that is sent in the call
	maxParameters = 200
)

// notSupported is what is said of what Driftless will do and does not do yet.
const notSupported = "known, not supported in this version"

// Check returns what keeps a template from being deployed with these parameters and
// capabilities, as far as that can be known without a call, in the order of the file.
func Check(t Template, parameters map[string]string, capabilities []string) []error {
	f := &faults{file: t.file}
	if n := len(t.Body); n > maxBody {
		f.add(0, 0, "the template has %d bytes; at most %d are allowed, larger ones are %s", n, maxBody, notSupported)
	}
	for _, m := range t.Transforms {
		f.add(m.Line, m.Column, "the macro %s: transforms are %s", quote(m.Name), notSupported)
	}
	for _, m := range t.foreign {
		f.add(m.Line, m.Column, "%s is no function of CloudFormation%s", m.Name, meant(m.Name))
	}
	checkParameters(f, t, parameters)
	checkCapabilities(f, t, capabilities)
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		if r := t.Resources[id]; r.local != "" {
			f.add(r.Line, r.Column, "Resources.%s.Properties.%s names a file of the repository: packaging is %s", id, r.local, notSupported)
		}
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

// checkParameters holds the values given against the parameters declared.
func checkParameters(f *faults, t Template, given map[string]string) {
	if n := len(t.Parameters); n > maxParameters {
		f.add(0, 0, "the template has %d parameters; at most %d are allowed", n, maxParameters)
	}
	declared := slices.Sorted(maps.Keys(t.Parameters))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := t.Parameters[name]; ok || f.full() {
			continue
		}
		if near := nearest.Of(name, declared); near != "" {
			f.add(0, 0, "the template has no parameter %s, for which a value is given; did you mean %q?", quote(name), near)
			continue
		}
		f.add(0, 0, "the template has no parameter %s, for which a value is given", quote(name))
	}
	for _, name := range declared {
		if p := t.Parameters[name]; !p.HasDefault {
			if _, ok := given[name]; !ok {
				f.add(p.Line, p.Column, "parameter %s has no default and is given no value", name)
			}
		}
	}
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

// packaged are the properties whose value may be the name of a local file, which
// "aws cloudformation package" uploads.
// https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html
var packaged = map[string]string{
	"AWS::ApiGateway::RestApi":                  "BodyS3Location",
	"AWS::AppSync::GraphQLSchema":               "DefinitionS3Location",
	"AWS::CloudFormation::Stack":                "TemplateURL",
	"AWS::Lambda::Function":                     "Code",
	"AWS::Lambda::LayerVersion":                 "Content",
	"AWS::StepFunctions::StateMachine":          "DefinitionS3Location",
	"AWS::ElasticBeanstalk::ApplicationVersion": "SourceBundle",
}

// local returns the property that names a file of the repository, "" when none does.
func local(kind string, properties *yaml.Node) string {
	property := packaged[kind]
	where, ok := text(get(properties, property))
	if !ok || property == "" || strings.Contains(where, "://") || strings.Contains(where, "{{resolve:") {
		return ""
	}
	return property
}
