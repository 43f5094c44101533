package cli

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// statement is one of an IAM policy. Action and Resource are a string or a list of them.
type statement struct {
	Sid, Effect      string
	Action, Resource any
	Condition        map[string]map[string]string
}

func list(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	var out []string
	all, _ := v.([]any)
	for _, e := range all {
		s, _ := e.(string)
		out = append(out, s)
	}
	return out
}

// policy reads templates/policies/<name>.json strictly.
func policy(t *testing.T, name string) []statement {
	t.Helper()
	f, err := os.Open("../../templates/policies/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var p struct {
		Version   string
		Statement []statement
	}
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil || p.Version != "2012-10-17" || len(p.Statement) == 0 {
		t.Fatalf("%s is no policy: %+v, %v", name, p, err)
	}
	return p.Statement
}

// grants returns what a policy allows, as "action on resource", sorted.
func grants(t *testing.T, name string) []string {
	t.Helper()
	var out []string
	for _, s := range policy(t, name) {
		if s.Effect != "Allow" {
			t.Errorf("%s: %s has the effect %q", name, s.Sid, s.Effect)
		}
		for _, a := range list(s.Action) {
			for _, r := range list(s.Resource) {
				out = append(out, a+" on "+strings.TrimPrefix(r, "arn:aws:"))
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestPoliciesGrantWhatTheyPromiseAndNoMore(t *testing.T) {
	const api = "lambda:${Region}:${Account}:function:driftless-api:"
	viewer := []string{
		"cloudformation:DescribeStacks on cloudformation:${Region}:${Account}:stack/Driftless/*",
		"lambda:InvokeFunction on " + api + "read",
		"lambda:InvokeFunctionUrl on " + api + "read",
	}
	deployer := append(slices.Clone(viewer), "lambda:InvokeFunction on "+api+"write", "lambda:InvokeFunctionUrl on "+api+"write")
	admin := append(slices.Clone(deployer), "ssm:PutParameter on ssm:${Region}:${Account}:parameter/driftless/git/*",
		"ssm:PutParameter on ssm:${Region}:${Account}:parameter/driftless/webhook/*")
	for name, want := range map[string][]string{"viewer": viewer, "deployer": deployer, "admin": admin} {
		slices.Sort(want)
		if diff := cmp.Diff(want, grants(t, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPoliciesReachTheFunctionByItsAddressAlone(t *testing.T) {
	for _, name := range []string{"viewer", "deployer", "admin"} {
		for _, s := range policy(t, name) {
			for _, a := range list(s.Action) {
				if strings.Contains(a, "*") {
					t.Errorf("%s: %s allows %s", name, s.Sid, a)
				}
				if a == "lambda:InvokeFunction" && s.Condition["Bool"]["lambda:InvokedViaFunctionUrl"] != "true" {
					t.Errorf("%s: %s lets the function be called past its address", name, s.Sid)
				}
				if a == "lambda:InvokeFunctionUrl" && s.Condition["StringEquals"]["lambda:FunctionUrlAuthType"] != "AWS_IAM" {
					t.Errorf("%s: %s reaches addresses that are not signed", name, s.Sid)
				}
			}
			if name == "viewer" && strings.Contains(strings.Join(list(s.Resource), " "), "write") {
				t.Errorf("viewer: %s reaches the address that writes", s.Sid)
			}
		}
	}
}
