package template_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/driftless-gitops/driftless/internal/template"
)

// rewrite puts objects b/k0, b/k1, … where a template names files.
func rewrite(t *testing.T, data string) string {
	t.Helper()
	read, err := template.Read("t.yaml", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return string(read.Rewrite(objects(len(read.Locals))))
}

func objects(n int) []template.Object {
	var all []template.Object
	for i := range n {
		key := fmt.Sprintf("k%d", i)
		all = append(all, template.Object{Bucket: "b", Key: key, URL: "https://b/" + key})
	}
	return all
}

func TestOnlyWhatNamesAFileIsReplaced(t *testing.T) {
	const lambda = `{"S3Bucket": "b", "S3Key": "k0"}`
	for says, c := range map[string]struct{ data, want string }{
		"in a block, with what stands around it": {
			"# before\nResources:\n  F:\n    Type: AWS::Lambda::Function   # kept\n    Properties:\n      Code:   ./src   # kept\n      Role:  'x'\n\n",
			"# before\nResources:\n  F:\n    Type: AWS::Lambda::Function   # kept\n    Properties:\n      Code:   " + lambda + "   # kept\n      Role:  'x'\n\n"},
		"in JSON": {
			"{\"Resources\": {\"F\": {\"Type\": \"AWS::Lambda::Function\",\n\t\"Properties\": {\"Code\":\"./sr\\u0063\", \"Role\": \"\u2028x\"}}}}",
			"{\"Resources\": {\"F\": {\"Type\": \"AWS::Lambda::Function\",\n\t\"Properties\": {\"Code\":" + lambda + ", \"Role\": \"\u2028x\"}}}}"},
		"in quotes, with quotes in them": {
			"Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: 'it''s', Role: x}}}",
			"Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: " + lambda + ", Role: x}}}"},
		"in double quotes, with escapes": {
			`Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: "a\"b\\", Role: x}}}`,
			`Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: ` + lambda + `, Role: x}}}`},
		"after a mark, with the ends of lines of Windows and letters of any width": {
			"\xef\xbb\xbfDescription: \"ä\u0085 \U0001F600\"\r\nResources:\r\n  F: {Type: AWS::Lambda::Function, Properties: {Description: 日本, Code: ./src}}\r\n",
			"\xef\xbb\xbfDescription: \"ä\u0085 \U0001F600\"\r\nResources:\r\n  F: {Type: AWS::Lambda::Function, Properties: {Description: 日本, Code: " + lambda + "}}\r\n"},
		"an alias, where it stands": {
			"Metadata: {Path: &p ./src}\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {Code: *p , Role: x}\n",
			"Metadata: {Path: &p ./src}\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {Code: " + lambda + " , Role: x}\n"},
		"once, where two resources share it": {
			"Resources:\n  F: &f\n    Type: AWS::Lambda::Function\n    Properties: {Code: ./src}\n  G: *f\n",
			"Resources:\n  F: &f\n    Type: AWS::Lambda::Function\n    Properties: {Code: " + lambda + "}\n  G: *f\n"},
		"in a mapping that is merged": {
			"Metadata: {All: &all {Code: ./src}}\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {<<: *all, Role: x}\n",
			"Metadata: {All: &all {Code: " + lambda + "}}\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {<<: *all, Role: x}\n"},
		"in a loop": {
			"Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::Functions:\n  - N\n  - [a, b]\n  - F${N}:\n      Type: AWS::Lambda::Function\n      Properties: {Code: ./src}\n",
			"Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::Functions:\n  - N\n  - [a, b]\n  - F${N}:\n      Type: AWS::Lambda::Function\n      Properties: {Code: " + lambda + "}\n"},
		"missing, before the first of a block": {
			"Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n\n      # the role\n      Role: x\n",
			"Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n\n      # the role\n      Code: " + lambda + "\n      Role: x\n"},
		"missing, in braces": {
			`{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Role": "x"}}}}`,
			`{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": ` + lambda + `, "Role": "x"}}}}`},
		"missing, in empty braces": {
			"Resources: {F: {Type: AWS::Lambda::Function, Properties: { }}}",
			"Resources: {F: {Type: AWS::Lambda::Function, Properties: {\"Code\": " + lambda + " }}}"},
		"empty, as if it were missing": {
			"Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Code:\n      Role: x\n",
			"Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Code: " + lambda + "\n      Role: x\n"},
		"null, as if it were missing": {
			`{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": null}}}}`,
			`{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": ` + lambda + `}}}}`},
		"an object's address where a mapping is wanted": {
			"Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: \"s3://theirs/a/b.zip?versionId=7\"}}}",
			"Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: {\"S3Bucket\": \"theirs\", \"S3Key\": \"a/b.zip\", \"S3ObjectVersion\": \"7\"}}}}"},
		"nested templates, and what is included, by their addresses": {
			"Resources:\n  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: n.yaml}}\n  Fn::Transform: {Name: AWS::Include, Parameters: {Location: i.yaml}}\n",
			"Resources:\n  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: \"https://b/k0\"}}\n  Fn::Transform: {Name: AWS::Include, Parameters: {Location: \"s3://b/k1\"}}\n"},
		"what is included into the whole, and by a tag": {
			"Transform: {Name: AWS::Include, Parameters: {Location: i.yaml}}\nResources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties: !Transform {Name: AWS::Include, Parameters: {Location: 'p.yaml'}}\n",
			"Transform: {Name: AWS::Include, Parameters: {Location: \"s3://b/k0\"}}\nResources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties: !Transform {Name: AWS::Include, Parameters: {Location: \"s3://b/k1\"}}\n"},
		"the definition of an API of SAM, of either kind": {
			"Transform: AWS::Serverless-2016-10-31\nResources:\n  A: {Type: AWS::Serverless::Api, Properties: {DefinitionUri: a.yaml}}\n  H: {Type: AWS::Serverless::HttpApi, Properties: {DefinitionUri: h.yaml}}\n",
			"Transform: AWS::Serverless-2016-10-31\nResources:\n  A: {Type: AWS::Serverless::Api, Properties: {DefinitionUri: \"s3://b/k0\"}}\n  H: {Type: AWS::Serverless::HttpApi, Properties: {DefinitionUri: \"s3://b/k1\"}}\n"},
		"what functions of SAM have in common, once": {
			"Transform: AWS::Serverless-2016-10-31\nGlobals: {Function: {CodeUri: ./src}}\nResources:\n  F: {Type: AWS::Serverless::Function, Properties: {Handler: a}}\n",
			"Transform: AWS::Serverless-2016-10-31\nGlobals: {Function: {CodeUri: \"s3://b/k0\"}}\nResources:\n  F: {Type: AWS::Serverless::Function, Properties: {Handler: a}}\n"},
	} {
		t.Run(says, func(t *testing.T) {
			if diff := cmp.Diff(c.want, rewrite(t, c.data)); diff != "" {
				t.Errorf("rewritten (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatNamesNoFileStays(t *testing.T) {
	for says, data := range map[string]string{
		"a function's":             "Resources:\n  F: {Type: AWS::Lambda::Function, Properties: {Code: !Sub \"${X}\"}}\nParameters: {X: {Type: String, Default: a}}\n",
		"inline code":              "Resources:\n  F: {Type: AWS::Lambda::Function, Properties: {Code: {ZipFile: a}}}\n",
		"no properties at all":     "Resources:\n  F: {Type: AWS::Lambda::Function}\n",
		"the address of a nested":  "Resources:\n  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: https://b.s3.amazonaws.com/k}}\n",
		"the address of a text":    "Resources:\n  A: {Type: AWS::Serverless::Api, Properties: {DefinitionUri: s3://b/k}}\n",
		"a dynamic reference":      "Resources:\n  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: '{{resolve:ssm:x}}'}}\n",
		"what need not be there":   "Resources:\n  A: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}\n  J: {Type: AWS::Glue::Job, Properties: {Command: {Name: a}}}\n",
		"code of SAM that is here": "Resources:\n  F: {Type: AWS::Serverless::Function, Properties: {InlineCode: a}}\n  G: {Type: AWS::Serverless::Function, Properties: {ImageUri: a}}\n",
		"an application by its id": "Resources:\n  A: {Type: AWS::Serverless::Application, Properties: {Location: {ApplicationId: a}}}\n",
		"another macro's location": "Resources:\n  Fn::Transform: {Name: Mine, Parameters: {Location: i.yaml}}\n",
	} {
		t.Run(says, func(t *testing.T) {
			if diff := cmp.Diff(data, rewrite(t, data)); diff != "" {
				t.Errorf("rewritten (-want +got):\n%s", diff)
			}
		})
	}
}

// differences counts the nodes that were replaced by an object, or put in; -1 where something
// else differs.
func differences(a, b *yaml.Node) int {
	if isObject(b) && !isObject(a) {
		return 1
	}
	count := 0
	ours := b.Content
	if a.Kind == yaml.MappingNode && b.Kind == yaml.MappingNode && len(ours) == len(a.Content)+2 && isObject(ours[1]) {
		ours, count = ours[2:], 1
	}
	if a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || a.Anchor != b.Anchor || len(a.Content) != len(ours) {
		return -1
	}
	for i := range ours {
		n := differences(a.Content[i], ours[i])
		if n < 0 {
			return -1
		}
		count += n
	}
	return count
}

// isObject reports whether a node is what stands for an object.
func isObject(n *yaml.Node) bool {
	if n.Kind == yaml.MappingNode {
		return len(n.Content) >= 4 && slices.Contains([]string{"S3Bucket", "Bucket"}, n.Content[0].Value)
	}
	return n.Kind == yaml.ScalarNode && (strings.HasPrefix(n.Value, "s3://b/k") || strings.HasPrefix(n.Value, "https://b/k"))
}
