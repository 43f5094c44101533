package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// printing serves a log that grows look by look; the empty text stands for a look that fails.
// It checks that each look asks for what was not shown yet, of the deployment of the first.
func printing(t *testing.T, grows ...string) func(args ...string) (code int, stdout, stderr string) {
	t.Helper()
	all, deployment := "", ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("from"))
		if got := r.URL.Query().Get("deployment"); got != deployment {
			t.Errorf("deployment %q was asked for, want %q", got, deployment)
		}
		if len(grows) > 0 && grows[0] == "" {
			grows = grows[1:]
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if from == len(all) && len(grows) > 0 {
			all, grows = all+grows[0], grows[1:]
		}
		deployment = "01JD"
		_ = json.NewEncoder(w).Encode(gitops.Log{Application: "data", Deployment: deployment, Text: all[from:], Next: len(all), Done: len(grows) == 0})
	}))
	return commands(t, s)
}

func TestALogIsFollowedToItsEnd(t *testing.T) {
	run := printing(t, "Initializing\x1b[2J\n", "\tCreating...\n", "", "", "Apply complete!\n")
	code, out, errs := run("logs", "data", "-f")
	if want := "Initializing\ufffd[2J\n\tCreating...\nApply complete!\n"; code != 0 || out != want {
		t.Errorf("exit %d, printed %q, %s; want %q", code, out, errs, want)
	}
}

func TestALogIsShownAsFarAsItGoes(t *testing.T) {
	run := printing(t, "Initializing\n", "Creating...\n")
	if code, out, errs := run("logs", "data"); code != 0 || !strings.HasPrefix(out, "Initializing\n") {
		t.Errorf("exit %d, printed %q, %s", code, out, errs)
	}
	run = printing(t, "Initializing\n")
	if code, out, errs := run("logs", "data", "-o", "json"); code != 0 || !strings.Contains(out, `"text": "Initializing\n"`) {
		t.Errorf("exit %d, printed %q, %s", code, out, errs)
	}
}

func TestALogThatCannotBeReadEndsWithTheReason(t *testing.T) {
	run := printing(t, "", "Initializing\n")
	if code, out, _ := run("logs", "data"); code != ExitFailed || out != "" {
		t.Errorf("exit %d, printed %q", code, out)
	}
	run = printing(t, "", "", "", "", "", "", "Initializing\n")
	if code, out, _ := run("logs", "data", "-f"); code != ExitFailed || out != "" {
		t.Errorf("followed: exit %d, printed %q", code, out)
	}
}
