package reconcile_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// synthesiser is an engine for CDK apps: each file named 1-Name.stack in the application's
// directory is a stack, which depends on all before it. A file "broken" fails the build.
type synthesiser struct {
	w      *world
	builds int
	salt   string // appended to every template: what a build finds out by itself
	busy   bool   // builds wait in their queue
	cancel func() // instead of a build's end, once
}

func (s *synthesiser) Start(_ context.Context, w reconcile.Work) (gitops.Operation, error) {
	if w.Operation.Kind == gitops.OperationPlan {
		s.builds++
		w.Operation.ID = fmt.Sprintf("build-%d", s.builds)
	}
	if cancel := s.cancel; w.Operation.Kind == gitops.OperationCancel && cancel != nil {
		s.cancel = nil
		cancel()
	}
	return w.Operation, nil
}

func (s *synthesiser) Observe(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	if w.Operation.ID == "" {
		return gitops.Sighting{State: gitops.OperationAbsent, Operation: w.Operation}, nil
	}
	if s.busy {
		return gitops.Sighting{State: gitops.OperationForeign, Operation: w.Operation, Reason: "it waits in the queue"}, nil
	}
	files, err := w.Files(ctx)
	if err != nil {
		return gitops.Sighting{}, err
	}
	if _, err := fs.Stat(files, path.Join(w.Settings.Path, "broken")); err == nil {
		return gitops.Sighting{State: gitops.OperationFailed, Operation: w.Operation, Reason: "bin/shop.ts:3: does not compile"}, nil
	}
	sight := gitops.Sighting{State: gitops.OperationDone, Operation: w.Operation}
	names, err := fs.Glob(files, path.Join(w.Settings.Path, "*.stack"))
	if err != nil {
		return gitops.Sighting{}, err
	}
	var before []string
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return gitops.Sighting{}, err
		}
		data = append(data, s.salt...)
		sum := sha256.Sum256(data)
		key := "builds/plan/" + w.Operation.Token + "/plan/stacks/" + hex.EncodeToString(sum[:]) + ".json"
		if err := s.w.blobs.Put(ctx, key, data); err != nil {
			return gitops.Sighting{}, err
		}
		_, stack, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".stack"), "-")
		sight.Stacks = append(sight.Stacks, gitops.Stack{ID: "id-" + stack, Name: stack, Template: key, DependsOn: before})
		before = append(before, "id-"+stack)
	}
	return sight, nil
}

const (
	shop = "version: 1\ndefaults:\n  target: { account: \"111122223333\", region: eu-west-1 }\napplications:\n" +
		"  - name: shop\n    path: shop\n    cdk: { version: 2.1148.1 }\n"
	table = "Table.Type: AWS::DynamoDB::Table\nTable.BillingMode: PAY_PER_REQUEST\n"
	queue = "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: "
)

// shopping returns a world with a CDK app of two stacks, ShopData and ShopWeb, deployed.
func shopping(t *testing.T) (*world, *synthesiser) {
	t.Helper()
	w := newWorld(t)
	s := &synthesiser{w: w}
	w.r.Engines[gitops.EngineCDK] = s
	w.push("a shop", map[string]string{"driftless.yaml": shop, "shop/cdk.json": "{}", "shop/1-ShopData.stack": table, "shop/2-ShopWeb.stack": queue + "5\n"})
	w.add()
	w.settle()
	return w, s
}

// web is the live VisibilityTimeout of ShopWeb's queue.
func (w *world) web() string { return w.engine.Live(target, "ShopWeb")["Queue"]["VisibilityTimeout"] }

// executed returns the applications whose plans were executed, in order.
func (w *world) executed() (names []string) {
	for _, e := range w.engine.Executed() {
		names = append(names, e.Application)
	}
	return names
}

