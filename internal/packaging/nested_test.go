package packaging_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestNestedTemplatesArePackagedFromTheInside(t *testing.T) {
	files := repository(`
-- stacks/jobs/template.yaml --
Resources:
  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: parts/a.yaml, Parameters: {Name: x}}}
  B: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: parts/a.yaml, Parameters: {Name: y}}}
-- stacks/jobs/parts/a.yaml --
Parameters: {Name: {Type: String}}
Resources: {C: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: c.json}}}
-- stacks/jobs/parts/c.json --
{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": "../src"}}}}
-- stacks/jobs/src/a --
a
`)
	p := prepare(t, files, jobs())
	got := string(p.Template)
	for range 3 { // each address is followed by what lies there
		for _, a := range p.Artefacts {
			for _, form := range []string{`"https://` + bucket + `.s3.eu-west-1.amazonaws.com/` + a.Key + `"`, `"S3Key": "` + a.Key + `"`} {
				if strings.HasSuffix(a.Key, ".zip") {
					got = strings.ReplaceAll(got, form, "ZIP")
					continue
				}
				got = strings.ReplaceAll(got, form, "<"+strings.TrimSpace(string(data(t, p, a.Key)))+">")
			}
		}
	}
	inner := `<{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Bucket": "driftless-artefacts", ZIP}}}}}>`
	outer := "<Parameters: {Name: {Type: String}}\nResources: {C: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: " + inner + "}}}>"
	want := "Resources:\n  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: " + outer + ", Parameters: {Name: x}}}\n" +
		"  B: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: " + outer + ", Parameters: {Name: y}}}\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("template, with what its addresses lead to (-want +got):\n%s", diff)
	}
	if len(p.Artefacts) != 3 {
		t.Errorf("%d artefacts, want 3", len(p.Artefacts))
	}
}

func TestNestedTemplatesAreChecked(t *testing.T) {
	const template = "-- stacks/jobs/template.yaml --\nParameters: {P: {Type: String, Default: a}}\nResources: {N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: n.yaml, Parameters: %s}}}\n-- stacks/jobs/n.yaml --\n%s"
	const queue = "Resources: {Q: {Type: AWS::SQS::Queue}}\n"
	const place = "stacks/jobs/template.yaml:2:77: Resources.N.Properties.TemplateURL"
	for says, c := range map[string]struct{ given, nested, want string }{
		"a parameter too many":            {"{A: b}", queue, place + `: stacks/jobs/n.yaml has no parameter "A", for which a value is given`},
		"a parameter too few":             {"{}", "Parameters: {A: {Type: String}, B: {Type: String, Default: b}}\n" + queue, place + `: parameter A of stacks/jobs/n.yaml has no default and is given no value`},
		"a parameter that may be none":    {"{A: !Ref AWS::NoValue}", "Parameters: {A: {Type: String}}\n" + queue, ""},
		"parameters that a function says": {"!Ref P", queue, ""},
		"a macro, which may add some":     {"{A: b}", "Transform: Mine\n" + queue, ""},
		"a reference to nothing":          {"{}", "Resources: {Q: {Type: AWS::SQS::Queue, DependsOn: Else}}\n", `stacks/jobs/n.yaml:1:51: DependsOn "Else": the template has no such resource`},
		"too large a template":            {"{}", queue + strings.Repeat("#", 1_000_000), "stacks/jobs/n.yaml: the file has 1000041 bytes; at most 1000000 are allowed"},
		"what is no template":             {"{}", "[]", "stacks/jobs/n.yaml:1:1: not a template: a list where a mapping of sections is needed"},
	} {
		t.Run(says, func(t *testing.T) {
			allowed := jobs(func(s *gitops.Settings) { s.CloudFormation.Transforms = []string{"Mine"} })
			if got := refused(t, repository(fmt.Sprintf(template, c.given, c.nested)), allowed, bucket); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestNestingHasAnEnd(t *testing.T) {
	nest := func(in string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("Resources: {N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: " + in + "}}}\n")}
	}
	loop := fstest.MapFS{"stacks/jobs/template.yaml": nest("a.yaml"), "stacks/jobs/a.yaml": nest("./b.yaml"), "stacks/jobs/b.yaml": nest("template.yaml")}
	want := "stacks/jobs/b.yaml:1:77: Resources.N.Properties.TemplateURL nests the template in itself: " +
		"stacks/jobs/template.yaml → stacks/jobs/a.yaml → stacks/jobs/b.yaml → stacks/jobs/template.yaml"
	if got := refused(t, loop, jobs(), bucket); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for depth, want := range map[int]string{
		10: "",
		11: "stacks/jobs/10.yaml:1:77: Resources.N.Properties.TemplateURL: more than 10 templates in each other, or 200 in all",
	} {
		deep := fstest.MapFS{"stacks/jobs/template.yaml": nest("1.yaml"), fmt.Sprintf("stacks/jobs/%d.yaml", depth): {Data: []byte("Resources: {Q: {Type: AWS::SQS::Queue}}")}}
		for i := 1; i < depth; i++ {
			deep[fmt.Sprintf("stacks/jobs/%d.yaml", i)] = nest(fmt.Sprintf("%d.yaml", i+1))
		}
		if got := refused(t, deep, jobs(), bucket); got != want {
			t.Errorf("%d deep: got %q, want %q", depth, got, want)
		}
	}
}

func TestProblemsOfMoreThanOneUseAreToldOnce(t *testing.T) {
	files := repository(`
-- stacks/jobs/template.yaml --
Resources:
  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: n.yaml}}
  B: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: n.yaml}}
-- stacks/jobs/n.yaml --
Resources: {}
`)
	want := "stacks/jobs/n.yaml:1:12: Resources is empty; a template has at least one"
	if got := refused(t, files, jobs(), bucket); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProblemsOfManyTemplatesAreCut(t *testing.T) {
	files := fstest.MapFS{}
	var b strings.Builder
	b.WriteString("Resources:\n")
	for i := range 60 {
		fmt.Fprintf(&b, "  N%d: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: none-%d.yaml}}\n", i, i)
	}
	files["stacks/jobs/template.yaml"] = &fstest.MapFile{Data: []byte(b.String())}
	if n := strings.Count(refused(t, files, jobs(), bucket), "\n") + 1; n != 20 {
		t.Errorf("%d problems are told, want 20", n)
	}
}
