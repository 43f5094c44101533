package e2e_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// slowStack is how long a slow stack takes.
const slowStack = 8 * time.Second

// slow lets every stack take that long until its answer is called.
func slow(t *testing.T) (end func()) {
	t.Helper()
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	slowed := sandbox.DefaultTiming
	slowed.Stack = slowStack
	shared.Sandbox.SetTiming(slowed)
	return sync.OnceFunc(func() { shared.Sandbox.SetTiming(sandbox.DefaultTiming) })
}

// queueURL finds a queue by its name.
func queueURL(t *testing.T, name string) *string {
	t.Helper()
	out, err := sqs.NewFromConfig(config(t)).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	return out.QueueUrl
}

// say sends a text to the reconciler.
func say(t *testing.T, group, id, text string) {
	t.Helper()
	if _, err := sqs.NewFromConfig(config(t)).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queueURL(t, "driftless-work.fifo"),
		MessageBody: aws.String(text), MessageGroupId: aws.String(group), MessageDeduplicationId: aws.String(id)}); err != nil {
		t.Fatal(err)
	}
}

func TestR2_AMessageTenTimesAndForgedEventsDeployOnce(t *testing.T) {
	const name = "once"
	r := watch(t, mapFS(one(name, 5)))
	r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	r.set("stacks/once/template.yaml", queue(name, 6))
	commit := r.push("once")
	id := gitops.RepositoryID(r.url(), "main")
	for i := range 10 {
		say(t, id, fmt.Sprintf("r2-%d", i), fmt.Sprintf(`{"repository":%q,"reason":"again"}`, id))
	}
	r.ends(name, commit, gitops.PhaseSucceeded)

	// R4: whoever may put events on the bus says that another commit was pushed.
	detail := fmt.Sprintf(`{"event":"referenceUpdated","repositoryName":%q,"referenceType":"branch","referenceName":"main","commitId":%q,"callerUserArn":"$(id)"}`,
		r.name, strings.Repeat("f", 40))
	bus := eventbridge.NewFromConfig(config(t))
	for source, taken := range map[string]bool{"aws.codecommit": false, "evil.codecommit": true} {
		out, err := bus.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{Source: aws.String(source),
			DetailType: aws.String("CodeCommit Repository State Change"), Detail: aws.String(detail), Resources: []string{"arn:aws:codecommit:" + sandbox.Region + ":" + sandbox.Account + ":" + r.name}}}})
		if err != nil || (out.FailedEntryCount == 0) != taken {
			t.Errorf("an event of %s: %+v, %v", source, out, err)
		}
	}
	r.set("stacks/once/template.yaml", queue(name, 7))
	r.ends(name, r.push("after all that"), gitops.PhaseSucceeded)
	var commits []string
	for _, d := range r.history(name) {
		commits = append(commits, d.Revision.Commit)
	}
	if len(commits) != 3 || slices.Contains(commits, strings.Repeat("f", 40)) {
		t.Errorf("deployments of %v, want one of each of three commits", commits)
	}
}

func TestR5_OnlyASignedPushOfItsOwnRepositoryIsTaken(t *testing.T) {
	const name = "signed"
	h := host(t, "acme/signed", one(name, 5), "--forge", "github", "--token-file", token(t))
	other := host(t, "acme/signed-too", nil, "--forge", "github", "--token-file", token(t))
	head := h.commit("unheard", one(name, 6))
	body := fmt.Sprintf(`{"ref":"refs/heads/main","after":%q,"repository":{"clone_url":%q}}`, head, h.url()+".git")
	push := func(more ...string) map[string]string {
		header := map[string]string{"X-GitHub-Event": "push"}
		for i := 0; i < len(more); i += 2 {
			header[more[i]] = more[i+1]
		}
		return header
	}
	large := strings.Repeat(" ", 1<<20-len(body)) + body
	for what, c := range map[string]struct {
		body, secret string // the secret that it is signed with
		header       map[string]string
		status       int
	}{
		"R5: no signature":                  {body, "", push(), 401},
		"R5: a good SHA-1 alone":            {body, "", push("X-Hub-Signature", signature(sha1.New, "sha1=", h.secret, body)), 401},
		"R5: another repository's secret":   {body, other.secret, push(), 401},
		"R5: another repository's push":     {strings.ReplaceAll(body, "acme/signed", "acme/signed-too"), h.secret, push(), 401},
		"R7: a body of the cap is taken":    {large, h.secret, map[string]string{"X-GitHub-Event": "ping"}, 200},
		"R7: a body of a byte more":         {large + " ", h.secret, push(), 413},
		"R7: a body of nearly 6 MB":         {strings.Repeat("x", 6_000_000), h.secret, push(), 413},
		"R7: a body that is packed":         {body, h.secret, push("Content-Encoding", "gzip"), 400},
		"R7: a body of another charset":     {body, h.secret, push("Content-Type", "application/json; charset=utf-16"), 400},
		"R7: a form":                        {"payload=" + body, h.secret, push("Content-Type", "application/x-www-form-urlencoded"), 400},
		"R7: a body that is not UTF-8":      {"\xff\xfe" + body, h.secret, push(), 400},
		"R7: a body that claims to be JSON": {"[[[[", h.secret, push(), 400},
	} {
		if status, text := deliverWith(t, h.address, c.secret, c.body, c.header); status != c.status {
			t.Errorf("%s: answered %d %s, want %d", what, status, text, c.status)
		}
	}

	said := map[int]int{}
	for range 3 { // R6: a captured delivery verifies forever
		status, _ := deliver(t, h.address, h.secret, "signed-once", body)
		said[status]++
	}
	if said[http.StatusAccepted] != 1 || said[http.StatusOK] != 2 {
		t.Errorf("R6: three of one delivery were answered %v, want 202 once and 200 twice", said)
	}
	h.ends(name, head, gitops.PhaseSucceeded)
	if n := len(h.history(name)); n > 2 {
		t.Errorf("%d deployments, want those of two commits", n)
	}
}

