package conformance

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// asAccount makes the shared sandbox be the account that the environment's credentials are
// of, and returns options of a run in it.
func asAccount(t *testing.T) (Options, *strings.Builder) {
	t.Helper()
	p := shared.standing(t)
	keys, err := p.config.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	alone(t)
	t.Setenv("AWS_ACCESS_KEY_ID", keys.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", keys.SecretAccessKey)
	t.Setenv("AWS_ENDPOINT_URL", *p.config.BaseEndpoint)
	out := &strings.Builder{}
	return Options{Account: sandbox.Account, Region: sandbox.Region, Dir: filepath.Join(t.TempDir(), "recorded"), Elsewhere: true,
		Only: []string{"cfn-capabilities", "sqs-batch-limits", "ddb-condition"}, Run: "cmd", Poll: 20 * time.Millisecond,
		Now: func() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }, Out: out,
		sandbox: func(context.Context, string) (where, func(), error) { return other.standing(t), func() {}, nil }}, out
}

// alone takes every credential away.
func alone(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("it does not say %q:\n%s", w, text)
		}
	}
}

func TestAnAccountIsAskedNothingWithoutYes(t *testing.T) {
	o, out := asAccount(t)
	err := Command(t.Context(), o)
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "YES=1") {
		t.Errorf("got %v", err)
	}
	says(t, out.String(), "In account 123456789012, eu-west-1", "sqs-batch-limits", "an SQS FIFO queue", "driftless-conformance-cmd-", "less than $0.05")
	if _, err := os.Stat(o.Dir); err == nil {
		t.Error("something was recorded")
	}
	shared.where.isEmpty(t)
}

func TestWhatAnAccountAnswersIsRecordedAndTheSandboxHeldToIt(t *testing.T) {
	o, out := asAccount(t)
	o.Yes = true
	if err := Command(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	says(t, out.String(), "✓ ddb-condition", "recorded 2026-11-21 from 127.0.0.1:", "at most $0.0")
	shared.where.isEmpty(t)
	recorded, err := load(o.Dir, Expectations())
	if err != nil || len(recorded) != 3 {
		t.Fatalf("recordings %v, error %v", recorded, err)
	}
	one := recorded["cfn-capabilities"]
	all, err := Pick(Expectations(), []string{one.Name})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all[0].Answers, one.Answers); diff != "" || one.Region != sandbox.Region {
		t.Errorf("%s, recorded (-want +got):\n%s", one.Region, diff)
	}

	t.Run("and where AWS answers otherwise it is told how", func(t *testing.T) {
		one.Answers[0] = "a role: error=Other words"
		if err := one.save(o.Dir); err != nil {
			t.Fatal(err)
		}
		out.Reset()
		o.Account = "" // only what was recorded
		if err := Command(t.Context(), o); !errors.Is(err, ErrDiffers) {
			t.Errorf("got %v", err)
		}
		says(t, out.String(), "✗ cfn-capabilities", "    - a role: error=Other words", "    + a role: error=InsufficientCapabilitiesException",
			"the sandbox fails 1", "nothing was asked of AWS")
	})
}

func TestWhatIsRefusedBeforeAnyAccountIsTouched(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*testing.T, *Options)
		says   string
	}{
		"no credentials":          {func(t *testing.T, _ *Options) { alone(t) }, "find out whose credentials these are"},
		"somebody else's account": {func(_ *testing.T, o *Options) { o.Account = "111122223333" }, "of account 123456789012, not of 111122223333"},
		"a name for an account":   {func(_ *testing.T, o *Options) { o.Account = "prod" }, `"prod" is no account`},
		"no region":               {func(_ *testing.T, o *Options) { o.Region = "" }, "REGION=eu-west-1"},
		"a stand-in for AWS":      {func(_ *testing.T, o *Options) { o.Elsewhere = false }, "answers in AWS's place"},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := asAccount(t)
			o.Yes = true
			test.change(t, &o)
			err := Command(t.Context(), o)
			if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want one that says %q", err, test.says)
			}
			if _, err := os.Stat(o.Dir); err == nil {
				t.Error("something was recorded")
			}
		})
	}
	o, _ := asAccount(t)
	o.Only = []string{"cfn-everything"}
	if err := Command(t.Context(), o); err == nil || !strings.Contains(err.Error(), `"cfn-everything"`) {
		t.Errorf("an expectation that is not there: %v", err)
	}
}
