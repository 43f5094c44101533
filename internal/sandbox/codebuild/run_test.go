package codebuild_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodebuild "github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/codebuild"
)

func TestABuildRunsItsCommandsThroughItsPhasesAndTellsOfThem(t *testing.T) {
	w := newWorld(t)
	w.project("jobs", `
version: 0.2
env: { variables: { GREETING: from the buildspec, NAME: from the buildspec } }
phases:
  install: { commands: [ "cd $TMPDIR", "export KEPT='two words'" ] }
  build: { commands: [ 'echo "$GREETING, $NAME, $KEPT, $(pwd)"', "echo $CODEBUILD_BUILD_ID $AWS_REGION" ], finally: [ "echo finally" ] }
  post_build: { commands: [ "echo succeeding $CODEBUILD_BUILD_SUCCEEDING" ] }
`)
	b := w.end(w.start("jobs", func(in *awscodebuild.StartBuildInput) {
		in.EnvironmentVariablesOverride = []types.EnvironmentVariable{{Name: aws.String("NAME"), Value: aws.String("from the call")}}
	}))
	if b.BuildStatus != types.StatusTypeSucceeded || !b.BuildComplete || *b.BuildNumber != 1 || *b.Initiator != "reconciler/one" {
		t.Errorf("the build is %s, complete %v, number %d, by %s", b.BuildStatus, b.BuildComplete, *b.BuildNumber, *b.Initiator)
	}
	want := []string{"SUBMITTED SUCCEEDED", "QUEUED SUCCEEDED", "PROVISIONING SUCCEEDED", "DOWNLOAD_SOURCE SUCCEEDED", "INSTALL SUCCEEDED",
		"PRE_BUILD SUCCEEDED", "BUILD SUCCEEDED", "POST_BUILD SUCCEEDED", "UPLOAD_ARTIFACTS SUCCEEDED", "FINALIZING SUCCEEDED", "COMPLETED "}
	if diff := cmp.Diff(want, phases(b)); diff != "" {
		t.Error(diff)
	}
	if out, err := w.client.StopBuild(t.Context(), &awscodebuild.StopBuildInput{Id: b.Id}); err != nil || out.Build.BuildStatus != types.StatusTypeSucceeded {
		t.Errorf("stopping what is over: %v, %v", out, err)
	}
	log := w.log(b)
	for _, line := range []string{"from the buildspec, from the call, two words, ", "/tmp\n", *b.Id + " eu-west-1\n", "\nfinally\n", "succeeding 1\n"} {
		if !strings.Contains(log, line) {
			t.Errorf("no %q in the log:\n%s", line, log)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var told []string
	for _, e := range w.events {
		if e.kind == "CodeBuild Build State Change" {
			told = append(told, e.detail["build-status"].(string)+" "+e.detail["current-phase"].(string))
		} else {
			told = append(told, e.detail["completed-phase"].(string))
		}
	}
	want = []string{"IN_PROGRESS SUBMITTED", "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD",
		"POST_BUILD", "UPLOAD_ARTIFACTS", "FINALIZING", "SUCCEEDED COMPLETED"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestAFailedCommandEndsItsPhase(t *testing.T) {
	const withPost = "\n  post_build: { commands: [ 'echo post $CODEBUILD_BUILD_SUCCEEDING' ] }\n"
	for sentence, c := range map[string]struct {
		phases, logged, unlogged, failed, context string
	}{
		"in install nothing else runs": {"install: { commands: [ 'exit 3', 'echo never' ] }" + withPost, "", "post 0", "INSTALL", "Reason: exit status 3"},
		"in pre_build only its finally runs": {"pre_build: { commands: [ 'false' ], finally: [ 'echo after' ] }" + withPost,
			"after", "post 0", "PRE_BUILD", "Error while executing command: false."},
		"in build post_build still runs": {"build: { commands: [ 'false', 'echo never' ] }" + withPost, "post 0", "never", "BUILD", "exit status 1"},
		"killed it has failed":           {"build: { commands: [ 'kill -KILL $$' ] }", "", "never", "BUILD", "signal: killed"},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t)
			w.project("jobs", "version: 0.2\nphases:\n  "+c.phases)
			b := w.end(w.start("jobs"))
			if b.BuildStatus != types.StatusTypeFailed {
				t.Errorf("the build is %s, want FAILED", b.BuildStatus)
			}
			for _, p := range b.Phases {
				if string(p.PhaseType) == c.failed && (p.PhaseStatus != "FAILED" || !strings.Contains(*p.Contexts[0].Message, c.context)) {
					t.Errorf("%s is %s: %+v", p.PhaseType, p.PhaseStatus, p.Contexts)
				}
			}
			log := w.log(b)
			lines := strings.Split(log, "\n")
			if c.logged != "" && !slices.Contains(lines, c.logged) || slices.Contains(lines, c.unlogged) {
				t.Errorf("the log is\n%s", log)
			}
		})
	}
}

func TestABuildWithoutAUsableBuildspecFailsAndSaysWhy(t *testing.T) {
	for sentence, c := range map[string]struct{ buildspec, want string }{
		"that is no YAML":          {"version: [", "read buildspec: yaml:"},
		"of another version":       {"version: 0.1\n", `version is "0.1"`},
		"with what is not had":     {"version: 0.2\nreports: {}\n", "line 2: the sandbox's CodeBuild does not support reports"},
		"with a shell that is not": {"version: 0.2\nenv: { shell: powershell.exe }\n", "it has sh and bash"},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t)
			w.project("jobs", c.buildspec)
			b := w.end(w.start("jobs"))
			p := b.Phases[3]
			if b.BuildStatus != "FAILED" || p.PhaseType != "DOWNLOAD_SOURCE" || *p.Contexts[0].StatusCode != "YAML_FILE_ERROR" || !strings.Contains(*p.Contexts[0].Message, strings.TrimPrefix(c.want, "it ")) {
				t.Errorf("%s, %s: %+v", b.BuildStatus, p.PhaseType, p.Contexts)
			}
		})
	}
}

