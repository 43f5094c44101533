package reconcile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// timeout is a template of jobs with this visibility timeout.
func timeout(seconds int) map[string]string {
	return map[string]string{"stacks/jobs/template.yaml": fmt.Sprintf("Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: %d\n", seconds)}
}

func TestR49_ThreeHundredPushesInAMinuteAreAtMostTwoDeployments(t *testing.T) {
	for name, slow := range map[string]func(*world){
		"while the first is planned": func(w *world) { w.engine.Script("jobs", fake.Script{Slow: 10_000}) },
		"while the first is applied": func(w *world) {
			w.engine.Fail(func(call string) error {
				if call == "Start apply" {
					w.engine.Script("jobs", fake.Script{Slow: 10_000})
				}
				return nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := watching(t)
			executed := len(w.engine.Executed())
			slow(w)
			var pushed []string
			for i := range 300 {
				pushed = append(pushed, w.push(fmt.Sprintf("push %d", i), timeout(100+i)))
				w.r.Sleep = nil // the clock is the pushes' own
				w.now = w.now.Add(200 * time.Millisecond)
				if err := w.r.Reconcile(t.Context(), reconcile.Message{Repository: w.repository().ID}); err != nil {
					t.Fatal(err)
				}
				w.drain()
			}
			w.engine.Fail(nil)
			w.engine.Script("jobs", fake.Script{})
			w.engine.Hurry("jobs")
			w.settle()
			if n := len(w.engine.Executed()) - executed; n > 2 {
				t.Errorf("%d deployments were applied, want at most two", n)
			}
			if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "399" {
				t.Errorf("live is %q: the last push did not win", got)
			}
			all, err := w.store.ListDeployments(t.Context(), "jobs", 1000)
			if err != nil {
				t.Fatal(err)
			}
			ended := map[string]gitops.Phase{}
			for _, d := range all {
				ended[d.Revision.Commit] = d.Phase
			}
			for i, commit := range pushed {
				switch phase := ended[commit]; {
				case i == 299 && phase != gitops.PhaseSucceeded:
					t.Errorf("the last push is %q", phase)
				case phase != gitops.PhaseSuperseded && phase != gitops.PhaseSucceeded:
					t.Errorf("push %d is %q: nobody learns what became of it", i, phase)
				}
			}
		})
	}
}

func TestASkippedRevisionIsRecordedOnceWhateverAnswerIsLost(t *testing.T) {
	w := watching(t)
	w.engine.Script("jobs", fake.Script{Slow: 1000})
	first := w.push("first", timeout(10))
	w.resync()
	w.drain()
	skipped := w.push("second", timeout(20))
	w.resync()
	w.drain()
	w.store.Fail(func(call string) error {
		if call == "Supersede" {
			return fake.ErrLost
		}
		return nil
	})
	last := w.push("third", timeout(30))
	w.resync()
	w.drain()
	w.store.Fail(nil)
	w.engine.Script("jobs", fake.Script{})
	w.engine.Hurry("jobs")
	w.settle()
	all, err := w.store.ListDeployments(t.Context(), "jobs", 100)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, d := range all[:len(all)-1] { // the oldest brought jobs up
		got[d.Revision.Commit+" "+string(d.Phase)]++
	}
	want := map[string]int{first + " Superseded": 1, skipped + " Superseded": 1, last + " Succeeded": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("deployments (-want +got):\n%s", diff)
	}
}

// many is a repository of n applications.
func many(n int) map[string]string {
	files, names := map[string]string{}, []string{}
	for i := range n {
		name := fmt.Sprintf("svc-%03d", i)
		names = append(names, name)
		files["stacks/"+name+"/template.yaml"] = "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 5\n"
	}
	files["driftless.yaml"] = file(names...)
	return files
}

func TestAPushThatTouchesThreeOfFiveHundredWakesThree(t *testing.T) {
	w := newWorld(t)
	w.push("five hundred applications", many(500))
	w.add()
	w.rounds(3)
	w.settle()
	w.queue.Forget()
	w.git.Forget()
	w.store.Forget()
	w.push("three of them", map[string]string{
		"stacks/svc-007/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 6\n",
		"stacks/svc-123/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 6\n",
		"stacks/svc-499/parameters":    "a new file\n",
	})
	if err := w.r.Reconcile(t.Context(), reconcile.Message{Repository: w.repository().ID}); err != nil {
		t.Fatal(err)
	}
	var woken []string
	for _, m := range w.queue.Drain() {
		woken = append(woken, m.Application)
	}
	if diff := cmp.Diff([]string{"svc-007", "svc-123", "svc-499"}, woken); diff != "" {
		t.Errorf("woken (-want +got):\n%s", diff)
	}
	if requests := w.git.Counts(); requests["Head"]+requests["Snapshot"]+requests["Fetch"] > 4 {
		t.Errorf("git was asked %v, want at most 4 requests", requests)
	}
	if reads := w.store.Counts(); reads["ApplicationsByID"] != 1 || reads["PutApplication"] != 3 {
		t.Errorf("the records were read and written %v", reads)
	}
}

func TestAResyncOfFiveHundredApplicationsAsksGitOnceAndCloudFormationNever(t *testing.T) {
	w := newWorld(t)
	w.push("five hundred applications", many(500))
	w.add()
	w.rounds(3)
	w.settle()
	w.queue.Forget()
	w.git.Forget()
	w.engine.Forget()
	w.resync()
	w.drain()
	if diff := cmp.Diff(map[string]int{"Head": 1}, w.git.Counts()); diff != "" {
		t.Errorf("git (-want +got):\n%s", diff)
	}
	if calls := w.engine.Counts(); len(calls) != 0 {
		t.Errorf("CloudFormation was called: %v", calls)
	}
}

func TestAProblemThatOnlyACommitMendsIsNotReadAgain(t *testing.T) {
	w := watching(t)
	w.push("oops", map[string]string{"stacks/jobs/template.yaml": "", "stacks/jobs/readme.txt": "gone\n"})
	w.resync()
	w.settle()
	if r := w.repository(); len(r.Problems) != 1 || r.Problems[0].Passing {
		t.Fatalf("problems: %+v", r.Problems)
	}
	w.git.Forget()
	w.resync()
	w.settle()
	if diff := cmp.Diff(map[string]int{"Head": 1}, w.git.Counts()); diff != "" {
		t.Errorf("git (-want +got):\n%s", diff)
	}
}

func TestAClaimThatIsGivenUpIsTakenWithoutACommit(t *testing.T) {
	w := watching(t)
	other := "https://git.example.com/team/other"
	w.git.Push(other, "main", "mine", map[string]string{
		"driftless.yaml":            strings.ReplaceAll(strings.ReplaceAll(file("jobs"), "name: jobs", "name: mine"), "stacks/jobs", "stacks/mine"),
		"stacks/mine/template.yaml": "Queue.Type: AWS::SQS::Queue\n",
	})
	if _, err := w.op.AddRepository(t.Context(), gitops.Repository{URL: other, Branch: "main"}, "eve"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.push("leave", map[string]string{"driftless.yaml": file("books")})
	w.resync()
	w.settle()
	w.resync()
	w.settle()
	owner, err := w.store.Owner(t.Context(), reconcile.ClaimStack(target.Account, target.Region, "prod-jobs"))
	if err != nil || owner != "mine" {
		t.Errorf("the stack is claimed by %q, %v", owner, err)
	}
}

func TestABundleHasACap(t *testing.T) {
	w := watching(t)
	noise := make([]byte, 900<<10)
	files := map[string]string{}
	state := uint32(1)
	for i := range 60 { // 54 MB that do not shrink
		for j := range noise {
			state = state*1664525 + 1013904223
			noise[j] = byte(state >> 24)
		}
		files[fmt.Sprintf("stacks/jobs/%d.bin", i)] = string(noise)
	}
	w.push("large", files)
	w.resync()
	w.settle()
	r := w.repository()
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Message, "at most 52428800") {
		t.Errorf("problems: %v", r.Problems)
	}
	if _, err := w.store.Application(t.Context(), "books"); errors.Is(err, reconcile.ErrNotFound) {
		t.Error("books is gone")
	}
}
