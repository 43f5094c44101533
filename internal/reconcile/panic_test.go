package reconcile_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// told is how a bug is told in a record: with the id of its stack, which the log has.
var told = regexp.MustCompile(`a bug in Driftless, whose stack is in the reconciler's log under ([0-9a-f]{8}): index out of range`)

// bugged returns a fault that panics at one call.
func bugged(call string) func(string) error {
	return func(c string) error {
		if c == call {
			panic("index out of range")
		}
		return nil
	}
}

func TestR17_APanicEndsTheDeploymentThatItIsAboutAndNothingElse(t *testing.T) {
	for call, want := range map[string]struct {
		phase gitops.Phase
		live  string
	}{
		"Start plan":     {gitops.PhaseFailed, "5"},
		"Observe plan":   {gitops.PhaseFailed, "5"},
		"Start apply":    {gitops.PhaseFailed, "5"},
		"Observe apply":  {gitops.PhaseFailed, ""},
		"Start detect":   {gitops.PhaseSucceeded, "9"}, // it was applied; drift is looked for again when it is due
		"Observe detect": {gitops.PhaseSucceeded, "9"},
	} {
		t.Run(call, func(t *testing.T) {
			w := watching(t)
			var log bytes.Buffer
			w.r.Log = slog.New(slog.NewJSONHandler(&log, nil))
			w.push("more", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n"})
			w.engine.Fail(bugged(call))
			w.resync()
			w.settle() // which fails at an error that is returned to the queue
			d := w.expect("jobs", want.phase)
			id := told.FindStringSubmatch(d.Reason)
			if id == nil {
				t.Fatalf("the reason is %q", d.Reason)
			}
			if !strings.Contains(log.String(), `"id":"`+id[1]+`"`) || !strings.Contains(log.String(), "panic_test.go") {
				t.Errorf("the log does not have the stack %s:\n%s", id[1], log.String())
			}
			if call == "Observe apply" {
				return // a stack of the fake moves while it is looked at: nobody did
			}
			if a := w.app("jobs"); a.InFlight != "" || w.live("jobs", "Queue", "VisibilityTimeout") != want.live {
				t.Errorf("live is %q with %q in flight", w.live("jobs", "Queue", "VisibilityTimeout"), a.InFlight)
			}
			w.engine.Fail(nil)
			if _, err := w.op.Sync(t.Context(), "jobs", "bob"); err != nil {
				t.Fatal(err)
			}
			w.settle()
			w.expect("jobs", gitops.PhaseSucceeded)
			if w.live("jobs", "Queue", "VisibilityTimeout") != "9" {
				t.Error("after the bug was mended, a sync did not apply the push")
			}
		})
	}
}

func TestR17_APanicWithOneApplicationsFilesKeepsNoOtherBack(t *testing.T) {
	w := watching(t)
	w.push("both", map[string]string{
		"stacks/jobs/template.yaml":  "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n",
		"stacks/books/template.yaml": "Table.Type: AWS::DynamoDB::Table\nTable.BillingMode: PROVISIONED\n",
	})
	first := true
	w.blobs.Fail(func(call string) error {
		if call == "Put" && first {
			first = false
			panic("index out of range")
		}
		return nil
	})
	w.resync()
	w.settle()
	problems := w.repository().Problems
	if len(problems) != 1 || problems[0].Application == "" || !told.MatchString(problems[0].Message) {
		t.Fatalf("the problems are %+v", problems)
	}
	hit := problems[0].Application
	other := map[string]string{"jobs": "books", "books": "jobs"}[hit]
	w.expect(other, gitops.PhaseSucceeded)
	if w.app(other).Deployed.Revision.Message != "both" {
		t.Errorf("%s was kept back", other)
	}
	w.resync() // what was mended since is taken up without a commit
	w.settle()
	if problems := w.repository().Problems; len(problems) > 0 || w.app(hit).Deployed.Revision.Message != "both" {
		t.Errorf("after the bug was mended: %+v", problems)
	}
}

func TestR17_APanicWithARepositoryIsItsTroubleToldOnce(t *testing.T) {
	for _, call := range []string{"Head", "Snapshot"} {
		t.Run(call, func(t *testing.T) {
			w := watching(t)
			w.push("more", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n"})
			w.git.Fail(bugged(call))
			w.resync()
			w.drain()
			if trouble := w.repository().Trouble; !told.MatchString(trouble) {
				t.Fatalf("the trouble is %q", trouble)
			}
			version := w.repository().Version
			w.resync()
			w.drain()
			if again := w.repository().Version; again != version {
				t.Errorf("the same bug was written again: version %d after %d", again, version)
			}
			w.git.Fail(nil)
			w.resync()
			w.settle()
			if d := w.expect("jobs", gitops.PhaseSucceeded); w.repository().Trouble != "" || d.Revision.Message != "more" {
				t.Errorf("after the bug was mended: %q, %s", w.repository().Trouble, d.Revision)
			}
		})
	}
}

func TestR60_ABucketThatRefusesIsNamedWhereAPersonLooks(t *testing.T) {
	trouble := func(w *world) string { return w.repository().Trouble }
	blocked := func(w *world) string { return w.expect("jobs", gitops.PhaseBlocked).Reason }
	for name, c := range map[string]struct {
		call  string
		from  int // the first of them that is refused
		where func(w *world) string
	}{
		"when the look stores the bundle": {"Put", 1, trouble},
		"when the plan reads the bundle":  {"Get", 1, blocked},
		"when the plan is kept":           {"Put", 2, blocked},
	} {
		t.Run(name, func(t *testing.T) {
			w := watching(t)
			w.push("more", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n"})
			calls := 0
			w.blobs.Fail(func(call string) error {
				if call == c.call {
					calls++
				}
				if call != c.call || calls < c.from {
					return nil
				}
				return fmt.Errorf("%s s3://driftless-data: %w: arn:aws:kms:eu-west-1:1:key/7 is disabled", call, reconcile.ErrDenied)
			})
			w.resync()
			w.rounds(5)
			for _, named := range []string{"s3://driftless-data", "arn:aws:kms:eu-west-1:1:key/7"} {
				if said := c.where(w); !strings.Contains(said, named) {
					t.Errorf("%q does not name %s", said, named)
				}
			}
			if left := w.engine.Leftovers(); len(left) > 0 {
				t.Errorf("change sets are left: %v", left)
			}
			if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "5" {
				t.Errorf("live is %q although nothing of the push could be kept", got)
			}
			w.blobs.Fail(nil)
			w.resync()
			w.settle()
			if _, err := w.op.Sync(t.Context(), "jobs", "bob"); err != nil {
				t.Fatal(err)
			}
			w.settle()
			if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "9" {
				t.Errorf("with the key enabled again, live is %q", got)
			}
		})
	}
}

func TestR60_MessagesThatAreAWeekOldAreHarmlessHints(t *testing.T) {
	w := watching(t)
	var old []reconcile.Message
	w.push("first", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 8\n"})
	w.resync()
	for m, ok := w.queue.Next(); ok; m, ok = w.queue.Next() {
		old = append(old, m, m)
		if err := w.r.Reconcile(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	w.push("second", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n"})
	w.resync()
	w.settle()
	w.now = w.now.AddDate(0, 0, 7)
	w.rounds(5) // drift has been due
	before, repo, executed := w.app("jobs"), w.repository(), len(w.engine.Executed())
	old = append(old, reconcile.Message{Application: "was-never-there"}, reconcile.Message{Repository: "nor-was-this"})
	for _, m := range old {
		if err := w.r.Reconcile(t.Context(), m); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
	if a := w.app("jobs"); a.Ended != before.Ended || a.Deployed.Revision != before.Deployed.Revision || w.repository().Version != repo.Version {
		t.Errorf("the old messages changed %+v to %+v", before.Ended, a.Ended)
	}
	if got := len(w.engine.Executed()) - executed; got != 0 || w.live("jobs", "Queue", "VisibilityTimeout") != "9" {
		t.Errorf("%d executions by old messages; live is %q", got, w.live("jobs", "Queue", "VisibilityTimeout"))
	}
}