func TestTheStacksOfACDKAppRollOutInTheirOrder(t *testing.T) {
	w, s := shopping(t)
	if diff := cmp.Diff([]string{"shop-data", "shop-web"}, w.executed()); diff != "" {
		t.Errorf("executed (-want +got):\n%s", diff)
	}
	for _, id := range []string{"shop", "shop-data", "shop-web"} {
		if a := w.app(id); a.Sync() != gitops.StatusSynced || a.Ended.Phase != gitops.PhaseSucceeded {
			t.Errorf("%s is %s, %s %s", id, a.Sync(), a.Ended.Phase, a.Ended.Reason)
		}
	}
	if got := w.app("shop").Ended.Reason; got != "synthesised: shop-data, shop-web" {
		t.Errorf("the app ended: %s", got)
	}
	if a := w.app("shop-web"); a.Settings.CloudFormation.Stack != "ShopWeb" || a.Settings.Of != "shop" || a.Settings.Path != "shop/cdk.out/ShopWeb" {
		t.Errorf("shop-web is %+v", a.Settings)
	}
	w.push("slower", map[string]string{"shop/2-ShopWeb.stack": queue + "60\n"})
	w.resync()
	w.settle()
	if diff := cmp.Diff([]string{"shop-data", "shop-web", "shop-web"}, w.executed()); diff != "" || w.web() != "60" || s.builds != 2 {
		t.Errorf("one stack changed, the timeout is %s after %d builds, executed (-want +got):\n%s", w.web(), s.builds, diff)
	}
}

func TestAStackWaitsForWhatItDependsOn(t *testing.T) {
	w, _ := shopping(t)
	w.engine.Script("shop-data", fake.Script{FailApply: "limit exceeded"})
	w.push("both", map[string]string{"shop/1-ShopData.stack": table + "Table.TableName: shop\n", "shop/2-ShopWeb.stack": queue + "60\n"})
	w.resync()
	w.rounds(3)
	d := w.expect("shop-web", gitops.PhasePending)
	if d.Progress != "waits: shop-data ended Failed" || w.web() != "5" {
		t.Errorf("it says %q, the timeout is %s", d.Progress, w.web())
	}
	w.engine.Script("shop-data", fake.Script{})
	if _, err := w.op.Sync(t.Context(), "shop-data", "ann"); err != nil {
		t.Fatal(err)
	}
	w.drain() // no sweep: it is woken
	w.expect("shop-web", gitops.PhaseSucceeded)
	if w.web() != "60" {
		t.Errorf("the timeout is %s", w.web())
	}
}

func TestAPushOvertakesAStackThatWaits(t *testing.T) {
	w, _ := shopping(t)
	w.engine.Script("shop-data", fake.Script{FailApply: "limit exceeded"})
	w.push("both", map[string]string{"shop/1-ShopData.stack": table + "Table.TableName: shop\n", "shop/2-ShopWeb.stack": queue + "60\n"})
	w.resync()
	w.rounds(2)
	w.engine.Script("shop-data", fake.Script{})
	w.push("back", map[string]string{"shop/1-ShopData.stack": table, "shop/2-ShopWeb.stack": queue + "70\n"})
	w.resync()
	w.settle()
	if w.web() != "70" {
		t.Errorf("the timeout is %s", w.web())
	}
	all, err := w.store.ListDeployments(t.Context(), "shop-web", 2)
	if err != nil || all[1].Phase != gitops.PhaseSuperseded {
		t.Errorf("%v, %+v", err, all)
	}
}

func TestAStackThatLeavesItsAppIsKeptAndComesBack(t *testing.T) {
	w, _ := shopping(t)
	w.push("no web", map[string]string{"shop/2-ShopWeb.stack": ""})
	w.resync()
	w.settle()
	if a := w.app("shop-web"); !a.Removed || w.web() != "5" {
		t.Fatalf("removed %t, the timeout is %q", a.Removed, w.web())
	}
	w.push("web again", map[string]string{"shop/2-ShopWeb.stack": queue + "6\n"})
	w.resync()
	w.settle()
	if a := w.app("shop-web"); a.Removed || w.web() != "6" {
		t.Errorf("removed %t, the timeout is %q", a.Removed, w.web())
	}
}

