package template_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/driftless-gitops/driftless/internal/template"
)

func TestAValueIsHeldAgainstItsOwnParameter(t *testing.T) {
	for says, c := range map[string]struct{ parameter, value, want string }{
		"a value that is allowed":               {"Type: String, AllowedValues: [s, m]", "m", ""},
		"one that is not":                       {"Type: String, AllowedValues: [s, m]", "xl", `found "xl"; allowed: "s", "m"`},
		"a secret that is not":                  {"Type: String, NoEcho: true, AllowedValues: [s, m]", "xl", "its value is refused: it is none of its AllowedValues"},
		"values that YAML reads in two ways":    {"Type: String, AllowedValues: [yes, no]", "true", ""},
		"the same in quotes":                    {"Type: String, AllowedValues: ['yes', 'no']", "true", `found "true"; allowed: "yes", "no"`},
		"numbers as they are written":           {"Type: String, AllowedValues: [1, 2]", "3", `found "3"; allowed: "1", "2"`},
		"numbers that are written otherwise":    {"Type: String, AllowedValues: [1.10, 010]", "1.1", ""},
		"an element that is not allowed":        {"Type: CommaDelimitedList, AllowedValues: [a, b]", "a, c", `found "c"; allowed: "a", "b"`},
		"a number among others":                 {"Type: Number, AllowedValues: [1, 2]", "2.0", ""},
		"a number that is none of them":         {"Type: Number, AllowedValues: [1, 2]", "3", `found "3"; allowed: "1", "2"`},
		"no number":                             {"Type: Number", "five", `found "five"; a number is needed`},
		"a secret that is no number":            {"Type: Number, NoEcho: true", "five", "its value is refused: a number is needed"},
		"a number that some readers take":       {"Type: Number", "1e3", ""},
		"a number with a unit":                  {"Type: Number", "5 minutes", `found "5 minutes"; a number is needed`},
		"an element that is no number":          {"Type: List<Number>", "80, http", `found "http"; a number is needed`},
		"elements that are numbers":             {"Type: List<Number>", "80,443", ""},
		"a number below the least":              {"Type: Number, MinValue: 1", "0.5", `found "0.5"; at least 1 is needed`},
		"a number that is the most":             {"Type: Number, MaxValue: 10", "10.0", ""},
		"a number above the most":               {"Type: Number, MaxValue: '10'", "11", `found "11"; at most 10 is allowed`},
		"a text that is too short":              {"Type: String, MinLength: 3", "äb", `found "äb"; at least 3 characters are needed`},
		"a text that is as short as it may be":  {"Type: String, MinLength: 2", "äb", ""},
		"a text that is too long":               {"Type: String, MaxLength: 3", "abcd", `found "abcd"; at most 3 characters are allowed`},
		"a secret that is too long":             {"Type: String, NoEcho: true, MaxLength: 3", "abcd", "its value is refused: at most 3 characters are allowed"},
		"characters that count for two":         {"Type: String, MaxLength: 1", "😀", ""},
		"a text that matches":                   {"Type: String, AllowedPattern: '[a-z]+|x\\.y'", "x.y", ""},
		"a text that matches in part":           {"Type: String, AllowedPattern: '[a-z]+'", "abc1", `found "abc1"; all of it has to match [a-z]+`},
		"an element that does not match":        {"Type: CommaDelimitedList, AllowedPattern: '[a-z]+'", "a,1", `found "1"; all of it has to match [a-z]+`},
		"a secret that does not match":          {"Type: String, NoEcho: true, AllowedPattern: '[a-z]+'", "abc1", "its value is refused: all of it has to match [a-z]+"},
		"a pattern that looks ahead":            {"Type: String, AllowedPattern: '(?=.*[0-9])[a-z0-9]+'", "abc", ""},
		"a pattern with a class in a class":     {"Type: String, AllowedPattern: '[a-z&&[^b]]+'", "b", ""},
		"a pattern with the sum of two classes": {"Type: String, AllowedPattern: '[a[bc]]'", "b", ""},
		"a pattern with an escape of Java":      {"Type: String, AllowedPattern: '\\p{Alpha}+'", "1", ""},
		"a pattern with a line end":             {"Type: String, AllowedPattern: '\\R'", "a", ""},
		"a pattern that takes all it can":       {"Type: String, AllowedPattern: 'a++'", "b", ""},
		"a text with what one dot takes":        {"Type: String, AllowedPattern: 'a.b'", "a\rb", ""},
		"a dynamic reference":                   {"Type: String, AllowedPattern: '[a-z]+', MaxLength: 3", "{{resolve:ssm:/a/b}}", ""},
		"a type of AWS":                         {"Type: 'AWS::EC2::VPC::Id', AllowedPattern: 'vpc-.+'", "x", ""},
		"a name of SSM":                         {"Type: 'AWS::SSM::Parameter::Value<String>', AllowedValues: [a]", "/a/b", ""},
		"an empty list":                         {"Type: CommaDelimitedList, AllowedValues: [a]", "", ""},
		"a limit that is no number":             {"Type: String, MaxLength: many", "abcd", ""},
	} {
		t.Run(says, func(t *testing.T) {
			got := limits(t, "", c.parameter, c.value)
			want := c.want
			if want != "" {
				want = "p.json:1:2: parameter P: " + want
			}
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// limits returns what is said of a value that is given to the parameter P.
func limits(t *testing.T, head, parameter, value string) string {
	t.Helper()
	read, err := template.Read("t.yaml", []byte(head+"Parameters: {P: {"+parameter+"}}\nResources: {R: {Type: A::B::C}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal([]string{"P=" + value})
	if err != nil {
		t.Fatal(err)
	}
	values, err := template.Parameters("p.json", data)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(template.CheckLimits(read, values)...); err != nil {
		return err.Error()
	}
	return ""
}

func TestLimitsThatAMacroMayChangeAreNotJudged(t *testing.T) {
	if got := limits(t, "Transform: Mine\n", "Type: Number", "five"); got != "" {
		t.Errorf("with a macro that nobody knows: %s", got)
	}
	if got := limits(t, "Transform: AWS::Serverless-2016-10-31\n", "Type: Number", "five"); got == "" {
		t.Error("with a macro that changes no parameter: nothing")
	}
}
