package template_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftless-gitops/driftless/internal/template"
)

func TestParametersAreReadInEveryShape(t *testing.T) {
	named := template.Values{Parameters: map[string]string{"Name": "jobs", "Query": "a=b", "None": ""}}
	tagged := template.Values{Parameters: named.Parameters, Tags: map[string]string{"team": "a", "cost": "007"}}
	synced := template.Values{Parameters: named.Parameters, Tags: tagged.Tags, TemplatePath: "stacks/jobs/template.yaml"}
	for says, c := range map[string]struct {
		data string
		want template.Values
	}{
		"objects":              {`[{"ParameterKey":"Name","ParameterValue":"jobs"},{"ParameterKey":"Query","ParameterValue":"a=b","UsePreviousValue":false},{"ParameterKey":"None","ParameterValue":""}]`, named},
		"short":                {`["Name=jobs", "Query=a=b", "None="]`, named},
		"both, after a mark":   {"\xef\xbb\xbf\t[\"Name=jobs\",\r\n\t{\"ParameterKey\":\"Query\",\"ParameterValue\":\"a=b\"}, \"None=\"]", named},
		"YAML of the same":     {"- Name=jobs\n- ParameterKey: Query\n  ParameterValue: a=b\n- None=\n", named},
		"escapes are resolved": {`["N\u0061me=jobs", "Query=a=b", "None="]`, named},
		"a previous value": {`["Name=jobs", {"ParameterKey": "Secret", "UsePreviousValue": true}, {"UsePreviousValue": true, "ParameterKey": "Also"}]`,
			template.Values{Parameters: map[string]string{"Name": "jobs"}, Previous: []string{"Also", "Secret"}}},
		"a plain mapping":         {`{"Name": "jobs", "Query": "a=b", "None": ""}`, named},
		"a plain mapping, YAML":   {"Name: jobs\r\nQuery: a=b\r\nNone: ''\r\n", named},
		"CodePipeline":            {`{"Parameters": {"Name": "jobs", "Query": "a=b", "None": ""}, "Tags": {"team": "a", "cost": "007"}, "StackPolicy": {}}`, tagged},
		"CodePipeline, YAML":      {"Parameters: {Name: jobs, Query: a=b, None: ''}\nTags:\n  team: a\n  cost: 007\nStackPolicy:\n", tagged},
		"tags alone":              {`{"Tags": {"team": "a"}}`, template.Values{Tags: map[string]string{"team": "a"}}},
		"nothing yet":             {`{"Parameters": {}, "Tags": {}}`, template.Values{}},
		"Git sync":                {"template-file-path: ./stacks/jobs/template.yaml\nparameters:\n  Name: jobs\n  Query: a=b\n  None: \"\"\ntags:\n  team: a\n  cost: 007\n", synced},
		"Git sync, JSON":          {`{"template-file-path": "stacks/jobs/template.yaml", "parameters": {"Name": "jobs", "Query": "a=b", "None": ""}, "tags": {"team": "a", "cost": "007"}}`, synced},
		"Git sync without values": {"template-file-path: a.yaml\nparameters:\ntags:\n", template.Values{TemplatePath: "a.yaml"}},
		"numbers, booleans and dates as they are written": {"A: 007\nB: 1.10\nC: yes\nD: 0x1F\nE: 2024-01-01\nF: true\nG: 1_000\n",
			template.Values{Parameters: map[string]string{"A": "007", "B": "1.10", "C": "yes", "D": "0x1F", "E": "2024-01-01", "F": "true", "G": "1_000"}}},
		"numbers of JSON as they are written": {`{"Parameters": {"A": 1.10, "B": false, "C": 12345678901234567890}}`,
			template.Values{Parameters: map[string]string{"A": "1.10", "B": "false", "C": "12345678901234567890"}}},
		"lists, joined by commas": {"parameters:\n  Subnets: [subnet-1, subnet-2]\n  One:\n    - 7\n  No: []\n",
			template.Values{Parameters: map[string]string{"Subnets": "subnet-1,subnet-2", "One": "7", "No": ""}}},
		"dynamic references as they are": {`["P={{resolve:secretsmanager:db:SecretString:password}}", "Q={{resolve:ssm:/a/b}}"]`,
			template.Values{Parameters: map[string]string{"P": "{{resolve:secretsmanager:db:SecretString:password}}", "Q": "{{resolve:ssm:/a/b}}"}}},
		"parameters named as the shapes are": {"Tags: a\nParameters: b\n", template.Values{Parameters: map[string]string{"Tags": "a", "Parameters": "b"}}},
	} {
		t.Run(says, func(t *testing.T) {
			got, err := template.Parameters("p.json", []byte(c.data))
			opts := []cmp.Option{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(template.Values{})}
			if diff := cmp.Diff(c.want, got, opts...); diff != "" || err != nil {
				t.Errorf("error %v, values (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestPreviousValueIsNoneForANewStack(t *testing.T) {
	v, err := template.Parameters("p.json", []byte(`[{"ParameterKey": "Secret", "UsePreviousValue": true}, "Name=jobs"]`))
	if err != nil {
		t.Fatal(err)
	}
	want := `p.json:1:2: parameter "Secret" is to keep its previous value, which a stack that is created has not: give it a value for the first deployment`
	if got := text(errors.Join(v.Creatable()...)); got != want {
		t.Errorf("Creatable says %q, want %q", got, want)
	}
	read, err := template.Read("t.yaml", []byte("Parameters: {Secret: {Type: String}, Name: {Type: String}}\nResources: {Q: {Type: AWS::SQS::Queue}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if problems := template.CheckValues(read, v); len(problems) > 0 {
		t.Errorf("a previous value is no value: %v", problems)
	}
}

func TestDeploymentFileIsForOneTemplate(t *testing.T) {
	v, err := template.Parameters("stacks/jobs/prod.yaml", []byte("parameters: {A: b}\ntemplate-file-path: stacks/mail/template.yaml\n"))
	if err != nil {
		t.Fatal(err)
	}
	if problems := v.CheckTemplatePath("stacks/mail/template.yaml"); len(problems) > 0 {
		t.Errorf("its own template is refused: %v", problems)
	}
	want := `stacks/jobs/prod.yaml:2:21: the file is for the template "stacks/mail/template.yaml" (a path from the repository's root), but the application's template is "stacks/jobs/template.yaml"`
	if got := text(errors.Join(v.CheckTemplatePath("stacks/jobs/template.yaml")...)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatIsNotTextIsToldWithItsPlace(t *testing.T) {
	for says, c := range map[string]struct{ data, want string }{
		"UTF-16":                 {"\xff\xfeR\x00", "t.yaml:1:1: not UTF-8 text: the byte 0xff stands here"},
		"Latin-1 in a comment":   {"Resources:\n  # Stra\xdfe\n", "t.yaml:2:9: not UTF-8 text: the byte 0xdf stands here"},
		"a control character":    {"Resources: \x07\n", "t.yaml:1:1: not YAML: control characters are not allowed"},
		"a pointer of Git LFS":   {"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "t.yaml:1:1: a pointer of Git LFS, whose file is not in git: keep the file itself in git"},
		"more than is ever read": {strings.Repeat("#", 1_000_001), "t.yaml: the file has 1000001 bytes; at most 1000000 are allowed"},
	} {
		t.Run(says, func(t *testing.T) {
			if _, err := template.Read("t.yaml", []byte(c.data)); text(err) != c.want {
				t.Errorf("Read says %q, want %q", text(err), c.want)
			}
			if _, err := template.Parameters("t.yaml", []byte(c.data)); text(err) != c.want {
				t.Errorf("Parameters says %q, want %q", text(err), c.want)
			}
		})
	}
}

func TestABrokenParameterFileTellsNoValue(t *testing.T) {
	const s = "SENTINEL"
	for says, data := range map[string]string{
		"a short form without =":             `["Pw ` + s + `"]`,
		"a short form that is a value":       `["` + s + `"]`,
		"a short form with a colon":          `["Pw:` + s + `=="]`,
		"a short form without a name":        `["=` + s + `"]`,
		"a short form twice":                 `["Pw ` + s + `=1", "Pw ` + s + `=2"]`,
		"the form of a command":              `["ParameterKey=Pw,ParameterValue=` + s + `"]`,
		"a number in the list":               `[1` + "\n" + `, "Pw ` + s + `"]`,
		"a list in the list":                 `[["` + s + `"]]`,
		"a variable file":                    "Pw=" + s + "\nOther=1\n",
		"a text":                             s + "\n",
		"a value that is a mapping":          `{"Pw": {"x": "` + s + `"}}`,
		"a key that holds a value":           `{"Pw=` + s + `": "x"}`,
		"an element with a comma":            "Pw: ['a," + s + "']\n",
		"a flag that is a value":             `[{"ParameterKey": "Pw", "UsePreviousValue": "` + s + `"}]`,
		"a value of a wrong key":             `[{"ParameterKey": "Pw", "Value": "` + s + `"}]`,
		"a section that is a value":          `{"Parameters": {}, "Tags": "` + s + `"}`,
		"a value that YAML takes for a tag":  "Pw: !" + s + "\n",
		"a value that YAML takes for a name": "Pw: *" + s + "\n",
		"a value that is too long":           `["Pw=` + s + strings.Repeat("x", 5000) + `"]`,
		"a value in a form that is cut off":  `{"Pw": "` + s,
	} {
		t.Run(says, func(t *testing.T) {
			v, err := template.Parameters("p.json", []byte(data))
			if err == nil { // then the name is wrong
				err = errors.Join(template.CheckValues(template.Template{}, v)...)
			}
			if err == nil || strings.Contains(err.Error(), s) {
				t.Errorf("got %v", err)
			}
		})
	}
}
