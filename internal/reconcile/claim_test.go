package reconcile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// on returns a driftless.yaml with jobs and books, each on the stack that is named.
func on(jobs, books string) map[string]string {
	return map[string]string{"driftless.yaml": strings.NewReplacer("prod-jobs", jobs, "prod-books", books).Replace(fileWith("    sync: { approval: never }\n", "jobs", "books"))}
}

// holds fails unless a stack is claimed by an application.
func (w *world) holds(app, stack string) {
	w.t.Helper()
	owner, err := w.store.Owner(w.t.Context(), reconcile.ClaimStack(target.Account, target.Region, stack))
	if err != nil || owner != app {
		w.t.Errorf("stack %s is claimed by %q, %v, want %s", stack, owner, err, app)
	}
}

func TestAStackThatAnApplicationLeftIsItsOwnUntilAnotherNeedsIt(t *testing.T) {
	for name, leave := range map[string]func(*world){
		"for another stack": func(*world) {},
		"with the file, and came back on another stack": func(w *world) {
			w.push("leave", map[string]string{"driftless.yaml": file("books")})
			w.resync()
			w.settle()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := watching(t)
			leave(w)
			w.push("elsewhere", on("prod-work", "prod-books"))
			w.resync()
			w.settle()
			w.holds("jobs", "prod-work")
			w.holds("jobs", "prod-jobs")
			w.push("another one", on("prod-work", "prod-jobs"))
			w.resync()
			w.settle()
			w.holds("books", "prod-jobs")
			w.expect("books", gitops.PhaseSucceeded)
		})
	}
}

// Two applications change places by one commit. The write of the record of the one fails after
// it has taken its new stack: while its record still goes to the old one, nobody else does.
func TestR21_AStackIsNotTakenWhileARecordStillGoesThere(t *testing.T) {
	for name, fault := range map[string]error{"fails": errors.New("503 Service Unavailable"), "loses its answer": fake.ErrLost} {
		t.Run(name, func(t *testing.T) {
			w := watching(t)
			w.push("places", on("prod-books", "prod-shelf"))
			taken := false
			w.store.Fail(func(call string) error {
				switch call {
				case "Take":
					_, err := w.store.Owner(t.Context(), reconcile.ClaimStack(target.Account, target.Region, "prod-shelf"))
					taken = taken || err == nil
				case "PutApplication":
					if taken {
						return fault
					}
				}
				return nil
			})
			w.resync()
			w.drain()
			if a := w.app("books"); a.Settings.CloudFormation.Stack == "prod-books" {
				w.holds("books", "prod-books")
			}
			w.store.Fail(nil)
			for range 2 { // whoever was refused is looked at again without a commit
				w.resync()
				w.settle()
			}
			w.holds("jobs", "prod-books")
			w.holds("books", "prod-shelf")
			w.expect("jobs", gitops.PhaseSucceeded)
		})
	}
}

func TestAStackIsHandedOnOnlyWhenNoDeploymentIsAboutItAnyMore(t *testing.T) {
	w := watching(t)
	w.engine.Script("books", fake.Script{Unknown: true})
	w.push("slow", map[string]string{"stacks/books/template.yaml": "Table.Type: AWS::DynamoDB::Table\nTable.BillingMode: PROVISIONED\n"})
	w.resync()
	w.drain()
	if a := w.app("books"); a.InFlight == "" {
		t.Fatal("books has no deployment in flight")
	}
	w.push("places", on("prod-books", "prod-shelf"))
	for range 2 { // at first its record goes there too
		w.resync()
		w.drain()
	}
	w.holds("books", "prod-books")
	w.engine.Script("books", fake.Script{})
	for range 2 {
		w.resync()
		w.settle()
	}
	w.holds("jobs", "prod-books")
	w.holds("books", "prod-shelf")
	w.expect("jobs", gitops.PhaseSucceeded)
	w.expect("books", gitops.PhaseSucceeded)
}
