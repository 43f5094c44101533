package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/driftless-gitops/driftless/internal/aws/api"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// corpus is what a commit, a branch's name or a resource's property may hold.
var corpus = map[string]string{
	"escapes that clear the screen":        "\x1b[2J\x1b[H\x1b[31mx\x1b[0m",
	"a title and a link of the terminal's": "\x1b]0;owned\a\x1b]8;;https://evil.example/\x1b\\click\x1b]8;;\x1b\\",
	"an escape that fills the clipboard":   "\x1b]52;c;cm0gLXJmIC8=\a",
	"a question that terminals answer":     "\x1b[6n\x1b[c\x05",
	"the same with one character":          "\u009b2J\u009d0;owned\u009c\u0090q\u009c",
	"a return and characters taken back":   "failed\rSynced\b\b\b\x7f",
	"a line of its own":                    "x\nforged  cloudformation  Synced  Healthy\r\nforged\vforged\f",
	"text that is turned around":           "\u202egnp.exe\u202c\u2066x\u2069\u200f\u061c",
	"a zero byte and half a character":     "a\x00b\xff\xfe\xc3",
	"what a browser would run":             `<script>alert(1)</script><img src=x onerror=alert(1)>"'><svg/onload=alert(1)>`,
	"a formula":                            `=cmd|' /C calc'!A0`,
	"what a format would print":            "%s%n%d%!(EXTRA)%[1]*d",
	"what a shell would run":               "$(rm -rf ~)`reboot`; true",
	"two thousand characters":              strings.Repeat("\x1b[1mlong ", 200),
	"marks on top of each other":           "Z" + strings.Repeat("\u0335\u0321", 100),
	"nothing that can be seen":             "\u200b\u00ad\ufeff\u2028\u2029",
}

// poisoned fills a value to a depth: every text is hostile, every list, map and pointer has something. The
// values of kept types are what they may be.
func poisoned(v reflect.Value, hostile string, kept map[reflect.Type]string, depth int) {
	if depth == 0 {
		return // a plan may hold the plans of nested stacks, and they others
	}
	switch v.Kind() {
	case reflect.String:
		if value, ok := kept[v.Type()]; ok {
			v.SetString(value)
			return
		}
		v.SetString(hostile)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				poisoned(v.Field(i), hostile, kept, depth-1)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			poisoned(v.Index(i), hostile, kept, depth-1)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		poisoned(key, hostile, kept, depth-1)
		poisoned(value, hostile, kept, depth-1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		poisoned(v.Elem(), hostile, kept, depth-1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	default:
	}
}

// ours are values by which records are told apart, which the installation itself writes.
var ours = map[reflect.Type]string{
	reflect.TypeFor[gitops.Phase]():          string(gitops.PhaseFailed),
	reflect.TypeFor[gitops.Kind]():           string(gitops.KindDeploy),
	reflect.TypeFor[gitops.Action]():         string(gitops.ActionModify),
	reflect.TypeFor[gitops.ResourceStatus](): string(gitops.ResourceModified),
	reflect.TypeFor[gitops.SyncStatus]():     string(gitops.StatusOutOfSync),
	reflect.TypeFor[gitops.Health]():         string(gitops.HealthDegraded),
}

// answers are what the API says, by the end of a path.
func answers(hostile string, kept map[reflect.Type]string) map[string]any {
	all := map[string]any{"/v1/applications": &[]gitops.View{}, "/jobs": &gitops.View{}, "/deployments": &[]gitops.Deployment{},
		"/diff": &gitops.Diff{}, "/drift": &gitops.DriftReport{}, "/v1/repositories": &[]gitops.Repository{},
		"/sync": &gitops.Application{}, "/suspend": &gitops.Application{}, "/resume": &gitops.Application{},
		"/approve": &gitops.Deployment{}, "/reject": &gitops.Deployment{}}
	for _, v := range all {
		poisoned(reflect.ValueOf(v).Elem(), hostile, kept, 10)
	}
	return all
}

func TestR61_NothingHostileReachesTheTerminalThroughAnyCommand(t *testing.T) {
	for name, hostile := range corpus {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for variant, answer := range map[string]http.HandlerFunc{
				"every text":      serving(answers(hostile, nil)),
				"what is foreign": serving(answers(hostile, ours)),
			} {
				for _, args := range [][]string{{"status"}, {"status", "jobs"}, {"status", "--all"}, {"history", "jobs"},
					{"history", "jobs", "--limit", "1"}, {"diff", "jobs"}, {"drift", "jobs"}, {"repository", "list"}, {"sync", "jobs"},
					{"approve", "jobs", "--yes"}, {"reject", "jobs"}, {"suspend", "jobs"}, {"resume", "jobs"}} {
					inert(t, answer, variant, args)
				}
			}
			for variant, answer := range map[string]http.HandlerFunc{
				"a refusal":           refusing(http.StatusBadRequest, map[string]string{"error": hostile}),
				"Lambda's words":      refusing(http.StatusInternalServerError, map[string]string{"Message": hostile}),
				"what should be JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(hostile)) },
			} {
				inert(t, answer, variant, []string{"status"})
				inert(t, answer, variant, []string{"sync", "jobs"})
			}
		})
	}
}

