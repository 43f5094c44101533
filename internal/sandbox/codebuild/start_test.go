package codebuild_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodebuild "github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/codebuild"
)

func TestAnIdempotencyTokenIsKeptForFiveMinutes(t *testing.T) {
	w := newWorld(t)
	w.project("jobs", spec("true"))
	under := func(token, order string) func(*awscodebuild.StartBuildInput) {
		return func(in *awscodebuild.StartBuildInput) {
			in.IdempotencyToken = aws.String(token)
			in.EnvironmentVariablesOverride = []types.EnvironmentVariable{{Name: aws.String("ORDER"), Value: aws.String(order)}}
		}
	}
	first := w.start("jobs", under("token", "a"))
	w.end(first)
	if again := w.start("jobs", under("token", "a")); *again.Id != *first.Id || again.BuildStatus != types.StatusTypeSucceeded {
		t.Errorf("the same request made %s, %s, not %s", *again.Id, again.BuildStatus, *first.Id)
	}
	in := &awscodebuild.StartBuildInput{ProjectName: aws.String("jobs")}
	under("token", "b")(in)
	if _, err := w.client.StartBuild(t.Context(), in); code(err) != "InvalidInputException" {
		t.Errorf("another request under the token: %v", err)
	}
	if other := w.start("jobs", under("other", "a")); *other.Id == *first.Id {
		t.Error("another token got the same build")
	}
	w.pass(5*time.Minute + time.Second)
	if later := w.start("jobs", under("token", "a")); *later.Id == *first.Id {
		t.Error("after five minutes the token still stands for its build")
	}
}

func TestOverridesHoldForTheOneBuild(t *testing.T) {
	w := newWorld(t)
	w.project("jobs", spec("echo of the project"))
	b := w.end(w.start("jobs", func(in *awscodebuild.StartBuildInput) {
		in.BuildspecOverride, in.ImageOverride = aws.String(spec("echo of the call $CODEBUILD_BUILD_IMAGE")), aws.String("other:1")
		in.TimeoutInMinutesOverride, in.QueuedTimeoutInMinutesOverride = aws.Int32(7), aws.Int32(8)
		in.ComputeTypeOverride, in.EnvironmentTypeOverride = types.ComputeTypeBuildGeneral1Large, types.EnvironmentTypeLinuxContainer
		in.PrivilegedModeOverride, in.EncryptionKeyOverride = aws.Bool(true), aws.String("alias/own")
	}))
	if !strings.Contains(w.log(b), "\nof the call other:1\n") || *b.TimeoutInMinutes != 7 || *b.QueuedTimeoutInMinutes != 8 ||
		b.Environment.ComputeType != types.ComputeTypeBuildGeneral1Large || !*b.Environment.PrivilegedMode || *b.EncryptionKey != "alias/own" {
		t.Errorf("the build has %+v and printed\n%s", b.Environment, w.log(b))
	}
	if log := w.log(w.end(w.start("jobs"))); !strings.Contains(log, "\nof the project\n") {
		t.Errorf("the next build printed\n%s", log)
	}
}

func TestABuildIsNotStarted(t *testing.T) {
	w := newWorld(t)
	w.project("jobs", spec("true"))
	for sentence, c := range map[string]struct {
		change     func(*awscodebuild.StartBuildInput)
		code, says string
	}{
		"of a project that is not there": {func(in *awscodebuild.StartBuildInput) { in.ProjectName = aws.String("none") },
			"ResourceNotFoundException", "arn:aws:codebuild:eu-west-1:123456789012:project/none"},
		"with a source": {func(in *awscodebuild.StartBuildInput) { in.SourceTypeOverride = types.SourceTypeGithub },
			"InvalidInputException", "source type GITHUB"},
		"with what is not had": {func(in *awscodebuild.StartBuildInput) { in.DebugSessionEnabled = aws.Bool(true) },
			"InvalidInputException", `does not support "debugSessionEnabled"`},
		"with a secret's variable": {func(in *awscodebuild.StartBuildInput) {
			in.EnvironmentVariablesOverride = []types.EnvironmentVariable{{Name: aws.String("A"), Value: aws.String("b"), Type: types.EnvironmentVariableTypeSecretsManager}}
		}, "InvalidInputException", "SECRETS_MANAGER (A)"},
		"for less than five minutes": {func(in *awscodebuild.StartBuildInput) { in.TimeoutInMinutesOverride = aws.Int32(4) },
			"InvalidInputException", "between 5 and 2160, not 4"},
		"to wait for more than eight hours": {func(in *awscodebuild.StartBuildInput) { in.QueuedTimeoutInMinutesOverride = aws.Int32(481) },
			"InvalidInputException", "between 5 and 480, not 481"},
	} {
		in := &awscodebuild.StartBuildInput{ProjectName: aws.String("jobs")}
		c.change(in)
		if _, err := w.client.StartBuild(t.Context(), in); code(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s with %q", sentence, err, c.code, c.says)
		}
	}
	out, err := w.client.ListBuildsForProject(t.Context(), &awscodebuild.ListBuildsForProjectInput{ProjectName: aws.String("jobs")})
	if err != nil || len(out.Ids) != 0 {
		t.Errorf("builds %v, error %v, want none", out, err)
	}
}

