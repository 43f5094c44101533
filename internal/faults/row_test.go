package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	compare "github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// deployed is a lane whose application is deployed for the first time.
func deployed(t *testing.T, h host) *Lane {
	t.Helper()
	n, err := lab(t).lane(t.Context(), scenario{host: h, engine: gitops.EngineCloudFormation})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.watch.hook.Store(nil)
		if err := n.leave(context.Background()); err != nil {
			t.Error(err)
		}
	})
	n.watch.begin()
	if err := watchAndDeploy(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	n.watch.begin()
	return n
}

// hook decides what happens to the lane's calls until the test ends.
func (n *Lane) decides(hook func(Site, sandbox.Request) sandbox.Fault) { n.watch.hook.Store(&hook) }

// count is how many calls of an action the lane's functions made.
func (n *Lane) count(function, action string) (total int) {
	n.watch.mu.Lock()
	defer n.watch.mu.Unlock()
	for c, made := range n.watch.counts {
		if c.function == function && c.action == action {
			total += made
		}
	}
	return total
}

// changes are the calls by which the reconciler changed something for the lane.
func (n *Lane) changes() (made []string) {
	n.watch.mu.Lock()
	defer n.watch.mu.Unlock()
	for c := range n.watch.counts {
		reads := strings.HasPrefix(c.action, "Get") || strings.HasPrefix(c.action, "Describe") || strings.HasPrefix(c.action, "List") ||
			strings.HasPrefix(c.action, "git ")
		switch c.action {
		case "BatchGetItem", "Query", "GET", "AssumeRole":
			reads = true
		}
		if !reads && c.function == "reconciler" {
			made = append(made, c.action)
		}
	}
	return made
}

// slower pushes a template with another VisibilityTimeout.
func (n *Lane) slower(t *testing.T, message string) {
	t.Helper()
	n.visible++
	if err := n.push(t.Context(), message, n.files()); err != nil {
		t.Fatal(err)
	}
}

// invoke calls a function as the Lambda service does, and returns what it answered.
func (l *Lab) invoke(ctx context.Context, function string, event any) (string, error) {
	payload, err := json.Marshal(event)
	if err != nil {
		return "", err
	}
	out, err := awslambda.NewFromConfig(l.Sandbox.Config()).Invoke(ctx, &awslambda.InvokeInput{FunctionName: aws.String("driftless-" + function), Payload: payload})
	if err != nil {
		return "", err
	}
	if out.FunctionError != nil {
		return "", errors.New(string(out.Payload))
	}
	return string(out.Payload), nil
}

// message is a message of the work queue as the reconciler gets it.
func message(body string) any {
	return map[string]any{"Records": []any{map[string]any{"messageId": "m-1", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
		"eventSourceARN": "arn:aws:sqs:" + sandbox.Region + ":" + sandbox.Account + ":driftless-work.fifo", "awsRegion": sandbox.Region, "attributes": map[string]string{}}}}
}

// look has the reconciler look at the lane's application, beside whatever the queue does.
func (n *Lane) look(ctx context.Context) error {
	_, err := n.lab.invoke(ctx, "reconciler", message(fmt.Sprintf(`{"application":%q,"reason":"another worker"}`, n.name)))
	return err
}

// executed holds live, the record and the stack against how often something was executed.
func (n *Lane) executed(t *testing.T, times int) {
	t.Helper()
	end, err := n.end(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%s %d", n.plain(n.queue), n.visible); end.Live != want {
		t.Errorf("live is %q, want %q", end.Live, want)
	}
	if end.Executions != times || len(end.ChangeSets) > 0 {
		t.Errorf("%d executions, want %d; change sets left: %v", end.Executions, times, end.ChangeSets)
	}
	if !strings.Contains(end.Application, `in flight "", ended Succeeded`) {
		t.Errorf("the application: %s", end.Application)
	}
}