func TestAnAppThatLeavesTheFileTakesItsStacksAlong(t *testing.T) {
	w, s := shopping(t)
	w.push("another", away)
	w.resync()
	w.settle()
	for _, id := range []string{"shop", "shop-data", "shop-web"} {
		if !w.app(id).Removed {
			t.Errorf("%s is not removed", id)
		}
	}
	w.push("the shop again", map[string]string{"driftless.yaml": shop})
	w.resync()
	w.settle()
	for _, id := range []string{"shop", "shop-data", "shop-web"} {
		if w.app(id).Removed {
			t.Errorf("%s is still removed", id)
		}
	}
	if s.builds != 2 {
		t.Errorf("%d builds, want 2", s.builds)
	}
}

func TestABranchThatIsBackResumesTheStacksToo(t *testing.T) {
	w, _ := shopping(t)
	head := w.repository().Head.Commit
	w.git.Delete(repoURL, "main")
	w.resync()
	w.settle()
	if w.app("shop-web").Suspended == nil {
		t.Fatal("the branch is gone, and shop-web is not suspended")
	}
	w.git.Reset(repoURL, "main", head)
	w.resync()
	w.settle()
	for _, id := range []string{"shop", "shop-data", "shop-web"} {
		if a := w.app(id); a.Suspended != nil {
			t.Errorf("%s is still %+v", id, a.Suspended)
		}
	}
}

func TestABranchThatIsBackResumesTheStacksOfAnAppThatAPersonSuspended(t *testing.T) {
	w, _ := shopping(t)
	head := w.repository().Head.Commit
	if _, err := w.op.Suspend(t.Context(), "shop", "ann", "lunch"); err != nil {
		t.Fatal(err)
	}
	w.git.Delete(repoURL, "main")
	w.resync()
	w.settle()
	w.git.Reset(repoURL, "main", head)
	w.resync()
	w.settle()
	if a := w.app("shop"); a.Suspended == nil || a.Suspended.By != "ann" {
		t.Errorf("the app is %+v", a.Suspended)
	}
	if a := w.app("shop-web"); a.Suspended != nil {
		t.Errorf("shop-web is still %+v", a.Suspended)
	}
}

func TestAnAppThatCannotBeSynthesisedLeavesItsStacksAsTheyAre(t *testing.T) {
	w, _ := shopping(t)
	w.push("broken", map[string]string{"shop/broken": "yes", "shop/2-ShopWeb.stack": queue + "60\n"})
	w.resync()
	w.settle()
	if d := w.expect("shop", gitops.PhaseFailed); !strings.Contains(d.Reason, "bin/shop.ts:3") {
		t.Errorf("it says %q", d.Reason)
	}
	if a := w.app("shop-web"); a.Removed || w.web() != "5" || a.Sync() != gitops.StatusSynced {
		t.Errorf("shop-web is removed %t, %s", a.Removed, w.web())
	}
}

func TestAStacksNameIsHeldByOneApplication(t *testing.T) {
	w, _ := shopping(t)
	// The file names an application as a stack is called.
	w.push("a clash", map[string]string{"driftless.yaml": shop + "  - name: shop-web\n    path: web\n    cloudformation: {}\n", "web/template.yaml": queue + "5\n"})
	w.resync()
	w.settle()
	if p := w.repository().Problems; len(p) != 1 || p[0].Message != "the name shop-web is taken by a stack of the CDK app shop" {
		t.Errorf("the problems are %+v", p)
	}
	// An app has a stack that is called as an application of the file is.
	w = newWorld(t)
	w.r.Engines[gitops.EngineCDK] = &synthesiser{w: w}
	w.push("a clash", map[string]string{"driftless.yaml": shop + "  - name: shop-web\n    path: web\n    cloudformation: {}\n", "web/template.yaml": queue + "7\n",
		"shop/cdk.json": "{}", "shop/1-ShopData.stack": table, "shop/2-ShopWeb.stack": queue + "5\n"})
	w.add()
	w.settle()
	if d := w.expect("shop", gitops.PhaseFailed); d.Reason != "shop-web: the name shop-web is taken by an application of driftless.yaml" {
		t.Errorf("it says %q", d.Reason)
	}
	if w.web() != "" || w.engine.Live(target, "shop-web")["Queue"]["VisibilityTimeout"] != "7" {
		t.Error("the file's own application is not as it says")
	}
}