func TestABuildGetsNothingOfThisProgramsEnvironmentButAFewNames(t *testing.T) {
	t.Setenv("SECRET_OF_THE_SANDBOX", "planted")
	w := newWorldWithEnv(t)
	w.project("jobs", spec("env"))
	log := w.log(w.end(w.start("jobs")))
	if strings.Contains(log, "planted") || !strings.Contains(log, "\nPATH=") || !strings.Contains(log, "\nAWS_ENDPOINT_URL="+w.url) {
		t.Errorf("the environment is\n%s", log)
	}
}

func TestAStoppedBuildIsOverAtOnceAndItsProcessHasTheGrace(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "ended")
	w.project("jobs", spec("sh -c 'trap \"echo clean > "+file+"; exit 0\" TERM; echo up; while :; do sleep 0.05; done'"))
	b := w.start("jobs")
	w.running(b)
	w.logged(b, "up")
	out, err := w.client.StopBuild(t.Context(), &awscodebuild.StopBuildInput{Id: b.Id})
	if err != nil {
		t.Fatal(err)
	}
	if out.Build.BuildStatus != types.StatusTypeStopped || !out.Build.BuildComplete {
		t.Errorf("stopping answers %s, complete %v", out.Build.BuildStatus, out.Build.BuildComplete)
	}
	w.eventually("the process ends by itself", func() bool { _, err := os.Stat(file); return err == nil })
	if got := w.end(b); got.Phases[6].PhaseStatus != types.StatusTypeStopped {
		t.Errorf("the phases are %v", phases(got))
	}
	again, err := w.client.StopBuild(t.Context(), &awscodebuild.StopBuildInput{Id: b.Id})
	if err != nil || again.Build.BuildStatus != types.StatusTypeStopped {
		t.Errorf("stopping again: %v, %v", again, err)
	}
}

