package env

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func from(t *testing.T, settings map[string]string) (*Env, *bytes.Buffer) {
	t.Helper()
	for _, name := range []string{"AWS_PROFILE", "AWS_CA_BUNDLE"} { // what the machine has set is not tested
		t.Setenv(name, "")
	}
	var logs bytes.Buffer
	lookup := func(name string) (string, bool) { v, ok := settings[name]; return v, ok }
	return load(t.Context(), lookup, &logs), &logs
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
	e, _ := from(t, map[string]string{"DRIFTLESS_QUEUE_URL": "", "DRIFTLESS_TARGETS": "{"})
	_, _, _ = e.String("TABLE"), e.String("QUEUE_URL"), JSON[[]string](e, "TARGETS")
	err := e.Err()
	if err == nil {
		t.Fatal("nothing is missing")
	}
	for _, want := range []string{"DRIFTLESS_TABLE is missing", "DRIFTLESS_QUEUE_URL is missing", "DRIFTLESS_TARGETS is no valid JSON"} {
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