// deliverWith posts a webhook of GitHub's with other headers, signed where there is a secret.
func deliverWith(t *testing.T, address, secret, body string, header map[string]string) (int, string) {
	t.Helper()
	if secret != "" {
		header["X-Hub-Signature-256"] = signature(sha256.New, "sha256=", secret, body)
	}
	return post(t, address, body, header)
}

// A message that nobody can read is tried five times and kept for a person, while everything
// else goes on.
func TestR11_APoisonedMessageIsSetAsideAndHoldsUpNobody(t *testing.T) {
	const name, dead, work = "healthy", "driftless-work-dlq.fifo", "driftless-work.fifo"
	r := watch(t, mapFS(one(name, 5)))
	box, queues := r.stage.Sandbox, sqs.NewFromConfig(config(t))
	wait, err := box.QueueAttribute(t.Context(), work, "VisibilityTimeout")
	r.must(err)
	r.must(box.SetQueueAttribute(t.Context(), work, "VisibilityTimeout", "1"))
	say(t, "poison", "r11", "\u2620 no JSON")
	r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	r.set("stacks/healthy/template.yaml", queue(name, 6))
	r.ends(name, r.push("meanwhile"), gitops.PhaseSucceeded)
	r.eventually("it is in the dead-letter queue", func() bool {
		n, err := box.QueueAttribute(t.Context(), dead, "ApproximateNumberOfMessages") // what the alarm watches
		return err == nil && n == "1"
	}, func() string { return "it is not" })
	r.must(box.SetQueueAttribute(t.Context(), work, "VisibilityTimeout", wait))
	out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queueURL(t, dead)})
	if err != nil || len(out.Messages) != 1 || aws.ToString(out.Messages[0].Body) != "\u2620 no JSON" {
		t.Fatalf("%+v, %v", out, err)
	}
	_, err = queues.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: queueURL(t, dead), ReceiptHandle: out.Messages[0].ReceiptHandle})
	r.must(err)
}

// Nobody hears of the push, neither the event's function nor the schedule's; both come back.
func TestR12_AFunctionWithoutConcurrencyStopsNothingForGood(t *testing.T) {
	const name = "throttled"
	r := watch(t, mapFS(one(name, 5)))
	r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	functions := lambda.NewFromConfig(config(t))
	stopped := []string{"driftless-trigger", "driftless-sweeper", "driftless-reconciler"}
	free := sync.OnceFunc(func() {
		for _, f := range stopped {
			_, err := functions.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String(f)})
			r.must(err)
		}
	})
	defer free()
	for _, f := range stopped {
		_, err := functions.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String(f), ReservedConcurrentExecutions: aws.Int32(0)})
		r.must(err)
	}
	r.set("stacks/throttled/template.yaml", queue(name, 6))
	commit := r.push("unheard")
	if _, err := functions.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("driftless-sweeper")}); err == nil {
		t.Error("the sweeper could be called")
	}
	if v, _ := r.app(name); v.Application.Wanted.Revision.Commit == commit {
		t.Error("somebody heard of the push")
	}
	free()
	r.ends(name, commit, gitops.PhaseSucceeded)
}

func TestR29h_ATemplateOfAMegabyteIsDeployedAndOneOfAByteMoreIsRefused(t *testing.T) {
	const name, most = "megabyte", 1_000_000
	sized := func(visibility, size int) string {
		template := queue(name, visibility)
		rest := size - len(template)
		return template + strings.Repeat(strings.Repeat("#", 99)+"\n", rest/100) + strings.Repeat("#", rest%100)
	}
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file(name), "stacks/megabyte/template.yaml": sized(5, most)}))
	r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	r.stage.Sandbox.Calls()
	r.set("stacks/megabyte/template.yaml", sized(6, most+1))
	v := r.ends(name, r.push("a byte more"), gitops.PhaseFailed)
	if why := v.Application.Ended.Reason; !strings.Contains(why, "stacks/megabyte/template.yaml: the file has 1000001 bytes; at most 1000000 are allowed") {
		t.Errorf("the reason is %q", why)
	}
	r.set("stacks/megabyte/template.yaml", sized(6, 1<<20+1))
	r.push("more than is read of any file")
	r.eventually("it is refused", func() bool { return len(r.repository().Problems) == 1 }, func() string { return describe(gitops.View{}, r.repository()) })
	if p := r.repository().Problems[0]; p.Application != name || !strings.Contains(p.Message, "stacks/megabyte/template.yaml: 1048577 bytes; at most 1 MiB is read") {
		t.Errorf("the problem is %+v", p)
	}
	for call := range r.stage.Sandbox.Calls() {
		if call.Action == "CreateChangeSet" {
			t.Errorf("%s was called by %s", call.Action, call.By)
		}
	}
	r.set("stacks/megabyte/template.yaml", sized(7, most))
	r.ends(name, r.push("as large as it may be"), gitops.PhaseSucceeded)
}
