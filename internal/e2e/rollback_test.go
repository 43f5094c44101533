package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// ended waits until an application's latest deployment of a kind has ended in a phase and nothing
// is in flight any more, and returns it.
func (r *repo) ended(name string, kind gitops.Kind, phase gitops.Phase, commit string) gitops.Deployment {
	r.t.Helper()
	var last gitops.Deployment
	r.eventually(fmt.Sprintf("%s of %s ends %s", kind, name, phase), func() bool {
		all := r.history(name)
		if len(all) == 0 {
			return false
		}
		last = all[0]
		return last.Kind == kind && last.Phase.Done() && (commit == "" || last.Revision.Commit == commit)
	}, func() string { return fmt.Sprintf("the latest is a %s in %s: %s", last.Kind, last.Phase, last.Reason) })
	if last.Phase != phase {
		r.t.Fatalf("the %s ended %s (%s), want %s", kind, last.Phase, last.Reason, phase)
	}
	return last
}

// live fails the test unless the queue's visibility time-out is as wanted.
func (r *repo) live(queue, want string) {
	r.t.Helper()
	if got, err := r.stage.Sandbox.QueueAttribute(r.t.Context(), queue, "VisibilityTimeout"); err != nil || got != want {
		r.t.Errorf("live VisibilityTimeout is %q, %v; want %s", got, err, want)
	}
}

func TestWhatFailsItsChecksIsTakenBackAndTheNextCommitGoesOn(t *testing.T) {
	const name, template = "careless", "stacks/careless/template.yaml"
	check := fmt.Sprintf(`name: short, http: { url: "http://%s/queue/${outputs.Name}", body: "^[0-8]$" }`, probed.host)
	r := watch(t, mapFS(map[string]string{"driftless.yaml": checked(name, "rollback", check), template: named(name, 5)}))
	first := r.git("rev-parse", "HEAD")
	r.ends(name, first, gitops.PhaseSucceeded)
	good := r.history(name)[0]

	r.set(template, named(name, 9))
	bad := r.push("too long")
	undone := r.ended(name, gitops.KindRollback, gitops.PhaseSucceeded, first)
	failed := r.history(name)[1]
	if failed.Revision.Commit != bad || failed.Phase != gitops.PhaseFailed || !strings.HasPrefix(failed.Reason, "verify: short: ") {
		t.Errorf("before the rollback %s ended %s: %s", failed.Revision, failed.Phase, failed.Reason)
	}
	if undone.Undoes == nil || undone.Undoes.To != good.ID || undone.PlanKey == "" || len(undone.Checks) != 1 || !undone.Checks[0].Passed {
		t.Errorf("the rollback goes to %+v, with plan %q and the checks %v", undone.Undoes, undone.PlanKey, found(undone))
	}
	r.live(name, "5")
	if v, _ := r.app(name); v.Sync != gitops.StatusOutOfSync || v.Application.Wanted.Revision.Commit != bad {
		t.Errorf("what git wants is not deployed, and it is %s: %s", v.Sync, v.Message)
	}

	r.set(template, named(name, 7))
	next := r.push("shorter")
	r.ends(name, next, gitops.PhaseSucceeded)
	r.live(name, "7")

	t.Run("a rollback that fails is Blocked", func(t *testing.T) {
		probed.out.Store(name, true)
		r.set(template, named(name, 8))
		r.push("while it is out of order")
		blocked := r.ended(name, gitops.KindRollback, gitops.PhaseBlocked, next)
		if want := "the rollback failed: verify: short: "; !strings.HasPrefix(blocked.Reason, want) {
			t.Errorf("it is blocked for %q, want %q", blocked.Reason, want)
		}
		r.live(name, "7")
	})
	t.Run("a person goes back by hand", func(t *testing.T) {
		probed.out.Delete(name)
		r.cli("rollback", name, "--to", good.ID, "--wait")
		d := r.ended(name, gitops.KindRollback, gitops.PhaseSucceeded, first)
		if d.Undoes == nil || d.Undoes.To != good.ID || d.Undoes.By == "" {
			t.Errorf("the rollback is %+v", d.Undoes)
		}
		r.live(name, "5")
	})
}