// inert runs a command line against an API, and fails if a terminal would obey what it writes.
func inert(t *testing.T, answer http.HandlerFunc, variant string, args []string) {
	t.Helper()
	for _, output := range []string{"table", "json"} {
		out, errs := against(t, answer, append(args, "-o", output))
		where := fmt.Sprintf("driftless %s -o %s, where %s is hostile", strings.Join(args, " "), output, variant)
		harmless(t, where+": output", out)
		harmless(t, where+": errors", errs)
		if output == "json" && out != "" && !json.Valid([]byte(out)) {
			t.Errorf("%s: no JSON:\n%.300q", where, out)
		}
	}
}

// A program that reads the JSON gets what the record holds, to the character.
func TestR61_JSONHoldsWhatIsHostileUnchanged(t *testing.T) {
	for name, hostile := range corpus {
		t.Run(name, func(t *testing.T) {
			hostile := strings.ToValidUTF8(hostile, "\ufffd") // as JSON must be
			out, _ := against(t, serving(answers(hostile, ours)), []string{"history", "jobs", "-o", "json"})
			var got []gitops.Deployment
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatal(err)
			}
			if len(got) != 2 || got[0].Reason != hostile || got[0].Revision.Message != hostile {
				t.Errorf("the reason is %.100q, want %.100q", got[0].Reason, hostile)
			}
		})
	}
}

func serving(all map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for end, v := range all {
			if strings.HasSuffix(r.URL.Path, end) {
				_ = json.NewEncoder(w).Encode(v)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	}
}

func refusing(status int, body any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
}

// against runs a command line against an API, without patience, and returns what it wrote.
func against(t *testing.T, answer http.HandlerFunc, args []string) (out, errs string) {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	var stdout, stderr bytes.Buffer
	pauses := 0
	Run(t.Context(), Config{Stdin: errReader{}, Stdout: &stdout, Stderr: &stderr, Env: func(string) string { return "" },
		Now: func() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) },
		Connect: func(context.Context, *flags) (*client, error) {
			return &client{http: server.Client(), at: api.Addresses{Read: server.URL, Write: server.URL}}, nil
		},
		Pause: func(context.Context, time.Duration) error {
			if pauses++; pauses > 3 {
				return errors.New("out of patience")
			}
			return nil
		}}, args)
	return stdout.String(), stderr.String()
}

// harmless fails if a text holds what a terminal would obey, or a line that somebody else began.
func harmless(t *testing.T, where, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			t.Errorf("%s: %U gets through:\n%.300q", where, r, text)
			return
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "forged") {
			t.Errorf("%s: a line of somebody else's begins where ours do:\n%.300s", where, text)
			return
		}
	}
}
