package template_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/template"
)

func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/problems/*.txtar")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var read template.Template
		var err error
		fuzzing.Bounded(t, len(data), func() { read, err = template.Read("t.yaml", data) })
		if err == nil && read.Body == nil {
			t.Error("a template that was read has no body")
		}
		placed(t, err)
		for _, err := range template.Check(read, gitops.CloudFormation{}) {
			if text(err) == "" {
				t.Error("an error without a text")
			}
		}
	})
}

// placed fails the test for an error that is no *template.Error or lies outside its file.
func placed(t *testing.T, err error) {
	t.Helper()
	var list interface{ Unwrap() []error }
	if errors.As(err, &list) {
		for _, err := range list.Unwrap() {
			placed(t, err)
		}
		return
	}
	var e *template.Error
	if err != nil && (!errors.As(err, &e) || e.Line < 0 || e.Message == "") {
		t.Errorf("error %v has no place or no message", err)
	}
}

func FuzzParameters(f *testing.F) {
	for _, seed := range []string{
		`[{"ParameterKey":"A","ParameterValue":"b"},{"ParameterKey":"C","UsePreviousValue":true},"D=e"]`,
		`{"Parameters":{"A":1.10},"Tags":{"a":"b"},"StackPolicy":{}}`,
		"template-file-path: a.yaml\nparameters:\n  A: [b, 007]\ntags: {a: &b c, d: *b}\n",
		"A: 0x1F\nB: ~\nC: !Ref D\n<<: {E: f}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v template.Values
		var err error
		fuzzing.Bounded(t, len(data), func() { v, err = template.Parameters("p.json", data) })
		placed(t, err)
		if err != nil && len(v.Parameters)+len(v.Previous)+len(v.Tags) > 0 {
			t.Error("a file that is refused has values")
		}
		for _, err := range v.Creatable() {
			placed(t, err)
		}
		for _, name := range v.Previous {
			if _, given := v.Parameters[name]; given || name == "" {
				t.Errorf("parameter %q has a value and a previous one", name)
			}
		}
	})
}

// FuzzRewrite holds what is rewritten against what was read: a template that differs in the
// places alone that name files.
func FuzzRewrite(f *testing.F) {
	for _, seed := range []string{
		"Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Code: ./src # x\n      Role: x\n",
		"Resources:\r\n  F:\r\n    Type: AWS::Lambda::Function\r\n    Properties:\r\n      Role: x\r\n",
		`{"Resources":{"F":{"Type":"AWS::Lambda::Function","Properties":{}}, "N":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":"n.yaml"}}}}`,
		"Resources: {F: &f {Type: AWS::Lambda::Function, Properties: {Code: , Role: x}}, G: *f}",
		"Resources: {F: {Type: AWS::Lambda::LayerVersion, Properties: {Content}}}",
		"Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      ? Code\n      : 'a''b'\n",
		"Resources:\n  A: {Type: AWS::Serverless::Api, Properties: {DefinitionUri: *d, X: &d a}}\nMetadata: &d ./x\n",
		"Resources:\n  F: {Type: AWS::Glue::Job, Properties: {Command: {ScriptLocation: \"a\\\n b\"}}}\n",
		"Resources:\n  Fn::Transform:\n    Name: AWS::Include\n    Parameters:\n      Location: a b\n",
		"\xef\xbb\xbfResources:\u2028  F: {Type: AWS::Lambda::Function, Properties: {Code: é}}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := template.Read("t.yaml", data)
		if err != nil {
			return
		}
		var out []byte
		fuzzing.Bounded(t, len(data), func() { out = read.Rewrite(objects(len(read.Locals))) })
		if len(read.Locals) == 0 {
			if !bytes.Equal(out, data) {
				t.Error("a template without files was changed")
			}
			return
		}
		before, err := template.Tree(data)
		if err != nil {
			t.Fatal(err)
		}
		after, err := template.Tree(out)
		if err != nil {
			t.Fatalf("rewritten, it cannot be read: %v\n%s", err, out)
		}
		if n := differences(before, after); n < 0 || n > len(read.Locals) {
			t.Errorf("%d places name files, %d differ:\n%s\n---\n%s", len(read.Locals), n, data, out)
		}
	})
}
