package template_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/template"
)

var update = flag.Bool("update", false, "write what is expected anew")

// TestProblems reads each case of testdata: a template, a parameter file and capabilities
// where there are some, and what Read and Check say, one problem in a line.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/problems/*.txtar")
	if err != nil || len(files) < 35 {
		t.Fatalf("found %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			last := &archive.Files[len(archive.Files)-1]
			got := problems(t, archive.Files[:len(archive.Files)-1])
			if *update {
				last.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(last.Data), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// problems reads a case as an engine does: template, parameters, then both together.
func problems(t *testing.T, files []txtar.File) string {
	t.Helper()
	var all []error
	var read template.Template
	var values template.Values
	var allowed gitops.CloudFormation
	for _, f := range files {
		var err error
		switch {
		case f.Name == "capabilities":
			allowed.Capabilities = strings.Fields(string(f.Data))
		case f.Name == "transforms":
			allowed.Transforms = strings.Fields(string(f.Data))
		case strings.HasPrefix(f.Name, "parameters"):
			values, err = template.Parameters(f.Name, f.Data)
		default:
			read, err = template.Read(f.Name, f.Data)
		}
		if err != nil {
			all = append(all, err)
		}
	}
	if len(all) == 0 {
		all = append(template.Check(read, allowed), template.CheckValues(read, values)...)
	}
	if err := errors.Join(all...); err != nil {
		return err.Error() + "\n"
	}
	return ""
}

const queue = `AWSTemplateFormatVersion: "2010-09-09"
Transform: [AWS::Serverless-2016-10-31, {Name: AWS::Include, Parameters: {Location: s3://b/k}}]
Parameters:
  Delay: {Type: Number, Default: 5}
  Secret: {Type: String, NoEcho: true}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    DeletionPolicy: Retain
    Properties:
      DelaySeconds: !Ref Delay
      Fn::Transform: {Name: Macro}
Outputs:
  Arn: {Value: !GetAtt Queue.Arn}
`

func TestReadFindsWhatDecides(t *testing.T) {
	got, err := template.Read("template.yaml", []byte(queue))
	if err != nil {
		t.Fatal(err)
	}
	want := template.Template{
		Body: []byte(queue),
		Resources: map[string]template.Resource{
			"Queue": {Type: "AWS::SQS::Queue", DeletionPolicy: "Retain", Line: 7, Column: 3},
		},
		Parameters: map[string]template.Parameter{
			"Delay":  {Type: "Number", HasDefault: true, Default: "5", Line: 4, Column: 3},
			"Secret": {Type: "String", NoEcho: true, Line: 5, Column: 3},
		},
		Outputs: map[string]template.Output{"Arn": {Line: 14, Column: 3}},
		Transforms: []template.Transform{
			{Name: "AWS::Serverless-2016-10-31", Line: 2, Column: 13},
			{Name: "AWS::Include", Line: 2, Column: 48},
			{Name: "Macro", Line: 12, Column: 7},
		},
	}
	opts := []cmp.Option{cmpopts.IgnoreUnexported(template.Template{}, template.Resource{}, template.Parameter{})}
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("template (-want +got):\n%s", diff)
	}
}

func TestErrorNamesItsPlace(t *testing.T) {
	_, err := template.Read("stacks/jobs/template.yaml", []byte("Resources:\n  Queue:\n    Properties: {}\n"))
	var got *template.Error
	if !errors.As(err, &got) {
		t.Fatalf("error is %v, no *template.Error", err)
	}
	want := &template.Error{File: "stacks/jobs/template.yaml", Line: 2, Column: 3, Message: "Resources.Queue has no Type"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestHostileFilesAreRefusedQuickly(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'j'; c++ {
		ref := "*" + string(c-1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat(ref+",", 10), ",") + "]\n"
	}
	for says, c := range map[string]struct{ data, want string }{
		"an alias bomb":       {bomb, "more than 500000 values"},
		"an alias of itself":  {"a: &a [*a]\n", "nested more than 100 levels"},
		"deep nesting":        {strings.Repeat("[x,", 5000) + strings.Repeat("]", 5000), "nested more than 100 levels"},
		"deep nesting, JSON":  {strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "nested more than 100 levels"},
		"nesting without end": {strings.Repeat("[", 1<<18), "nested more than 100 levels"},
		"values at the cap":   {"[" + strings.Repeat("x,", 299_999) + "x]", "not a template: a list"},
		"values without end":  {"[" + strings.Repeat("x,", 300_000) + "x]", "the file has 300001 line ends, commas, colons and brackets; at most 300000 are allowed"},
		"blocks without end":  {strings.Repeat("- ", 500_000), "max depth"},
	} {
		t.Run(says, func(t *testing.T) {
			if _, err := template.Read("t.yaml", []byte(c.data)); !strings.Contains(text(err), c.want) {
				t.Errorf("error is %.200v, want %q in it", err, c.want)
			}
		})
	}
}

func TestStarterIsDeployable(t *testing.T) {
	const dir = "../../templates/starter/stacks/jobs/"
	body, err := os.ReadFile(dir + "template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(dir + "prod.json")
	if err != nil {
		t.Fatal(err)
	}
	read, err := template.Read("template.yaml", body)
	if err != nil {
		t.Fatal(err)
	}
	values, err := template.Parameters("prod.json", data)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range append(template.Check(read, gitops.CloudFormation{}), template.CheckValues(read, values)...) {
		t.Error(err)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