func TestABuildThatTakesTooLongIsKilledAfterTheGrace(t *testing.T) {
	w := newWorld(t)
	w.service.SetTiming(codebuild.Timing{Minute: 60 * time.Millisecond, Grace: 50 * time.Millisecond})
	w.project("jobs", spec("trap '' TERM; echo pid $$ pid; while :; do sleep 0.05; done"), func(in *awscodebuild.CreateProjectInput) { in.TimeoutInMinutes = aws.Int32(5) })
	b := w.end(w.start("jobs"))
	last := b.Phases[len(b.Phases)-2]
	if b.BuildStatus != types.StatusTypeTimedOut || last.PhaseType != "BUILD" || last.PhaseStatus != types.StatusTypeTimedOut {
		t.Errorf("the build is %s, its phases are %v", b.BuildStatus, phases(b))
	}
	w.gone(b)
}

func TestBuildsEndWithTheService(t *testing.T) {
	w := newWorld(t)
	w.project("jobs", spec("echo pid $$ pid; sleep 1000"))
	b := w.start("jobs")
	w.running(b)
	w.logged(b, "pid ")
	w.service.Close()
	w.gone(b)
}

func TestALostLogAndAFaultHappenAsToldTo(t *testing.T) {
	w := newWorld(t)
	w.project("jobs", spec("echo hello"))
	w.service.Fault("jobs")
	if b := w.end(w.start("jobs")); b.BuildStatus != types.StatusTypeFault || b.Phases[2].PhaseStatus != types.StatusTypeFault || len(b.Phases) != 4 {
		t.Errorf("the build is %s: %v", b.BuildStatus, phases(b))
	}
	w.service.LoseLogs(true)
	b := w.end(w.start("jobs"))
	if b.BuildStatus != types.StatusTypeSucceeded || b.Logs != nil {
		t.Errorf("the build is %s with logs %+v", b.BuildStatus, b.Logs)
	}
	if text, err := w.service.Log(*b.Id); err == nil {
		t.Errorf("it has a log: %q", text)
	}
}

func newWorldWithEnv(t *testing.T) *world { // a test that sets variables runs alone
	t.Helper()
	return makeWorld(t)
}

// logged waits until a build has printed something.
func (w *world) logged(b *types.Build, text string) {
	w.t.Helper()
	w.eventually("the build prints "+text, func() bool {
		log, err := w.service.Log(*b.Id)
		return err == nil && strings.Contains(log, "\n"+text)
	})
}

func (w *world) eventually(what string, is func() bool) {
	w.t.Helper()
	tick, limit := time.NewTicker(10*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-limit:
			w.t.Fatal("not within 20 s: " + what)
		}
	}
}

// gone checks that the process which printed its number runs no more.
func (w *world) gone(b *types.Build) {
	w.t.Helper()
	for _, line := range strings.Split(w.log(b), "\n") {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "pid" && f[2] == "pid" {
			var pid int
			for _, c := range f[1] {
				pid = pid*10 + int(c-'0')
			}
			w.eventually("its process is gone", func() bool { return syscall.Kill(pid, 0) != nil })
			return
		}
	}
	w.t.Errorf("no process in the log:\n%s", w.log(b))
}

func TestABuildIsUnfinishedUntilItIsOverAndTellsWhatItWasGiven(t *testing.T) {
	w := newWorld(t)
	w.project("jobs", spec("echo up; sleep 1000"))
	b := w.start("jobs", func(in *awscodebuild.StartBuildInput) {
		in.EnvironmentVariablesOverride = []types.EnvironmentVariable{{Name: aws.String("ORDER"), Value: aws.String("one")}}
	})
	w.logged(b, "up")
	all := w.service.Unfinished()
	if len(all) != 1 || all[0].ID != *b.Id || all[0].Project != "jobs" || all[0].Variables["ORDER"] != "one" {
		t.Fatalf("unfinished are %+v", all)
	}
	all[0].Kill()
	if got := w.end(b); got.BuildStatus != types.StatusTypeFailed || len(w.service.Unfinished()) != 0 {
		t.Errorf("the killed build is %s, unfinished are %+v", got.BuildStatus, w.service.Unfinished())
	}
}