func TestR2_AnEventTenTimesAndItsMessageTenTimesExecuteOnce(t *testing.T) {
	n := deployed(t, onCodeCommit)
	n.slower(t, "once")
	event := map[string]any{"version": "0", "id": "e", "source": "aws.codecommit", "detail-type": "CodeCommit Repository State Change",
		"account": sandbox.Account, "region": sandbox.Region, "resources": []string{"arn:aws:codecommit:" + sandbox.Region + ":" + sandbox.Account + ":" + n.name},
		"detail": map[string]any{"event": "referenceUpdated", "repositoryName": n.name, "referenceType": "branch", "referenceName": "main", "commitId": n.head()}}
	var workers sync.WaitGroup
	for range 10 {
		workers.Go(func() {
			if _, err := n.lab.invoke(t.Context(), "trigger", event); err != nil {
				t.Error(err)
			}
		})
		workers.Go(func() {
			if err := n.look(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	if err := n.ends(t.Context(), gitops.PhaseSucceeded); err != nil {
		t.Fatal(err)
	}
	n.executed(t, 2)
	if made := n.count("trigger", "SendMessageBatch"); made < 10 {
		t.Errorf("%d events were taken, want ten at least", made)
	}
}

func TestR8_AWebhookWhoseQueueHangsAnswersInTimeAndTheResyncDeploys(t *testing.T) {
	n := deployed(t, onGitHub)
	free := make(chan struct{})
	n.decides(func(s Site, _ sandbox.Request) sandbox.Fault {
		if s.Function == "webhook" && s.Service == "sqs" {
			<-free
			return sandbox.FaultReset
		}
		return sandbox.FaultNone
	})
	n.slower(t, "unheard")
	began := time.Now()
	err := n.deliver(t.Context())
	took := time.Since(began)
	close(free)
	if err != nil || took > 10*time.Second { // GitHub gives up after ten (docs.github.com, "Handling webhook deliveries")
		t.Errorf("answered after %s, %v", took, err)
	}
	if err := n.ends(t.Context(), gitops.PhaseSucceeded); err != nil {
		t.Fatal(err)
	}
	n.executed(t, 2)
}

func TestR9_AMessageThatComesAgainAfterItWasHandledChangesNothing(t *testing.T) {
	n := deployed(t, onCodeCommit)
	var mu sync.Mutex
	handled := map[string]bool{}
	n.decides(func(s Site, r sandbox.Request) sandbox.Fault {
		mu.Lock()
		defer mu.Unlock()
		if s.Function == "reconciler" {
			handled[string(r.Event)] = true
		}
		return sandbox.FaultNone
	})
	n.slower(t, "twice")
	if err := n.ends(t.Context(), gitops.PhaseSucceeded); err != nil {
		t.Fatal(err)
	}
	n.watch.hook.Store(nil)
	n.watch.begin()
	if len(handled) < 2 {
		t.Fatalf("%d messages were handled", len(handled))
	}
	for event := range handled {
		if answer, err := n.lab.invoke(t.Context(), "reconciler", json.RawMessage(event)); err != nil || strings.Contains(answer, "itemIdentifier") {
			t.Errorf("%s is answered %s, %v", event, answer, err)
		}
	}
	if made := n.changes(); len(made) > 0 {
		t.Errorf("the second time it calls %v", made)
	}
	n.executed(t, 2)
}

// A worker is held at a call until another one has finished everything, and a newer push too.
func TestR15_AWorkerThatWakesUpAfterEverythingIsDoneStartsNothing(t *testing.T) {
	for name, at := range map[string]func(Site, *Lane) bool{
		"before the plan's change set is made": func(s Site, _ *Lane) bool { return s.Action == "CreateChangeSet" },
		"before the intent to execute is saved": func(s Site, n *Lane) bool {
			return s.Action == "TransactWriteItems" && n.count("reconciler", "DescribeChangeSet") > 0
		},
		"before the change set is executed": func(s Site, _ *Lane) bool { return s.Action == "ExecuteChangeSet" },
	} {
		t.Run(name, func(t *testing.T) {
			n := deployed(t, onCodeCommit)
			free, held := make(chan struct{}), make(chan struct{})
			var one atomic.Bool
			n.decides(func(s Site, _ sandbox.Request) sandbox.Fault {
				if s.Function == "reconciler" && at(s, n) && one.CompareAndSwap(false, true) {
					close(held)
					<-free
				}
				return sandbox.FaultNone
			})
			n.slower(t, "held")
			select {
			case <-held:
			case <-time.After(patience):
				t.Fatal("no worker comes to where it is to be held")
			}
			others := func(message string) {
				t.Helper()
				if err := n.until(t.Context(), message, func() (bool, error) {
					if err := n.look(t.Context()); err != nil {
						return false, err
					}
					d, err := n.latest(t.Context())
					return d.Revision.Commit == n.head() && d.Phase == gitops.PhaseSucceeded, err
				}); err != nil {
					t.Fatal(err)
				}
			}
			others("another worker deploys it")
			n.slower(t, "newer")
			others("another worker deploys what is newer")
			close(free)
			if err := n.ends(t.Context(), gitops.PhaseSucceeded); err != nil {
				t.Fatal(err)
			}
			if err := n.quiet(t.Context()); err != nil {
				t.Fatal(err)
			}
			n.executed(t, 3)
		})
	}
}

// quiet waits until no function works for the lane any more: the queue is empty.
func (n *Lane) quiet(ctx context.Context) error {
	return n.until(ctx, "the queue is empty", func() (bool, error) {
		for _, attribute := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"} {
			if left, err := n.lab.Sandbox.QueueAttribute(ctx, "driftless-work.fifo", attribute); err != nil || left != "0" {
				return false, err
			}
		}
		return true, nil
	})
}

func TestR16_SeveralWorkersAtOnceExecuteOnce(t *testing.T) {
	n := deployed(t, onCodeCommit)
	const rounds = 3
	for range rounds {
		n.slower(t, "raced")
		if err := n.until(t.Context(), "the push is wanted", func() (bool, error) {
			a, err := n.lab.store.Application(t.Context(), n.name)
			return a.Wanted.Revision.Commit == n.head(), err
		}); err != nil {
			t.Fatal(err)
		}
		var workers sync.WaitGroup
		for range 5 {
			workers.Go(func() {
				if err := n.look(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		workers.Wait()
		if err := n.ends(t.Context(), gitops.PhaseSucceeded); err != nil {
			t.Fatal(err)
		}
	}
	n.executed(t, 1+rounds)
}

// Before each of the first writes of a rollout somebody else writes the same record.
func TestR20_AWriterThatIsOvertakenReadsAgain(t *testing.T) {
	n := deployed(t, onCodeCommit)
	overtaken := 0
	n.decides(func(s Site, _ sandbox.Request) sandbox.Fault {
		if s.Function != "reconciler" || s.Action != "UpdateItem" && s.Action != "TransactWriteItems" || overtaken >= 3 {
			return sandbox.FaultNone
		}
		if a, err := n.lab.store.Application(t.Context(), n.name); err == nil && n.lab.store.PutApplication(t.Context(), &a) == nil {
			overtaken++
		}
		if d, err := n.latest(t.Context()); err == nil && !d.Phase.Done() {
			_ = n.lab.store.PutDeployment(t.Context(), &d)
		}
		return sandbox.FaultNone
	})
	n.slower(t, "overtaken")
	if err := n.ends(t.Context(), gitops.PhaseSucceeded); err != nil {
		t.Fatal(err)
	}
	if overtaken == 0 {
		t.Error("nobody was overtaken")
	}
	n.executed(t, 2)
}

// written are the cases of one action in the step in which a push is planned and approved.
func written(t *testing.T, action string, kinds ...Kind) (cases []Case) {
	t.Helper()
	for _, s := range undisturbed(t).Sites {
		if s.Step == "push, review, approve" && s.Function == "reconciler" && s.Action == action {
			for _, k := range kinds {
				cases = append(cases, Case{s, k})
			}
		}
	}
	return cases
}

func TestR21_AWriteWhoseAnswerIsLostIsFoundToBeOnesOwn(t *testing.T) {
	cases := append(written(t, "TransactWriteItems", KindLost, KindGone), written(t, "UpdateItem", KindLost, KindGone)...)
	if sum := runCases(t, Width{Root: root, Labs: 1, Lanes: 6}, cases); sum.Covered < 3 {
		t.Errorf("only %d writes had their answer lost", sum.Covered)
	}
}

func TestR29b_AnExecutionWhoseAnswerOrWorkerIsLostIsNotRepeated(t *testing.T) {
	cases := written(t, "ExecuteChangeSet", KindLost, KindGone, KindKill, KindKillAfter)
	if sum := runCases(t, Width{Root: root, Labs: 1, Lanes: 6}, cases); sum.Covered != 1 {
		t.Errorf("%d executions were lost, want one", sum.Covered)
	}
}

// refusing plays a step while calls are refused for a while, and holds the end against that of
// the undisturbed run.
func refusing(t *testing.T, concerns func(Site) bool) {
	t.Helper()
	ref := undisturbed(t)
	n := deployed(t, onCodeCommit)
	const lasts, least = 6 * time.Second, 7 // longer than all attempts of the SDK take, and those of two calls
	var began time.Time                     // the first was refused
	var refused int
	var mu sync.Mutex
	n.decides(func(s Site, _ sandbox.Request) sandbox.Fault {
		mu.Lock()
		defer mu.Unlock()
		if s.Function == "api" || !concerns(s) || refused >= least && time.Since(began) > lasts {
			return sandbox.FaultNone
		}
		if refused++; refused == 1 {
			began = time.Now()
		}
		return sandbox.FaultThrottled
	})
	step := scenarios[0].steps[1]
	_, _, end, err := n.play(t.Context(), step)
	if err != nil {
		t.Fatal(err)
	}
	if diff := compare.Diff(ref.Ends[step.name], end); diff != "" {
		t.Errorf("ends in another way (-undisturbed +throttled):\n%s", diff)
	}
	if refused < least { // the SDK makes three attempts
		t.Errorf("only %d attempts were refused: the function did not call again", refused)
	}
}

func TestR22_ThrottlingThatLastsMarksNothingFailed(t *testing.T) {
	refusing(t, func(s Site) bool { return s.Service == "dynamodb" })
}

func TestR29g_RateExceededForAWhileIsNeverAFailure(t *testing.T) {
	refusing(t, func(s Site) bool { return s.Service == "cloudformation" && !strings.HasPrefix(s.Action, "Create") })
}

// whileDenied pushes while calls are denied, waits until that is told, and returns what was told.
func whileDenied(t *testing.T, n *Lane, service string, told func() (string, error)) string {
	t.Helper()
	var mended atomic.Bool
	n.decides(func(s Site, _ sandbox.Request) sandbox.Fault {
		if s.Function == "reconciler" && s.Service == service && !mended.Load() {
			return sandbox.FaultDenied
		}
		return sandbox.FaultNone
	})
	defer mended.Store(true)
	n.slower(t, "denied")
	var said string
	if err := n.until(t.Context(), "it is told", func() (ok bool, err error) {
		said, err = told()
		return said != "", err
	}); err != nil {
		t.Fatal(err)
	}
	return said
}

func TestR25_WithoutARightToTheTableNothingIsDeployed(t *testing.T) {
	n := deployed(t, onCodeCommit)
	looks := 0
	whileDenied(t, n, "dynamodb", func() (string, error) { // nobody can write it down: some looks have to do
		if looks++; looks < 4 {
			return "", nil
		}
		return "nothing", nil
	})
	for _, made := range n.changes() {
		if strings.HasSuffix(made, "ChangeSet") {
			t.Errorf("without a record it calls %s", made)
		}
	}
	if err := n.ends(t.Context(), gitops.PhaseSucceeded); err != nil {
		t.Fatal(err)
	}
	n.executed(t, 2)
}

func TestR55_ARoleThatMayNotBeAssumedBlocksAndIsNamed(t *testing.T) {
	n, err := lab(t).lane(t.Context(), scenario{host: onCodeCommit, engine: gitops.EngineCloudFormation})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.leave(context.Background()) })
	n.watch.begin()
	n.decides(func(s Site, _ sandbox.Request) sandbox.Fault {
		if s.Service == "sts" {
			return sandbox.FaultDenied
		}
		return sandbox.FaultNone
	})
	if err := n.add(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.ends(t.Context(), gitops.PhaseBlocked); err != nil {
		t.Fatal(err)
	}
	d, err := n.latest(t.Context())
	if err != nil || d.Phase != gitops.PhaseBlocked || !strings.Contains(d.Reason, ":role/") {
		t.Errorf("it ended %s %q, %v", d.Phase, d.Reason, err)
	}
	if made := n.count("reconciler", "AssumeRole"); made > 2 {
		t.Errorf("the role was asked for %d times", made)
	}
}

// A stack of more resources than fit onto a page has drifted, and the second page is not answered.
func TestR54_ASecondPageThatFailsPublishesNothing(t *testing.T) {
	n := deployed(t, onCodeCommit)
	const parameters = 101
	files := n.files()
	for i := range parameters {
		files["stacks/one/template.yaml"] += fmt.Sprintf("  P%d:\n    Type: AWS::SSM::Parameter\n    Properties: { Name: /%s/%d, Type: String, Value: x }\n", i, n.name, i)
	}
	if err := n.push(t.Context(), "many", files); err != nil {
		t.Fatal(err)
	}
	if err := n.ends(t.Context(), gitops.PhaseSucceeded); err != nil {
		t.Fatal(err)
	}
	before, err := n.lab.store.LatestReport(t.Context(), n.name)
	if err != nil || len(before.Resources) != parameters+1 {
		t.Fatalf("the report has %d resources, %v", len(before.Resources), err)
	}
	if err := n.setQueue(t.Context(), 77); err != nil {
		t.Fatal(err)
	}
	n.watch.begin()
	seen := map[string]bool{}
	pages := 0
	n.decides(func(s Site, r sandbox.Request) sandbox.Fault {
		if s.Action != "DescribeStackResourceDrifts" {
			return sandbox.FaultNone
		}
		if !seen[r.ID] {
			seen[r.ID] = true
			pages++
		}
		if pages == 2 {
			return sandbox.FaultThrottled
		}
		if now, err := n.lab.store.LatestReport(t.Context(), n.name); pages == 3 && (err != nil || !now.At.Equal(before.At)) {
			t.Errorf("a report of %d resources was published after half of it was read, %v", len(now.Resources), err)
		}
		return sandbox.FaultNone
	})
	if err := n.due(t.Context()); err != nil {
		t.Fatal(err)
	}
	var report gitops.DriftReport
	if err := n.until(t.Context(), "the drift is found", func() (bool, error) {
		var err error
		report, err = n.lab.store.LatestReport(t.Context(), n.name)
		return report.At.After(before.At), err
	}); err != nil {
		t.Fatal(err)
	}
	if s := report.Summary(); !s.Complete || s.Drifted != 1 || len(report.Resources) != parameters+1 {
		t.Errorf("the report has %d resources: %+v", len(report.Resources), s)
	}
	if pages < 4 {
		t.Errorf("%d pages were read, want two, and two again", pages)
	}
}

func TestR60_ABucketThatDeniesIsToldAndMessagesOfLastWeekAreHarmless(t *testing.T) {
	n := deployed(t, onCodeCommit)
	whileDenied(t, n, "s3", func() (string, error) {
		r, err := n.lab.store.Repository(t.Context(), n.id)
		if !strings.Contains(strings.ToLower(r.Trouble), "denied") {
			return "", err
		}
		return r.Trouble, err
	})
	if err := n.ends(t.Context(), gitops.PhaseSucceeded); err != nil {
		t.Fatal(err)
	}
	n.executed(t, 2)

	n.watch.begin()
	queue := sqs.NewFromConfig(n.lab.Sandbox.Config())
	url, err := queue.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("driftless-work.fifo")})
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range []string{fmt.Sprintf(`{"application":%q,"reason":"last week's"}`, n.name), fmt.Sprintf(`{"repository":%q,"reason":"last week's"}`, n.id),
		fmt.Sprintf(`{"application":%q,"reason":"of one that is gone"}`, n.name+"-gone")} {
		if _, err := queue.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url.QueueUrl, MessageBody: &body,
			MessageGroupId: aws.String(fmt.Sprint(i)), MessageDeduplicationId: aws.String(n.name + fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.quiet(t.Context()); err != nil {
		t.Fatal(err)
	}
	if made := n.changes(); len(made) > 0 {
		t.Errorf("old messages led to %v", made)
	}
	n.executed(t, 2)
}
