package packaging_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/packaging"
	"github.com/driftless-gitops/driftless/internal/template"
)

// target is where the tests' applications go.
var target = gitops.Target{Account: "111122223333", Region: "eu-west-1"}

// prepare prepares an application that has no problem.
func prepare(t *testing.T, files fs.FS, s gitops.Settings) packaging.Prepared {
	t.Helper()
	s.Target = target
	p, problems, err := packaging.Prepare(files, s, bucket)
	if err != nil || len(problems) > 0 {
		t.Fatalf("problems %v, error %v", problems, err)
	}
	return p
}

// data makes the artefact of a key.
func data(t *testing.T, p packaging.Prepared, key string) []byte {
	t.Helper()
	for _, a := range p.Artefacts {
		if a.Key == key {
			data, err := a.Data()
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	t.Fatalf("no artefact has the key %s", key)
	return nil
}

// repository returns the files of an archive of text.
func repository(archive string) fstest.MapFS {
	files := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
	}
	return files
}

// jobs are the settings of the application in stacks/jobs.
func jobs(change ...func(*gitops.Settings)) gitops.Settings {
	s := gitops.Settings{Name: "jobs", Path: "stacks/jobs", Target: target, CloudFormation: gitops.CloudFormation{Template: "template.yaml"}}
	for _, c := range change {
		c(&s)
	}
	return s
}

// refused returns the problems of an application, one in a line.
func refused(t *testing.T, files fs.FS, s gitops.Settings, bucket string) string {
	t.Helper()
	_, problems, err := packaging.Prepare(files, s, bucket)
	if err != nil {
		t.Fatal(err)
	}
	return text(problems)
}

func TestTemplateWithoutFilesIsSentAsItIs(t *testing.T) {
	body := "# a comment\nResources:\n  Queue: {Type: AWS::SQS::Queue}\n"
	p := prepare(t, repository("-- stacks/jobs/template.yaml --\n"+body), jobs())
	want := packaging.Prepared{Template: []byte(body), Tags: map[string]string{}}
	opts := []cmp.Option{cmpopts.IgnoreUnexported(template.Values{}), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(want, p, opts...); diff != "" {
		t.Errorf("prepared (-want +got):\n%s", diff)
	}
	if got := refused(t, repository("-- stacks/jobs/template.yaml --\n"+body), jobs(), ""); got != "" {
		t.Errorf("without a bucket it is refused: %s", got)
	}
}

func TestAFileThatIsMissingIsToldByTheKeyOfItsEngine(t *testing.T) {
	for _, engine := range []gitops.Engine{gitops.EngineCloudFormation, gitops.EngineSAM} {
		of := func(s *gitops.Settings) { s.Engine = engine }
		want := fmt.Sprintf("stacks/jobs/template.yaml: no such file, though %s.template names it", engine)
		if got := refused(t, repository(""), jobs(of), bucket); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		want = fmt.Sprintf("stacks/jobs/prod.json: no such file, though %s.parameters names it", engine)
		named := func(s *gitops.Settings) { s.CloudFormation.Parameters = "prod.json" }
		if got := refused(t, repository("-- stacks/jobs/template.yaml --\nResources: {Queue: {Type: AWS::SQS::Queue}}\n"), jobs(of, named), bucket); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestR29h_ATemplateGoesTheWayItsSizeAllows(t *testing.T) {
	const head = "Resources: {Queue: {Type: AWS::SQS::Queue}} #"
	for says, c := range map[string]struct {
		size  int
		wants string
		inS3  bool
	}{
		"one byte under what a call takes": {51_199, "", false},
		"what a call takes":                {51_200, "", false},
		"one byte over what a call takes":  {51_201, "", true},
		"what CloudFormation reads":        {1_000_000, "", true},
		"one byte over what it reads":      {1_000_001, "stacks/jobs/template.yaml: the file has 1000001 bytes; at most 1000000 are allowed", false},
	} {
		t.Run(says, func(t *testing.T) {
			body := head + strings.Repeat("x", c.size-len(head))
			files := fstest.MapFS{"stacks/jobs/template.yaml": {Data: []byte(body)}}
			p, problems, err := packaging.Prepare(files, jobs(), bucket)
			if got := text(problems); err != nil || got != c.wants {
				t.Fatalf("problems %q, error %v, want %q", got, err, c.wants)
			}
			if got := p.URL != ""; got != c.inS3 {
				t.Fatalf("its URL is %q", p.URL)
			}
			if !c.inS3 {
				return
			}
			if want := "https://" + bucket + ".s3.eu-west-1.amazonaws.com/" + p.Key; p.URL != want {
				t.Errorf("its URL is %q, want %q", p.URL, want)
			}
			if got := data(t, p, p.Key); string(got) != body || string(p.Template) != body {
				t.Error("what lies in S3 is not the template")
			}
			without := refused(t, files, jobs(), "")
			if want := "region eu-west-1 of account 111122223333 has no artefact bucket, which the template with its "; !strings.Contains(without, want) {
				t.Errorf("without a bucket: %q, want %q in it", without, want)
			}
		})
	}
}

func TestR29h_AddressesMayMakeATemplateTooLarge(t *testing.T) {
	const head = "Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: a}}} #"
	for size, want := range map[int]string{
		1_000_000 - 200: "",
		1_000_000 - 10:  "stacks/jobs/template.yaml: with the addresses of its files the template has 1000115 bytes; at most 1000000 are allowed",
	} {
		files := fstest.MapFS{"stacks/jobs/template.yaml": {Data: []byte(head + strings.Repeat("x", size-len(head)))}, "stacks/jobs/a": {Data: []byte("a")}}
		if got := refused(t, files, jobs(), bucket); got != want {
			t.Errorf("with %d bytes: %q, want %q", size, got, want)
		}
	}
}

func TestR29h_ABadTemplateIsToldWithItsPlace(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'j'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 10), ","))
	}
	for says, c := range map[string]struct{ body, want string }{
		"malformed":      {"Resources: {Queue: [}\n", "template.yaml:1:1: not YAML: did not find expected node content"},
		"malformed JSON": {"{\"Resources\": {\n  \"Queue\": }}", "template.yaml:2:12: not JSON: invalid character '}' looking for beginning of value"},
		"duplicate keys": {"Resources:\n  Queue: {Type: AWS::SQS::Queue}\n  Queue: {Type: AWS::SNS::Topic}\n", "template.yaml:3:3: \"Queue\" is there twice, first in line 2"},
		"unknown tags":   {"Resources:\n  Queue: {Type: AWS::SQS::Queue, Properties: {A: !Reff B}}\n", "template.yaml:2:50: !Reff is no function of CloudFormation; did you mean !Ref?"},
		"an alias bomb":  {bomb, "more than 500000 values, with its aliases followed"},
		"deep nesting":   {"Resources: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), "nested more than 100 levels deep"},
	} {
		t.Run(says, func(t *testing.T) {
			got := refused(t, fstest.MapFS{"stacks/jobs/template.yaml": {Data: []byte(c.body)}}, jobs(), bucket)
			if !strings.HasPrefix(got, "stacks/jobs/template.yaml:") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
		})
	}
}

const withMacros = `
-- stacks/jobs/template.yaml --
Resources:
  Nested: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: nested.yaml}}
  Role: {Type: AWS::IAM::Role}
  Custom: {Type: Custom::Thing}
-- stacks/jobs/nested.yaml --
Resources:
  Fn::Transform: {Name: AWS::Include, Parameters: {Location: snippet.yaml}}
  Named: {Type: AWS::IAM::Role, Properties: {RoleName: a}}
-- stacks/jobs/snippet.yaml --
Queue: {Type: AWS::SQS::Queue, Properties: {Fn::Transform: {Name: Mine}}}
`

func TestR29i_WhatIsNotAllowedIsRefusedWhereverItStands(t *testing.T) {
	want := `stacks/jobs/template.yaml:3:3: Resources.Role is an AWS::IAM::Role and needs the capability CAPABILITY_IAM`
	if got := refused(t, repository(withMacros), jobs(), bucket); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	iam := func(s *gitops.Settings) { s.CloudFormation.Capabilities = []string{"CAPABILITY_IAM"} }
	want = `stacks/jobs/nested.yaml:2:3: the macro "AWS::Include" is not allowed: add "AWS::Include" to the application's transforms in driftless.yaml
stacks/jobs/nested.yaml:3:3: Resources.Named is an AWS::IAM::Role with a name of its own and needs the capability CAPABILITY_NAMED_IAM`
	if got := refused(t, repository(withMacros), jobs(iam), bucket); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	include := func(s *gitops.Settings) {
		s.CloudFormation.Capabilities, s.CloudFormation.Transforms = []string{"CAPABILITY_NAMED_IAM"}, []string{"AWS::Include"}
	}
	want = `stacks/jobs/snippet.yaml:1:45: the macro "Mine" is not allowed: add "Mine" to the application's transforms in driftless.yaml`
	if got := refused(t, repository(withMacros), jobs(include), bucket); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAllowedMacrosAreTold(t *testing.T) {
	p := prepare(t, repository(withMacros), jobs(func(s *gitops.Settings) {
		s.CloudFormation.Capabilities, s.CloudFormation.Transforms = []string{"CAPABILITY_NAMED_IAM"}, []string{"Mine", "AWS::Include", "Other"}
	}))
	if diff := cmp.Diff([]string{"AWS::Include", "Mine"}, p.Transforms); diff != "" {
		t.Errorf("transforms (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}, p.Capabilities); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
}

func TestR29k_ParametersAndCapabilitiesThatDoNotFit(t *testing.T) {
	many := "Parameters:\n"
	for i := range 201 {
		many += fmt.Sprintf("  P%d: {Type: String, Default: a}\n", i)
	}
	const queue = "Resources: {Queue: {Type: AWS::SQS::Queue}}\n"
	for says, c := range map[string]struct{ body, want string }{
		"a missing capability":  {"Resources: {Group: {Type: AWS::IAM::Group}}\n", "stacks/jobs/template.yaml:1:13: Resources.Group is an AWS::IAM::Group and needs the capability CAPABILITY_IAM"},
		"more than 200":         {many + queue, "stacks/jobs/template.yaml: the template has 201 parameters; at most 200 are allowed"},
		"a missing parameter":   {"Parameters: {Name: {Type: String}}\n" + queue, "stacks/jobs/template.yaml:1:14: parameter Name has no default and is given no value"},
		"a NoEcho that is told": {"Parameters: {P: {Type: String, NoEcho: true, Default: a}}\nOutputs: {O: {Value: !Ref P}}\n" + queue, "stacks/jobs/template.yaml:2:22: Outputs.O shows the parameter P, whose NoEcho does not hold there: leave it out, or let a dynamic reference stand for it"},
	} {
		t.Run(says, func(t *testing.T) {
			if got := refused(t, fstest.MapFS{"stacks/jobs/template.yaml": {Data: []byte(c.body)}}, jobs(), bucket); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestValuesComeFromTheParameterFile(t *testing.T) {
	files := repository(`
-- stacks/jobs/template.yaml --
Parameters: {Name: {Type: String}, Secret: {Type: String, NoEcho: true}, Size: {Type: Number, Default: 1}}
Resources: {Queue: {Type: AWS::SQS::Queue}}
-- stacks/jobs/prod.yaml --
template-file-path: stacks/jobs/template.yaml
parameters: {Name: jobs, Secret: "{{resolve:ssm-secure:/jobs}}"}
tags: {team: a, cost: 007}
`)
	p := prepare(t, files, jobs(func(s *gitops.Settings) {
		s.CloudFormation.Parameters, s.CloudFormation.Tags = "prod.yaml", map[string]string{"team": "b", "env": "prod"}
	}))
	if diff := cmp.Diff(map[string]string{"Name": "jobs", "Secret": "{{resolve:ssm-secure:/jobs}}"}, p.Values.Parameters); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "b", "cost": "007", "env": "prod"}, p.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	other := jobs(func(s *gitops.Settings) {
		s.CloudFormation.Parameters, s.CloudFormation.Template = "prod.yaml", "other.yaml"
	})
	files["stacks/jobs/other.yaml"] = files["stacks/jobs/template.yaml"]
	want := `stacks/jobs/prod.yaml:1:21: the file is for the template "stacks/jobs/template.yaml" (a path from the repository's root), but the application's template is "stacks/jobs/other.yaml"`
	if got := refused(t, files, other, bucket); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestValuesAreHeldAgainstTheirParameters(t *testing.T) {
	files := repository(`
-- stacks/jobs/template.yaml --
Parameters: {Size: {Type: Number, MaxValue: 9}}
Resources: {Queue: {Type: AWS::SQS::Queue}}
-- stacks/jobs/prod.yaml --
Size: 10
`)
	s := jobs(func(s *gitops.Settings) { s.CloudFormation.Parameters = "prod.yaml" })
	if got, want := refused(t, files, s, bucket), `stacks/jobs/prod.yaml:1:1: parameter Size: found "10"; at most 9 is allowed`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func text(problems []error) string {
	if len(problems) == 0 {
		return ""
	}
	return errors.Join(problems...).Error()
}
