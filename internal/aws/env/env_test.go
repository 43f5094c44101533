package env

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func from(t *testing.T, settings map[string]string) (*Env, *bytes.Buffer) {
	t.Helper()
	var logs bytes.Buffer
	lookup := func(name string) (string, bool) {
		v, ok := settings[name]
		if !ok {
			v, ok = lambda[name]
		}
		return v, ok
	}
	return load(lookup, &logs), &logs
}

// lambda is what Lambda sets (Lambda developer guide, "Defined runtime environment variables").
var lambda = map[string]string{
	"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "SECRET", "AWS_SESSION_TOKEN": "TOKEN",
}

func TestClientsAreConfiguredAsTheSDKWouldHaveIt(t *testing.T) {
	for _, v := range os.Environ() { // what the machine has set is not tested
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	missing := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", missing)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", missing)
	for name, settings := range map[string]map[string]string{
		"on Lambda": {},
		"elsewhere": {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, set := range []map[string]string{lambda, settings} {
				for variable, value := range set {
					t.Setenv(variable, value)
				}
			}
			want, err := config.LoadDefaultConfig(t.Context(), config.WithRetryMode(aws.RetryModeAdaptive))
			if err != nil {
				t.Fatal(err)
			}
			e, _ := from(t, settings)
			// Not where the SDK read it from and whom it tells of it; credentials are below.
			fields := cmpopts.IgnoreFields(aws.Config{}, "ConfigSources", "Logger", "RestrictFilePermissions", "Credentials")
			if diff := cmp.Diff(want, e.AWS, fields, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("configuration (-the SDK's +ours):\n%s", diff)
			}
			key, err := e.AWS.Credentials.Retrieve(t.Context())
			if err != nil || key.AccessKeyID != "AKID" || key.SecretAccessKey != "SECRET" || key.SessionToken != "TOKEN" {
				t.Errorf("the credentials are %+v, %v", key, err)
			}
		})
	}
}

func TestSettingsAreReadByTheirNames(t *testing.T) {
	e, _ := from(t, map[string]string{
		"DRIFTLESS_TABLE":               "Driftless",
		"DRIFTLESS_ALLOW_PRIVATE_HOSTS": " 127.0.0.1:4566, ghe.internal ,,",
		"DRIFTLESS_TARGETS":             `[{"account":"111122223333","regions":["eu-west-1"]}]`,
	})
	if got := e.String("TABLE"); got != "Driftless" {
		t.Errorf("the table is %q", got)
	}
	if diff := cmp.Diff([]string{"127.0.0.1:4566", "ghe.internal"}, e.List("ALLOW_PRIVATE_HOSTS")); diff != "" {
		t.Error(diff)
	}
	type target struct {
		Account string
		Regions []string
	}
	if diff := cmp.Diff([]target{{"111122223333", []string{"eu-west-1"}}}, JSON[[]target](e, "TARGETS")); diff != "" {
		t.Error(diff)
	}
	if got := e.List("NONE"); got != nil {
		t.Errorf("a list that is missing is %q", got)
	}
	if err := e.Err(); err != nil {
		t.Error(err)
	}
}

func TestEverythingThatIsMissingIsNamedAtOnce(t *testing.T) {
	e, _ := from(t, map[string]string{"AWS_REGION": "", "DRIFTLESS_QUEUE_URL": "", "DRIFTLESS_TARGETS": "{"})
	_, _, _ = e.String("TABLE"), e.String("QUEUE_URL"), JSON[[]string](e, "TARGETS")
	err := e.Err()
	if err == nil {
		t.Fatal("nothing is missing")
	}
	for _, want := range []string{"AWS_REGION is missing", "DRIFTLESS_TABLE is missing", "DRIFTLESS_QUEUE_URL is missing", "DRIFTLESS_TARGETS is no valid JSON"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestTheLogIsAsLoudAsLambdaSays(t *testing.T) {
	for level, want := range map[string]slog.Level{
		"": slog.LevelInfo, "nonsense": slog.LevelInfo, "TRACE": slog.LevelDebug, "debug": slog.LevelDebug,
		"INFO": slog.LevelInfo, "WARN": slog.LevelWarn, "ERROR": slog.LevelError, "FATAL": slog.LevelError,
	} {
		e, logs := from(t, map[string]string{"AWS_LAMBDA_LOG_LEVEL": level})
		e.Log.Log(t.Context(), want-1, "quiet")
		e.Log.Log(t.Context(), want, "loud")
		if got := logs.String(); strings.Contains(got, "quiet") || !strings.Contains(got, `"msg":"loud"`) {
			t.Errorf("at %q the log is %s", level, got)
		}
	}
}