func TestAStackOfAForeignAccountIsRefusedByName(t *testing.T) {
	w := newWorld(t)
	elsewhere := &synthesiser{w: w}
	w.r.Engines[gitops.EngineCDK] = abroad{elsewhere}
	w.push("a shop", map[string]string{"driftless.yaml": shop, "shop/cdk.json": "{}", "shop/1-ShopData.stack": table})
	w.add()
	w.settle()
	if d := w.expect("shop", gitops.PhaseFailed); !strings.Contains(d.Reason, "shop-data: account 444455556666 is not among the installation's targets") {
		t.Errorf("it says %q", d.Reason)
	}
	if got := w.executed(); len(got) > 0 {
		t.Errorf("%v were executed", got)
	}
}

// abroad is an app that says itself where its stacks go.
type abroad struct{ *synthesiser }

func (a abroad) Observe(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	s, err := a.synthesiser.Observe(ctx, w)
	for i := range s.Stacks {
		s.Stacks[i].Account = "444455556666"
	}
	return s, err
}

func TestASyncOfAnAppDeploysWhatIsSynthesisedAnew(t *testing.T) {
	w, s := shopping(t)
	s.salt = "Queue.DelaySeconds: 3\n"
	if _, err := w.op.Sync(t.Context(), "shop", "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if got := w.engine.Live(target, "ShopWeb")["Queue"]["DelaySeconds"]; got != "3" {
		t.Errorf("the delay is %q: what the build found out was not deployed", got)
	}
}

// Whatever call fails, before its effect or with its answer lost, the end is the same: each stack
// was executed once, and none is forgotten.
func TestR13_AnyOneCallThatFailsWhileStacksAreRegisteredChangesNothingButTheDelay(t *testing.T) {
	for _, fault := range []error{errors.New("503 Service Unavailable"), fake.ErrLost} {
		for n := 1; ; n++ {
			w, _ := shopping(t)
			w.push("two at once", map[string]string{"shop/2-ShopWeb.stack": queue + "60\n", "shop/3-ShopJobs.stack": queue + "1\n", "shop/1-ShopData.stack": ""})
			w.resync()
			name := w.oneFails(n, fault)
			where := fmt.Sprintf("call %d (%s) with %v", n, name, fault)
			if diff := cmp.Diff([]string{"shop-data", "shop-web", "shop-web", "shop-jobs"}, w.executed()); diff != "" {
				t.Errorf("%s: executed (-want +got):\n%s", where, diff)
			}
			if diff := cmp.Diff([]string{"shop-web", "shop-jobs"}, w.app("shop").Stacks); diff != "" || !w.app("shop-data").Removed || w.web() != "60" {
				t.Errorf("%s: shop-data removed %t, the timeout is %s, stacks (-want +got):\n%s", where, w.app("shop-data").Removed, w.web(), diff)
			}
			if name == "" {
				if n < 20 {
					t.Fatalf("a rollout makes only %d calls", n-1)
				}
				break
			}
		}
	}
}

func TestAStackOfAnExpansionThatEndedEarlyIsNotForgotten(t *testing.T) {
	w, _ := shopping(t)
	w.push("jobs", map[string]string{"shop/3-ShopJobs.stack": queue + "1\n"})
	w.resync()
	w.store.Fail(func(call string) error {
		if call == "Close" {
			return errors.New("503 Service Unavailable")
		}
		return nil
	})
	w.drain()
	if w.app("shop-jobs").Removed {
		t.Fatal("shop-jobs is not registered")
	}
	w.push("no jobs", map[string]string{"shop/3-ShopJobs.stack": ""})
	w.resync()
	w.drain()
	w.store.Fail(nil)
	w.settle()
	if !w.app("shop-jobs").Removed {
		t.Error("shop-jobs is not in the app any more, and nobody knows")
	}
}

// freeze lets something happen in place of a worker that froze at its first call of a name.
func (w *world) freeze(call string, meanwhile func()) {
	frozen := false
	w.store.Fail(func(name string) error {
		if name == call && !frozen {
			frozen = true
			meanwhile()
		}
		return nil
	})
	w.drain()
	w.store.Fail(nil)
	if !frozen {
		w.t.Fatalf("%s was not called", call)
	}
	w.settle()
}

