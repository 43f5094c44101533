package notify_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/notify"
)

var update = flag.Bool("update", false, "write the golden files anew")

const stackARN = "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-jobs/9a8b7c6d"

// deployment returns one in a phase, as the reconciler leaves it there.
func deployment(p gitops.Phase) gitops.Deployment {
	return gitops.Deployment{
		ID: "01A", Application: "jobs", Repository: "r1", Kind: gitops.KindDeploy, Phase: p, Reason: reasons[p],
		Revision: gitops.Revision{Branch: "main", Commit: commit}, Settings: gitops.Settings{Target: target},
	}
}

var (
	commit  = strings.Repeat("a1", 20)
	target  = gitops.Target{Account: "111122223333", Region: "eu-west-1"}
	plan    = gitops.PlanSummary{Digest: "p", Add: 2, Modify: 1, Replace: 1, Remove: 3, Import: 1}
	reasons = map[gitops.Phase]string{
		gitops.PhasePending: "git has main@sha1:a1a1a1a", gitops.PhasePlanning: "a new deployment",
		gitops.PhaseAwaitingApproval: "the plan replaces or removes resources", gitops.PhaseApplying: "approved by ann",
		gitops.PhaseVerifying: "applied", gitops.PhaseRollingBack: "verify: http 500",
		gitops.PhaseSucceeded: "applied and in sync", gitops.PhaseFailed: "SQSQueue: CREATE_FAILED\n(already exists)",
		gitops.PhaseSuperseded: "git has the newer main@sha1:b2b2b2b", gitops.PhaseRejected: "rejected by ann: not today",
		gitops.PhaseBlocked: "arn:aws:iam::111122223333:role/driftless-deploy may not cloudformation:CreateChangeSet",
	}
)

func TestEveryPhaseIsShown(t *testing.T) {
	var b strings.Builder
	b.WriteString("# What is shown of a deployment: phase, what is known => state: description\n\n")
	for _, p := range gitops.Phases() {
		for _, c := range []struct {
			known string
			set   func(*gitops.Deployment)
		}{
			{"no plan", func(*gitops.Deployment) {}},
			{"a plan", func(d *gitops.Deployment) { d.Plan = plan }},
			{"a plan without changes", func(d *gitops.Deployment) { d.Plan.Digest = "p" }},
			{"progress", func(d *gitops.Deployment) { d.Plan, d.Progress = plan, "suspended by ann: a holiday" }},
			{"a revert", func(d *gitops.Deployment) { d.Plan, d.Kind = plan, gitops.KindRevert }},
		} {
			d := deployment(p)
			c.set(&d)
			s := notify.Deployment(d)
			fmt.Fprintf(&b, "%-16s %-22s => %s: %s\n", p, c.known, s.State, s.Description)
		}
	}
	golden(t, "status.golden", b.String())
}

func TestADeploymentEndsItsStatusAndOnlyThen(t *testing.T) {
	for _, p := range gitops.Phases() {
		state := notify.Deployment(deployment(p)).State
		if open := state == forge.StatePending || state == forge.StateRunning; open == p.Done() {
			t.Errorf("%s is shown as %s", p, state)
		}
	}
	if s := notify.Deployment(deployment("Paused")); s.State != forge.StateError || !strings.Contains(s.Description, "Paused") {
		t.Errorf("a phase of a later version is shown as %+v", s)
	}
}