func TestBuildsWaitBeyondTheLimitAndAreRefusedBeyondTheQueue(t *testing.T) {
	w := newWorld(t)
	w.service.Limit(1)
	w.project("jobs", spec("sleep 100"))
	first := w.start("jobs")
	w.running(first)
	var queued []*types.Build
	for range 5 {
		queued = append(queued, w.start("jobs"))
	}
	if b := w.get(*queued[4].Id); *b.CurrentPhase != "QUEUED" || b.BuildStatus != types.StatusTypeInProgress {
		t.Errorf("the sixth is %s in %s", b.BuildStatus, *b.CurrentPhase)
	}
	in := &awscodebuild.StartBuildInput{ProjectName: aws.String("jobs")}
	if _, err := w.client.StartBuild(t.Context(), in); code(err) != "AccountLimitExceededException" || !strings.Contains(err.Error(), "Cannot have more than 5 builds in queue for the account") {
		t.Errorf("the seventh: %v", err)
	}
	out, err := w.client.StopBuild(t.Context(), &awscodebuild.StopBuildInput{Id: queued[0].Id})
	if err != nil || out.Build.BuildStatus != types.StatusTypeStopped || len(out.Build.Phases) != 3 || out.Build.Phases[1].PhaseStatus != types.StatusTypeStopped {
		t.Errorf("stopped in the queue: %v, %v", out, err)
	}
	w.start("jobs") // there is room again
	if _, err := w.client.StopBuild(t.Context(), &awscodebuild.StopBuildInput{Id: first.Arn}); err != nil {
		t.Fatal(err)
	}
	w.eventually("another one runs", func() bool {
		for _, b := range queued[1:] {
			if *w.get(*b.Id).CurrentPhase == "BUILD" {
				return true
			}
		}
		return false
	})
}

func TestQueuedBuildsStartInAnOrderThatNobodyKnows(t *testing.T) {
	w := newWorld(t)
	w.service.Limit(1)
	w.service.Hold(true)
	w.project("jobs", spec("true"))
	var asked []string
	for range 5 {
		asked = append(asked, *w.start("jobs").Arn)
	}
	w.service.Hold(false)
	var ran []string
	w.eventually("all five are over", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		ran = nil
		for _, e := range w.events {
			if e.detail["build-status"] == "SUCCEEDED" {
				ran = append(ran, e.detail["build-id"].(string))
			}
		}
		return len(ran) == 5
	})
	if cmp.Equal(asked, ran) {
		t.Error("they ran in the order in which they were started, with this seed")
	}
}

func TestABuildLeavesTheQueueAfterItsTimeOut(t *testing.T) {
	w := newWorld(t)
	w.service.SetTiming(codebuild.Timing{Minute: 10 * time.Millisecond})
	w.service.Hold(true)
	w.project("jobs", spec("true"), func(in *awscodebuild.CreateProjectInput) { in.QueuedTimeoutInMinutes = aws.Int32(5) })
	b := w.end(w.start("jobs"))
	if diff := cmp.Diff([]string{"SUBMITTED SUCCEEDED", "QUEUED TIMED_OUT", "COMPLETED "}, phases(b)); diff != "" || b.BuildStatus != types.StatusTypeTimedOut {
		t.Errorf("the build is %s: %s", b.BuildStatus, diff)
	}
	w.service.Hold(false)
	if got := w.get(*b.Id); *got.CurrentPhase != "COMPLETED" {
		t.Errorf("it went on to %s", *got.CurrentPhase)
	}
}

func TestAProjectsOwnLimitIsAnErrorAndNoQueue(t *testing.T) {
	w := newWorld(t)
	w.project("jobs", spec("sleep 100"), func(in *awscodebuild.CreateProjectInput) { in.ConcurrentBuildLimit = aws.Int32(1) })
	b := w.start("jobs")
	in := &awscodebuild.StartBuildInput{ProjectName: aws.String("jobs")}
	if _, err := w.client.StartBuild(t.Context(), in); code(err) != "AccountLimitExceededException" {
		t.Errorf("the second: %v", err)
	}
	if _, err := w.client.StopBuild(t.Context(), &awscodebuild.StopBuildInput{Id: b.Id}); err != nil {
		t.Fatal(err)
	}
	w.start("jobs")
}