// Whoever expands an app freezes before a new stack is registered; meanwhile the app has lost it.
func TestR15_AnExpansionThatWasOvertakenLeavesNoStackBehind(t *testing.T) {
	w, _ := shopping(t)
	w.push("jobs", map[string]string{"shop/3-ShopJobs.stack": queue + "1\n"})
	w.resync()
	w.freeze("Register", func() {
		w.push("no jobs", map[string]string{"shop/3-ShopJobs.stack": ""})
		w.resync()
		w.settle()
	})
	if a := w.app("shop-jobs"); !a.Removed || a.InFlight != "" {
		t.Errorf("removed %t, in flight %q: git has no such stack", a.Removed, a.InFlight)
	}
	if got := w.app("shop").Stacks; len(got) != 2 {
		t.Errorf("the app's stacks are %v", got)
	}
}

// Whoever expands an app freezes before a stack is brought to what was synthesised; meanwhile
// git has gone back to what that stack was.
func TestR15_AnExpansionThatWasOvertakenIsFollowedByAnother(t *testing.T) {
	w, s := shopping(t)
	w.push("slower", map[string]string{"shop/2-ShopWeb.stack": queue + "60\n"})
	w.resync()
	look := 0
	w.store.Fail(func(call string) error {
		if call != "PutApplication" || s.builds < 2 {
			return nil
		}
		if look++; look == 1 {
			w.push("as before", map[string]string{"shop/2-ShopWeb.stack": queue + "5\n"})
			w.resync()
			w.settle()
		}
		return nil
	})
	w.drain()
	w.store.Fail(nil)
	w.settle()
	if a := w.app("shop-web"); look == 0 || w.web() != "5" || a.Sync() != gitops.StatusSynced || a.Ended.Phase != gitops.PhaseSucceeded {
		t.Errorf("frozen %t: the timeout is %s, the application is %s, %s", look > 0, w.web(), a.Sync(), a.Ended.Phase)
	}
}

// away is a file without the shop.
var away = map[string]string{"driftless.yaml": file("jobs"), "stacks/jobs/template.yaml": queue + "5\n"}

// whole fails where the shop is in the file, and a part of it is said to have left.
func (w *world) whole() {
	w.t.Helper()
	for _, id := range []string{"shop", "shop-data", "shop-web"} {
		if w.app(id).Removed {
			w.t.Errorf("%s is in the file, and its record says that it is removed", id)
		}
	}
}

// A look freezes before it marks the stacks of an app that left; meanwhile the app is back, with
// its stacks as they were.
func TestR15_ALookThatComesTooLateTakesNoStackOfAnAppThatIsBack(t *testing.T) {
	w, _ := shopping(t)
	w.push("another", away)
	w.resync()
	w.freeze("Retire", func() {
		w.push("the shop again", map[string]string{"driftless.yaml": shop})
		w.resync()
		w.settle()
	})
	w.whole()
}

// Whoever ends the build of an app that left freezes; meanwhile the app is back.
func TestR15_AnEndThatComesTooLateTakesNoStackOfAnAppThatIsBack(t *testing.T) {
	w, s := shopping(t)
	s.busy = true
	w.push("slower", map[string]string{"shop/2-ShopWeb.stack": queue + "60\n"})
	w.resync()
	w.drain()
	w.push("another", away)
	w.resync()
	frozen := false
	s.cancel = func() {
		frozen, s.busy = true, false
		w.push("the shop again", map[string]string{"driftless.yaml": shop})
		w.resync()
		w.settle()
	}
	w.drain()
	w.settle()
	if !frozen {
		t.Fatal("no build was ended")
	}
	w.whole()
	if w.web() != "60" {
		t.Errorf("the timeout is %s, want what git has", w.web())
	}
}

