package runner

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/build"
)

func TestArguments(t *testing.T) {
	for name, c := range map[string]struct {
		got  []string
		want string
	}{
		"of init with a backend of its own":  {initArgs(nil, false), "init -input=false -no-color"},
		"of init with a committed lock file": {initArgs(nil, true), "init -input=false -no-color -lockfile=readonly"},
		"of init without a backend": {initArgs(map[string]string{"key": "k", "bucket": "b", "use_lockfile": "true"}, false),
			"init -input=false -no-color -backend-config=bucket=b -backend-config=key=k -backend-config=use_lockfile=true"},
		"of a plan": {planArgs("/f", false, time.Minute, nil), "plan -input=false -no-color -detailed-exitcode -lock-timeout=1m0s -out=/f"},
		"of a plan with variables, later files last": {planArgs("/f", false, time.Second, []string{"b.tfvars", "-a"}),
			"plan -input=false -no-color -detailed-exitcode -lock-timeout=1s -out=/f -var-file=b.tfvars -var-file=-a"},
		"of a look for drift": {planArgs("/f", true, time.Second, nil), "plan -input=false -no-color -detailed-exitcode -lock=false -refresh-only -out=/f"},
		"of an apply":         {applyArgs("/f", time.Minute), "apply -input=false -no-color -lock-timeout=1m0s /f"},
		"of show":             {showArgs("/f"), "show -json -no-color /f"},
		"of the state":        {pullArgs(), "state pull -no-color"},
		"of force-unlock":     {unlockArgs("id"), "force-unlock -force id"},
		"of a workspace":      {workspaceArgs("prod"), "workspace select -no-color -or-create=true prod"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, strings.Join(c.got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTerraformSeesOfTheEnvironmentWhatItNeeds(t *testing.T) {
	given := map[string]string{"PATH": "/bin", "HOME": "/root", "AWS_ENDPOINT_URL": "http://127.0.0.1", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2",
		"DRIFTLESS_ORDER": "orders/1", "DRIFTLESS_BUCKET": "b", "CODEBUILD_BUILD_ID": "p:1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_PROFILE": "other",
		"TF_CLI_ARGS": "-destroy", "TF_VAR_x": "1", "TF_LOG": "trace", "GITHUB_TOKEN": "t", "LD_PRELOAD": "x"}
	lookup := func(name string) (string, bool) { v, ok := given[name]; return v, ok }
	env := append(environment(lookup, "/d", "eu-west-1"), terraformEnvironment(lookup, "/d")...)
	names := map[string]string{}
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		names[name] = value
	}
	want := []string{"AWS_CONFIG_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_PROFILE", "AWS_REGION",
		"AWS_SHARED_CREDENTIALS_FILE", "CHECKPOINT_DISABLE", "GIT_TERMINAL_PROMPT", "GOGC", "GOMEMLIMIT", "HOME", "PATH", "TF_DATA_DIR", "TF_INPUT", "TF_IN_AUTOMATION"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(names))); diff != "" {
		t.Error(diff)
	}
	if names["AWS_PROFILE"] != "driftless" || names["HOME"] != "/d/home" {
		t.Errorf("the profile is %q, home is %q", names["AWS_PROFILE"], names["HOME"])
	}
}

func TestProfilesAreOfTheTargetsRoleAndOfTheBuild(t *testing.T) {
	order := build.Order{Application: strings.Repeat("a", 63), State: build.State{Region: "us-east-1"},
		Access: build.Access{Region: "eu-west-1", Role: "arn:aws:iam::1:role/deploy", ExternalID: "ext"}}
	s := &session{Runner: &Runner{Self: "/opt/runner"}, order: order}
	got, err := s.profiles()
	if err != nil {
		t.Fatal(err)
	}
	want := `[profile driftless]
region = eu-west-1
role_arn = arn:aws:iam::1:role/deploy
role_session_name = driftless-` + strings.Repeat("a", 54) + `
credential_source = EcsContainer
external_id = ext

[profile driftless-state]
region = us-east-1
credential_process = "/opt/runner" credentials
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s.order.Access.ExternalID = "x\n[default]\ncredential_process = evil"
	if _, err := s.profiles(); err == nil {
		t.Error("a value of several lines was written into AWS settings")
	}
}

func TestSecretsAreHiddenTheLongestFirst(t *testing.T) {
	var v veil
	v.conceal(shortest, "short", "correct", "correct horse\nbattery staple", `with "quotes"`)
	got := v.scrub(`short correct horse, battery staple; correct. with "quotes" with \"quotes\"`)
	if diff := cmp.Diff(`short (sensitive), (sensitive); (sensitive). (sensitive) (sensitive)`, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnApplicationsVariablesAreReadAsThoseOfTheCommandLine(t *testing.T) {
	c := configuration{whole: map[string]bool{"list": true, "object": true}}
	got, err := c.values(map[string]string{"text": `["a"]`, "number": "5", "list": `["a", "b"]`, "object": `{ a = 1, b = null }`})
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for name, v := range got {
		switch v := v.(type) {
		case string:
			text[name] = v
		case interface{ MarshalJSON() ([]byte, error) }:
			data, _ := v.MarshalJSON()
			text[name] = "JSON " + string(data)
		}
	}
	want := map[string]string{"text": `["a"]`, "number": "5", "list": `JSON ["a","b"]`, "object": `JSON {"a":1,"b":null}`}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
	for name, bad := range map[string]string{"an unclosed one": `["a"`, "one that calls": `file("/etc/passwd")`, "one that refers": "var.x"} {
		if _, err := c.values(map[string]string{"list": bad}); err == nil || !strings.HasPrefix(err.Error(), "vars: list: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWorkspaceIsNamedSafely(t *testing.T) {
	for name, want := range map[string]bool{"prod": true, "a.b_c-1": true, "-force": false, "a/b": false, "": false, strings.Repeat("a", 91): false} {
		if got := workspace.MatchString(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
