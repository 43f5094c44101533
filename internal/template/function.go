package template

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// functions are CloudFormation's intrinsic functions, those of rules and of
// AWS::LanguageExtensions included.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
var functions = []string{
	"Ref", "Condition",
	"Fn::And", "Fn::Base64", "Fn::Cidr", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn", "Fn::Equals",
	"Fn::FindInMap", "Fn::ForEach", "Fn::GetAtt", "Fn::GetAZs", "Fn::GetStackOutput", "Fn::If", "Fn::ImportValue", "Fn::Join",
	"Fn::Length", "Fn::Not", "Fn::Or", "Fn::RefAll", "Fn::Select", "Fn::Split", "Fn::Sub", "Fn::ToJsonString",
	"Fn::Transform", "Fn::ValueOf", "Fn::ValueOfAll",
}

// pseudo are the parameters that every template has.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
var pseudo = []string{
	"AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue", "AWS::Partition",
	"AWS::Region", "AWS::StackId", "AWS::StackName", "AWS::URLSuffix",
}

// function returns the name and the argument of the function that a node calls, in either
// form: a tag on the argument, or a mapping of the name to it. Only a mapping's sole key is
// a function: Condition, for one, is a key of IAM policies as well, and there no text.
func function(n *yaml.Node) (name string, argument *yaml.Node) {
	if n == nil {
		return "", nil
	}
	if custom(n) {
		name = strings.TrimPrefix(n.Tag, "!")
		if name != "Ref" && name != "Condition" {
			name = "Fn::" + name
		}
		return name, n
	}
	all := entries(n)
	if len(all) != 1 {
		return "", nil
	}
	name, argument = all[0].key.Value, all[0].value
	if name == "Ref" || strings.HasPrefix(name, "Fn::") && !strings.HasPrefix(name, forEach) {
		return name, argument
	}
	return "", nil
}

// forEach begins the key of a loop, Fn::ForEach::Name, which stands among other keys.
const forEach = "Fn::ForEach::"

// known reports whether a function is CloudFormation's.
func known(name string) bool { return slices.Contains(functions, name) }

// variables returns the names that the text of Fn::Sub puts in: "${Name}", not "${!Name}".
func variables(text string) []string {
	var names []string
	for {
		_, after, found := strings.Cut(text, "${")
		if !found {
			return names
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			return names
		}
		if name = strings.TrimSpace(name); name != "" && !strings.HasPrefix(name, "!") {
			names = append(names, name)
		}
		text = rest
	}
}