// The app leaves the file while its stacks are registered: whether the worker that registers them
// goes on or dies, and whatever they do meanwhile, they leave with it.
func TestR58_AStackThatIsRegisteredWhenItsAppHasLeftIsRemovedToo(t *testing.T) {
	for name, test := range map[string]struct{ dies, begins bool }{
		"the worker goes on":                       {},
		"the worker dies":                          {dies: true},
		"the worker goes on, and so do its stacks": {begins: true},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := shopping(t)
			w.push("jobs", map[string]string{"shop/3-ShopJobs.stack": queue + "1\n"})
			w.resync()
			left, dead, began := false, false, false
			do := func(m reconcile.Message) {
				if err := w.r.Reconcile(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			registered := func() bool { _, err := w.store.Application(t.Context(), "shop-jobs"); return err == nil }
			w.store.Fail(func(call string) error {
				switch {
				case call == "Register" && !left:
					left = true
					w.push("another", away)
					do(reconcile.Message{Repository: w.repository().ID})
					if test.begins {
						do(reconcile.Message{Application: "shop"}) // another worker ends what this one is at
					}
					dead = test.dies
				case dead:
					return errors.New("503 Service Unavailable")
				case call == "Retire" && left && test.begins && !began && registered():
					began = true
					do(reconcile.Message{Application: "shop-jobs"})
				}
				return nil
			})
			w.lenient()
			w.store.Fail(nil)
			w.settle()
			if a := w.app("shop-jobs"); !left || !a.Removed || began != test.begins {
				t.Errorf("left %t, removed %t, began %t", left, a.Removed, began)
			}
		})
	}
}

// A stack waits for a person while its app is synthesised anew from the same commit.
func TestAStackThatIsSynthesisedAnewWhileItRollsOutIsRolledOutAgain(t *testing.T) {
	w := newWorld(t)
	s := &synthesiser{w: w}
	w.r.Engines[gitops.EngineCDK] = s
	w.push("a shop", map[string]string{"driftless.yaml": shop + "    sync: { approval: always }\n", "shop/cdk.json": "{}", "shop/1-ShopData.stack": table, "shop/2-ShopWeb.stack": queue + "5\n"})
	w.add()
	w.rounds(3)
	approve := func(id string) {
		t.Helper()
		d := w.expect(id, gitops.PhaseAwaitingApproval)
		if _, err := w.op.Approve(t.Context(), id, d.Plan.Digest, "ann"); err != nil {
			t.Fatal(err)
		}
		w.rounds(3)
	}
	w.expect("shop-data", gitops.PhaseAwaitingApproval)
	s.salt = "Queue.DelaySeconds: 3\n"
	if _, err := w.op.Sync(t.Context(), "shop", "ann"); err != nil {
		t.Fatal(err)
	}
	w.rounds(3)
	for _, id := range []string{"shop-data", "shop-data", "shop-web", "shop-web"} { // what was shown before, and what came of it anew
		approve(id)
	}
	for id, stack := range map[string]string{"shop-data": "ShopData", "shop-web": "ShopWeb"} {
		if got := w.engine.Live(target, stack)["Queue"]["DelaySeconds"]; got != "3" || w.app(id).Sync() != gitops.StatusSynced {
			t.Errorf("%s is %s, its delay is %q: what the build found out was not deployed", id, w.app(id).Sync(), got)
		}
	}
}

// A look that marks an app and its stacks as removed ends early; by the next commit the app is
// back, or still away.
func TestR21_AnAppThatLeftInPartIsWholeAgain(t *testing.T) {
	for _, back := range []bool{true, false} {
		for n := 1; n <= 3; n++ {
			w, _ := shopping(t)
			w.push("another", away)
			count := 0
			w.store.Fail(func(call string) error {
				if call != "PutApplication" && call != "Retire" {
					return nil
				}
				if count++; count == n {
					return fake.ErrLost
				}
				if count > n {
					return errors.New("503 Service Unavailable")
				}
				return nil
			})
			_, _ = w.sweep.Repositories(t.Context())
			w.lenient()
			w.store.Fail(nil)
			now := away["driftless.yaml"]
			if back {
				now = shop
			}
			w.push("and then", map[string]string{"driftless.yaml": now, "README": "news"})
			w.resync()
			w.settle()
			for _, id := range []string{"shop", "shop-data", "shop-web"} {
				if w.app(id).Removed == back {
					t.Errorf("the %d. write was lost, back %t: %s is removed %t", n, back, id, !back)
				}
			}
		}
	}
}