func TestTheLinkLeadsToTheStack(t *testing.T) {
	const escaped = "%3Acloudformation%3A"
	for name, c := range map[string]struct{ region, stack, want string }{
		"a stack": {"eu-west-1", stackARN,
			"https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/events?stackId=arn%3Aaws%3Acloudformation%3Aeu-west-1%3A111122223333%3Astack%2Fprod-jobs%2F9a8b7c6d"},
		"no stack yet": {"us-east-1", "", "https://us-east-1.console.aws.amazon.com/cloudformation/home?region=us-east-1#/stacks"},
		"China": {"cn-north-1", "arn:aws-cn:cloudformation:x",
			"https://cn-north-1.console.amazonaws.cn/cloudformation/home?region=cn-north-1#/stacks/events?stackId=arn%3Aaws-cn" + escaped + "x"},
		"GovCloud": {"us-gov-west-1", "arn:aws-us-gov:cloudformation:x",
			"https://us-gov-west-1.console.amazonaws-us-gov.com/cloudformation/home?region=us-gov-west-1#/stacks/events?stackId=arn%3Aaws-us-gov" + escaped + "x"},
		"a partition whose console nobody knows": {"eusc-de-east-1", "", ""},
		"an isolated partition":                  {"us-iso-east-1", "", ""},
		"another isolated partition":             {"us-isob-east-1", "", ""},
		"what is no region":                      {"evil.example/#", stackARN, ""},
		"no region":                              {"", stackARN, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := deployment(gitops.PhaseApplying)
			d.Settings.Target.Region, d.Operation.StackID = c.region, c.stack
			if diff := cmp.Diff(c.want, notify.Deployment(d).URL); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestWhatIsShownIsOnePrintableLine(t *testing.T) {
	d := deployment(gitops.PhaseFailed)
	d.Reason = "a\tb\r\n\n c \x1b[31m\u202egnp.exe\x00 d"
	s := notify.Deployment(d)
	if strings.ContainsFunc(s.Description, func(r rune) bool { return unicode.IsControl(r) || r == '\u202e' }) {
		t.Errorf("%q drives a terminal", s.Description)
	}
	if !strings.HasPrefix(s.Description, "a b c ") {
		t.Errorf("%q is no longer readable", s.Description)
	}
}

func TestPeopleAndRolesAreShownByName(t *testing.T) {
	for reason, want := range map[string]string{
		"rejected by arn:aws:sts::111122223333:assumed-role/Deployer/ann@example.com: not today":            "rejected by ann@example.com: not today",
		"asked for by arn:aws-us-gov:iam::111122223333:user/team/ann.":                                      "asked for by ann.",
		"arn:aws:iam::111122223333:role/driftless-deploy may not do it (User: arn:aws:iam::1:user/bob, no)": "driftless-deploy may not do it (User: bob, no)",
		"arn:aws:sqs:eu-west-1:111122223333:jobs is there already":                                          "arn:aws:sqs:eu-west-1:111122223333:jobs is there already",
	} {
		d := deployment(gitops.PhaseFailed)
		d.Reason = reason
		if diff := cmp.Diff(want, notify.Deployment(d).Description); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func TestARepositoryIsShownOnTheCommitThatWasLookedAt(t *testing.T) {
	problem := func(app, message string) gitops.Problem {
		return gitops.Problem{Application: app, File: "driftless.yaml", Line: 14, Column: 7, Message: message}
	}
	next := strings.Repeat("b2", 20)
	for name, c := range map[string]struct {
		change func(*gitops.Repository)
		want   forge.Status // without a commit: nothing is shown
	}{
		"all is well": {func(*gitops.Repository) {},
			forge.Status{Commit: commit, State: forge.StateSuccess, Description: "the configuration is sound, with 0 applications: each is shown on the commits that change it"}},
		"one application": {func(r *gitops.Repository) { r.Applications = []string{"jobs"} },
			forge.Status{Commit: commit, State: forge.StateSuccess, Description: "the configuration is sound, with 1 application: each is shown on the commits that change it"}},
		"a problem": {func(r *gitops.Repository) { r.Problems = []gitops.Problem{problem("", "unknown key")} },
			forge.Status{Commit: commit, State: forge.StateFailure, Description: "driftless.yaml:14:7: unknown key"}},
		"the whole file's problem before an application's": {func(r *gitops.Repository) {
			r.Problems = []gitops.Problem{problem("jobs", "no template"), problem("", "unknown\nkey"), problem("", "b")}
		}, forge.Status{Commit: commit, State: forge.StateFailure, Description: "driftless.yaml:14:7: unknown key (and 2 more)"}},
		"an application's problem names it": {func(r *gitops.Repository) {
			r.Problems = []gitops.Problem{{Application: "jobs", Message: "no template"}}
		},
			forge.Status{Commit: commit, State: forge.StateFailure, Description: "jobs: no template"}},
		"a commit that cannot be read": {func(r *gitops.Repository) { r.Observing, r.Trouble = gitops.Observing{N: 4, Commit: next}, "503" },
			forge.Status{Commit: next, State: forge.StateError, Description: "could not be read yet: 503"}},
		"credentials that are not there": {func(r *gitops.Repository) {
			r.URL, r.Observing = "https://github.com/acme/infra", gitops.Observing{N: 4, Commit: next}
			r.Trouble = "read head of main: read credentials of https://github.com/acme/infra: there is no ssm:/driftless/git/0123456789abcdef: access denied"
		}, forge.Status{Commit: next, State: forge.StateError, Description: "could not be read yet: there is no ssm:/driftless/git/0123456789abcdef: access denied"}},
		"credentials that are refused": {func(r *gitops.Repository) {
			r.URL, r.Observing = "https://github.com/acme/infra.git", gitops.Observing{N: 4, Commit: next}
			r.Trouble = "read commit a1a1a1a: repository https://github.com/acme/infra refuses the credentials (401): access denied"
		}, forge.Status{Commit: next, State: forge.StateError, Description: "could not be read yet: repository refuses the credentials (401): access denied"}},
		"trouble before any news":    {func(r *gitops.Repository) { r.Trouble = "401" }, forge.Status{Commit: commit, State: forge.StateSuccess, Description: "the configuration is sound, with 0 applications: each is shown on the commits that change it"}},
		"a look that has just begun": {func(r *gitops.Repository) { r.Observing = gitops.Observing{N: 4, Commit: next} }, forge.Status{}},
		"nothing was ever looked at": {func(r *gitops.Repository) { *r = gitops.Repository{ID: "r1"} }, forge.Status{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := gitops.Repository{ID: "r1", Observing: gitops.Observing{N: 3, Commit: commit}, Done: 3, Head: gitops.Revision{Commit: commit}}
			c.change(&r)
			got, ok := notify.Repository(r)
			if ok != (c.want.Commit != "") {
				t.Fatalf("something is shown: %v, %+v", ok, got)
			}
			c.want.Context = "driftless"
			if diff := cmp.Diff(c.want, got); ok && diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); go test -update writes it anew\n%s", path, diff)
	}
}