func TestBuildsAreFoundByIdAndARNAndTheOthersNamed(t *testing.T) {
	w := newWorld(t)
	w.project("jobs", spec("true"))
	var ids []string
	for range 3 {
		ids = append([]string{*w.end(w.start("jobs")).Id}, ids...)
	}
	out, err := w.client.BatchGetBuilds(t.Context(), &awscodebuild.BatchGetBuildsInput{Ids: []string{ids[0], "arn:aws:codebuild:eu-west-1:123456789012:build/" + ids[1], "jobs:none"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Builds) != 2 || *out.Builds[1].Id != ids[1] || !cmp.Equal(out.BuildsNotFound, []string{"jobs:none"}) {
		t.Errorf("found %v, not %v", out.Builds, out.BuildsNotFound)
	}
	list, err := w.client.ListBuildsForProject(t.Context(), &awscodebuild.ListBuildsForProjectInput{ProjectName: aws.String("jobs")})
	if err != nil || !cmp.Equal(list.Ids, ids) {
		t.Errorf("listed %v, want the newest first %v, error %v", list, ids, err)
	}
	if _, err := w.client.RetryBuild(t.Context(), &awscodebuild.RetryBuildInput{Id: aws.String(ids[0])}); err == nil || !strings.Contains(err.Error(), "the sandbox's CodeBuild has no RetryBuild") {
		t.Errorf("RetryBuild: %v", err)
	}
	if _, err := w.client.StopBuild(t.Context(), &awscodebuild.StopBuildInput{Id: aws.String("jobs:none")}); code(err) != "ResourceNotFoundException" {
		t.Errorf("stopping what is not there: %v", err)
	}
}

func TestCredentialsAreForTheBuildAloneAndRenewed(t *testing.T) {
	w := newWorld(t)
	w.service.SetTiming(codebuild.Timing{Session: 10 * time.Second})
	w.project("jobs", spec("echo uri $AWS_CONTAINER_CREDENTIALS_FULL_URI token $AWS_CONTAINER_AUTHORIZATION_TOKEN; sleep 100"))
	b := w.start("jobs")
	w.running(b)
	w.logged(b, "uri ")
	_, line, _ := strings.Cut(w.log(b), "\nuri ")
	f := strings.Fields(line)
	if status, _ := fetch(t, f[0], "guessed"); status != http.StatusForbidden {
		t.Errorf("with another token the answer is %d", status)
	}
	if _, body := fetch(t, f[0], f[2]); !strings.Contains(body, `"AccessKeyId":"ASIA1"`) || !strings.Contains(body, `"RoleArn":"`+role+`"`) {
		t.Errorf("the answer is %s", body)
	}
	w.pass(6 * time.Second)
	if _, body := fetch(t, f[0], f[2]); !strings.Contains(body, `"AccessKeyId":"ASIA2"`) {
		t.Errorf("once half its life is over the answer is %s", body)
	}
	w.eventually("the shell, which has printed, is known to have started", func() bool { _, ok := w.service.Running("ASIA1"); return ok })
	for _, key := range []string{"ASIA1", "ASIA2"} {
		if r, ok := w.service.Running(key); !ok || r.ID != *b.Id || r.Project != "jobs" {
			t.Errorf("key %s belongs to %+v, %v", key, r, ok)
		}
	}
	r, _ := w.service.Running("ASIA1")
	r.Kill()
	if got := w.end(b); got.BuildStatus != types.StatusTypeFailed {
		t.Errorf("killed, the build is %s", got.BuildStatus)
	}
}

func fetch(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestTheSwitchesAreThrownOverHTTP(t *testing.T) {
	w := newWorld(t)
	w.project("jobs", spec("true"))
	post := func(path, body string) (int, string) {
		resp, err := http.Post(w.url+codebuild.ControlPath+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	for _, c := range []struct{ path, body string }{{"hold?on=true", ""}, {"fault?project=jobs", ""}, {"limit?builds=2", ""},
		{"logs?lose=true", ""}, {"timing", `{"minute":"1s","grace":"2s"}`}, {"hold?on=false", ""}} {
		if status, text := post(c.path, c.body); status != http.StatusOK {
			t.Errorf("%s: %d %s", c.path, status, text)
		}
	}
	if b := w.end(w.start("jobs")); b.BuildStatus != types.StatusTypeFault || b.Logs != nil {
		t.Errorf("the build is %s, its logs %v", b.BuildStatus, b.Logs)
	}
	for _, c := range []struct{ path, body string }{{"hold", ""}, {"limit?builds=0", ""}, {"timing", `{"minute":"-1s"}`}, {"timing", `{"hour":"1s"}`}, {"nothing", ""}} {
		if status, _ := post(c.path, c.body); status != http.StatusBadRequest {
			t.Errorf("%s %s: %d, want 400", c.path, c.body, status)
		}
	}
}
