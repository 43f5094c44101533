package template_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/template"
)

func TestAPropertyHoldsTheSecretsThatItIsMadeFrom(t *testing.T) {
	const parameters = "Parameters: {Pw: {Type: String, NoEcho: true}, Plain: {Type: String}}\nConditions: {C: !Equals [a, a]}\n"
	for name, test := range map[string]struct {
		text, id, path string
		want           bool
	}{
		"by Ref":                                        {"Resources: {R: {Type: A::B::C, Properties: {Value: !Ref Pw}}}", "R", "/Value", true},
		"by Ref to another":                             {"Resources: {R: {Type: A::B::C, Properties: {Value: !Ref Plain}}}", "R", "/Value", false},
		"below a list":                                  {"Resources: {R: {Type: A::B::C, Properties: {Value: [{a: {Ref: Pw}}]}}}", "R", "/Value/0/a", true},
		"by Sub":                                        {"Resources: {R: {Type: A::B::C, Properties: {Value: !Sub 'a${Pw}'}}}", "R", "/Value", true},
		"by Sub with variables":                         {"Resources: {R: {Type: A::B::C, Properties: {Value: !Sub ['a${V}', {V: !Ref Pw}]}}}", "R", "/Value", true},
		"in text that Sub leaves":                       {"Resources: {R: {Type: A::B::C, Properties: {Value: !Sub 'a${!Pw}'}}}", "R", "/Value", false},
		"by Join in Base64":                             {"Resources: {R: {Type: A::B::C, Properties: {Value: !Base64 {'Fn::Join': ['', [!Ref Pw]]}}}}", "R", "/Value", true},
		"beside another property":                       {"Resources: {R: {Type: A::B::C, Properties: {Value: !Ref Pw, Name: a}}}", "R", "/Name", false},
		"somewhere in the resource":                     {"Resources: {R: {Type: A::B::C, Properties: {Value: !Ref Pw, Name: a}}}", "R", "/", true},
		"in another resource":                           {"Resources: {R: {Type: A::B::C}, Q: {Type: A::B::C, Properties: {Value: !Ref Pw}}}", "R", "/", false},
		"by an alias":                                   {"Mappings: {M: {K: {V: &v a}}}\nResources:\n  Q: {Type: A::B::C, Properties: {X: &p {Ref: Pw}}}\n  R: {Type: A::B::C, Properties: {Value: *p}}", "R", "/Value", true},
		"from a merged mapping":                         {"Resources:\n  Q: {Type: A::B::C, Properties: &p {Value: {Ref: Pw}}}\n  R: {Type: A::B::C, Properties: {<<: *p, Name: a}}", "R", "/Value", true},
		"from a merged list of mappings":                {"Resources:\n  Q: {Type: A::B::C, Properties: &p {Value: {Ref: Pw}}}\n  R: {Type: A::B::C, Properties: {<<: [*p], Name: a}}", "R", "/Value", true},
		"from a merged resource":                        {"Resources:\n  Q: &q {Type: A::B::C, Properties: {Value: {Ref: Pw}}}\n  R: {<<: *q}", "R", "/Value", true},
		"by a function for all":                         {"Resources: {R: {Type: A::B::C, Properties: {'Fn::If': [C, {Value: {Ref: Pw}}, {}]}}}", "R", "/Other", true},
		"of a module's resource":                        {"Resources: {R: {Type: A::B::C::MODULE, Properties: {Value: a}}}", "RInner", "/Value", true},
		"in another property of a macro":                {"Transform: AWS::Serverless-2016-10-31\nResources: {R: {Type: A::B::C, Properties: {Value: !Ref Pw}}}", "R", "/Other", true},
		"not of a resource with a macro":                {"Transform: AWS::Serverless-2016-10-31\nResources: {R: {Type: A::B::C, Properties: {Value: a}}}", "R", "/Value", false},
		"in Globals":                                    {"Transform: AWS::Serverless-2016-10-31\nGlobals: {Function: {Environment: {Variables: {P: !Ref Pw}}}}\nResources: {R: {Type: A::B::C, Properties: {Value: a}}}", "R", "/Value", true},
		"by a macro that nobody knows":                  {"Transform: Mine\nResources: {R: {Type: A::B::C, Properties: {Value: a}}}", "R", "/Value", true},
		"in what a nested stack is given":               {"Resources: {R: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: 'https://x', Parameters: {P: !Ref Pw, Q: a}}}}", "R", "/Parameters/Q", false},
		"in a function of what a nested stack is given": {"Resources: {R: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: 'https://x', Parameters: {'Fn::If': [C, {P: !Ref Pw}, {}]}}}}", "R", "/Parameters/Q", true},
		"in JSON":                                       {`{"Parameters":{"Pw":{"Type":"String","NoEcho":true}},"Resources":{"R":{"Type":"A::B::C","Properties":{"Value":{"Fn::Sub":"${Pw}"}}}}}`, "R", "/Value", true},
	} {
		t.Run(name, func(t *testing.T) {
			text := test.text
			if text[0] != '{' {
				text = parameters + text
			}
			if s := mustSink(t, text); s.Hold(map[string]bool{"Pw": true}, test.id, test.path) != test.want {
				t.Errorf("got %t", !test.want)
			} else if s.Hold(nil, test.id, test.path) {
				t.Error("holds a secret where there is none")
			}
		})
	}
}

func mustSink(t *testing.T, text string) template.Sinks {
	t.Helper()
	read, err := template.Read("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := read.Sinks()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestANestedStackIsGivenSecretsByName(t *testing.T) {
	s := mustSink(t, "Parameters: {Pw: {Type: String}}\nResources: {R: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: 'https://x', Parameters: {P: !Sub 'x${Pw}', Q: a}}}}")
	if diff := cmp.Diff(map[string]bool{"P": true}, s.Given(map[string]bool{"Pw": true}, "R")); diff != "" {
		t.Errorf("given (-want +got):\n%s", diff)
	}
}
