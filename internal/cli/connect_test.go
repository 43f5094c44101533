package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// alone is a caller with these credentials whose AWS is at url.
func alone(t *testing.T, url string, set map[string]string) (run func(args ...string) (code int, stdout, stderr string)) {
	t.Helper()
	all := map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI", "AWS_SESSION_TOKEN": "",
		"AWS_PROFILE": "", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL": url, "AWS_CA_BUNDLE": "",
		"AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none")}
	for k, v := range set {
		all[k] = v
	}
	for k, v := range all {
		t.Setenv(k, v)
	}
	return func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Run(t.Context(), Config{Stdin: errReader{}, Stdout: &out, Stderr: &errs, Now: func() time.Time {
			return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
		}, Env: func(k string) string { return all[k] }}, args)
		return code, out.String(), errs.String()
	}
}

// aws answers CloudFormation's DescribeStacks.
func aws(t *testing.T, status int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func failure(code, message string) string {
	return "<ErrorResponse><Error><Code>" + code + "</Code><Message>" + message + "</Message></Error></ErrorResponse>"
}

func TestWhoeverCannotConnectIsToldWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		set    map[string]string
		args   []string
		code   int
		said   []string
	}{
		"no credentials": {set: map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
			code: ExitCredentials, said: []string{"no AWS credentials", "aws sso login", "--profile"}},
		"a profile that is not there": {args: []string{"--profile", "nope"}, code: ExitCredentials, said: []string{"nope", "aws configure"}},
		"no region":                   {set: map[string]string{"AWS_REGION": ""}, code: ExitUsage, said: []string{"no AWS region", "--region", "AWS_REGION"}},
		"no installation": {status: 400, body: failure("ValidationError", "Stack with id Driftless does not exist"),
			code: ExitFailed, said: []string{"no stack Driftless", "AKIDEXAMPLE", "eu-west-1", "make deploy", "make demo"}},
		"credentials that are over": {status: 403, body: failure("ExpiredToken", "expired"), code: ExitCredentials, said: []string{"expired", "AKIDEXAMPLE"}},
		"no right to look":          {status: 403, body: failure("AccessDenied", "not authorized"), code: ExitCredentials, said: []string{"templates/policies"}},
		"AWS is away":               {status: 503, body: failure("ServiceUnavailable", "later"), code: ExitFailed, said: []string{"look for stack Driftless in eu-west-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			url := aws(t, max(c.status, 200), c.body)
			code, out, errs := alone(t, url, c.set)(append([]string{"status"}, c.args...)...)
			if code != c.code || out != "" {
				t.Errorf("exit code %d, want %d; standard output %q", code, c.code, out)
			}
			for _, said := range c.said {
				if !strings.Contains(errs, said) {
					t.Errorf("it does not say %q:\n%s", said, errs)
				}
			}
		})
	}
}

// A machine in EC2 whose metadata service does not know sessions: the SDK would warn of it
// on standard error itself.
func TestTheSDKSaysNothingBesideTheProgram(t *testing.T) {
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer metadata.Close()
	own, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = own
	defer func() { os.Stderr = before }()
	code, _, errs := alone(t, "http://127.0.0.1:1", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
		"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.URL})("status")
	if code != ExitCredentials || !strings.Contains(errs, "no AWS credentials") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if said, err := os.ReadFile(own.Name()); err != nil || len(said) > 0 {
		t.Errorf("the SDK says %q, %v", said, err)
	}
}

func TestTheInstallationIsFoundByItsStack(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/applications" || !strings.Contains(r.Header.Get("Authorization"), "Credential=AKIDEXAMPLE/") {
			t.Errorf("asked for %s, signed %q", r.URL, r.Header.Get("Authorization"))
		}
		_, _ = io.WriteString(w, "[]")
	}))
	defer api.Close()
	stack := `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Driftless</StackName><Outputs>` +
		`<member><OutputKey>ApiUrl</OutputKey><OutputValue>` + api.URL + `/</OutputValue></member>` +
		`<member><OutputKey>ApiWriteUrl</OutputKey><OutputValue>https://write/</OutputValue></member>` +
		`</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`
	if code, out, errs := alone(t, aws(t, 200, stack), nil)("status", "-o", "json"); code != ExitOK || out != "[]\n" {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	known := map[string]string{"DRIFTLESS_API": api.URL, "DRIFTLESS_API_WRITE": "https://write/", "AWS_REGION": ""}
	if code, out, errs := alone(t, "http://127.0.0.1:1", known)("status", "-o", "json"); code != ExitOK || out != "[]\n" {
		t.Errorf("with known addresses: exit code %d: %s%s", code, out, errs)
	}
}

func TestPreflightSaysWhereAndWhetherItCanBeInstalled(t *testing.T) {
	const identity = `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`
	stack := `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>CDKToolkit</StackName></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`
	for name, c := range map[string]struct {
		status int // of DescribeStacks
		body   string
		set    map[string]string
		args   []string
		code   int
		out    string
		said   string
	}{
		"bootstrapped":          {status: 200, body: stack, out: "account 111122223333, region eu-west-1\n"},
		"bootstrapped, as JSON": {status: 200, body: stack, args: []string{"-o", "json"}, out: `"bootstrapped": true`},
		"not bootstrapped": {status: 400, body: failure("ValidationError", "Stack with id CDKToolkit does not exist"), code: ExitFailed,
			out: "account 111122223333", said: "npx cdk bootstrap aws://111122223333/eu-west-1"},
		"no credentials": {set: map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, code: ExitCredentials, said: "aws sso login"},
		"no region":      {set: map[string]string{"AWS_REGION": ""}, code: ExitUsage, said: "--region"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "GetCallerIdentity") {
					_, _ = io.WriteString(w, identity)
					return
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer s.Close()
			code, out, errs := alone(t, s.URL, c.set)(append([]string{"preflight"}, c.args...)...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.said) {
				t.Errorf("exit code %d, want %d\n%s%s", code, c.code, out, errs)
			}
		})
	}
}
