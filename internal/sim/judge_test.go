package sim

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Where the judge lets something pass, a test has the history for which it does, and the
// nearest ones that are to be reported all the same.

// judged returns a world in which nothing happens but what a test does.
func judged(t *testing.T, apps ...App) *world {
	t.Helper()
	w := newWorld(Plan{Knobs: &Knobs{Apps: apps, Workers: 1, Latency: time.Second, Page: 100, Forgets: time.Hour,
		ChangeOf: time.Second, ExecOf: time.Second, DetectOf: time.Second}}, nil)
	t.Cleanup(w.close)
	return w
}

// finds fails unless the judge found an invariant broken, or none where none is named.
func (w *world) finds(t *testing.T, invariant string) {
	t.Helper()
	found := ""
	if w.judge.found != nil {
		found = w.judge.found.Invariant
	}
	if found != invariant {
		t.Errorf("found %q (%v), want %q", found, w.judge.found, invariant)
	}
}

// as lets something happen in the name of a process, which is returned.
func (w *world) as(p *process, do func()) *process {
	p.w, p.dead, p.sure = w, new(bool), 2
	w.running = p
	do()
	w.running = nil
	return p
}

// plans makes a change set of the stack of jobs that AWS needs a time to work out.
func (w *world) plans(token, content string, takes time.Duration) (arn string) {
	w.cloud.Pace.ChangeSet = func() time.Duration { return takes }
	kind := types.ChangeSetTypeCreate
	if s, there := w.cloud.Stack("prod-jobs"); there && s.Status != types.StackStatusReviewInProgress {
		kind = types.ChangeSetTypeUpdate
	}
	out, err := w.cloud.CreateChangeSet(context.Background(), &sdk.CreateChangeSetInput{StackName: aws.String("prod-jobs"), ChangeSetName: &token,
		ClientToken: &token, ChangeSetType: kind, TemplateBody: aws.String(template(App{}, content))})
	if err != nil {
		w.violate("panic", "%s", err)
		return ""
	}
	return *out.Id
}

// runs brings the stack of jobs to a content.
func (w *world) runs(content string) {
	w.cloud.Created, w.cloud.Executed = nil, nil
	arn := w.plans("driftless-01Z-1", content, time.Second)
	w.until(w.at + time.Minute)
	if _, err := w.cloud.ExecuteChangeSet(context.Background(), &sdk.ExecuteChangeSetInput{ChangeSetName: &arn, DisableRollback: aws.Bool(false)}); err != nil {
		w.violate("panic", "%s", err)
	}
	w.until(w.at + time.Minute)
}

func planned(n int) gitops.Deployment {
	return gitops.Deployment{ID: "01A", Application: "jobs", Kind: gitops.KindDeploy, Phase: gitops.PhasePlanning, Seq: 1,
		Operation: gitops.Operation{N: n, Kind: gitops.OperationPlan, Token: gitops.Token("01A", n)}}
}

func over(d gitops.Deployment) gitops.Deployment {
	d.Phase, d.Reason = gitops.PhaseFailed, "it failed"
	return d
}

// applied is a deployment that applies what was planned under the name of its plan.
func applied(d gitops.Deployment) gitops.Deployment {
	d.Phase, d.Operation.Kind = gitops.PhaseApplying, gitops.OperationApply
	return d
}

// known is a deployment whose plan was seen, as another change set of the name.
func known(d gitops.Deployment) gitops.Deployment {
	d.Operation.ID = "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/driftless-01A-1/9999"
	return d
}

func TestAChangeSetStaysOnlyWhereNobodyCouldHaveRemovedIt(t *testing.T) {
	for name, test := range map[string]struct {
		takes     time.Duration
		then      func(gitops.Deployment) gitops.Deployment // the deployment, when the change set is made; nil: planned
		dies      bool                                      // its maker, afterwards
		shell     bool                                      // the change set is removed, and the stack that came with it stays
		invariant string
	}{
		"it came too late, and its maker died":                      {time.Second, over, true, false, ""},
		"it came too late, and its maker lived":                     {time.Second, over, false, false, "I4"},
		"it came too late, and AWS took too long":                   {retracting + 1, over, false, false, ""},
		"it came too late, and AWS took as long as anybody waits":   {retracting, over, false, false, "I4"},
		"it came in time, and its maker died":                       {time.Second, nil, true, false, "I4"},
		"it came in time, and AWS took too long":                    {time.Minute, nil, false, false, "I4"},
		"its plan was known by then, and AWS took too long":         {time.Minute, known, false, false, ""},
		"its plan was known by then, and its maker lived":           {time.Second, known, false, false, "I4"},
		"its shell stays, for its maker died before it removed it":  {time.Second, over, true, true, ""},
		"its shell stays, and its maker lived":                      {time.Second, over, false, true, "I4"},
		"its shell stays, and the change set had come in time":      {time.Second, nil, true, true, "I4"},
		"its shell stays, and it came in time, which AWS took long": {time.Minute, nil, false, true, "I4"},
	} {
		t.Run(name, func(t *testing.T) {
			w, d := judged(t), planned(1)
			w.judge.changed(nil, d)
			now := d
			if test.then != nil {
				now = test.then(d)
				w.judge.changed(d, now)
			}
			p := w.as(&process{}, func() { w.plans(d.Operation.Token, "1", test.takes) })
			p.knows("Deployment")
			*p.dead = test.dies
			w.until(w.at + 2*time.Minute)
			if test.shell {
				_, _ = w.cloud.DeleteChangeSet(t.Context(), &sdk.DeleteChangeSetInput{StackName: aws.String("prod-jobs"), ChangeSetName: &d.Operation.Token})
			}
			if !now.Phase.Done() {
				w.judge.changed(now, over(now))
			}
			w.ended()
			w.finds(t, test.invariant)
		})
	}
}

func TestAChangeSetCameTooLateWhereItsDeploymentEndedBeforeItWasWrittenDown(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(w *world, maker *process, d gitops.Deployment) gitops.Deployment // what becomes of the deployment before it ends
		invariant string
	}{
		"it ended": {func(_ *world, _ *process, d gitops.Deployment) gitops.Deployment { return d }, ""},
		"its maker had written it down": {func(w *world, maker *process, d gitops.Deployment) gitops.Deployment {
			w.running = maker
			w.judge.changed(d, d)
			return d
		}, "I4"},
		"its maker had seen that it was the deployment's own": {func(_ *world, maker *process, d gitops.Deployment) gitops.Deployment {
			maker.knows("Deployment")
			return d
		}, "I4"},
		"its maker had died": {func(_ *world, maker *process, d gitops.Deployment) gitops.Deployment {
			*maker.dead = true
			return d
		}, "I4"},
	} {
		t.Run(name, func(t *testing.T) {
			w, d := judged(t), planned(1)
			w.judge.changed(nil, d)
			maker := w.as(&process{}, func() { w.plans(d.Operation.Token, "1", time.Minute) })
			d = test.meanwhile(w, maker, d)
			w.as(&process{}, func() { w.judge.changed(d, over(d)) })
			w.until(w.at + 2*time.Minute)
			w.ended()
			w.finds(t, test.invariant)
		})
	}
}

func TestAShellStaysOnlyWhereItCameWithWhatCameTooLate(t *testing.T) {
	w, d := judged(t), planned(1)
	w.runs("1")
	w.cloud.Created = w.judge.created
	w.judge.changed(nil, d)
	w.judge.changed(d, over(d))
	p := w.as(&process{}, func() { w.plans(d.Operation.Token, "2", time.Second) })
	*p.dead = true
	if w.excused([]string{"prod-jobs"}) {
		t.Error("a stack that held something when the change set came is excused as its shell")
	}
	if !w.excused([]string{d.Operation.Token}) {
		t.Error("the change set itself is not excused")
	}
}

func TestADeploymentThatGoesOnLeavesOnlyWhatIsNotItsOwn(t *testing.T) {
	for name, test := range map[string]struct {
		id        func(own string) string // of the change set that its record knows
		invariant string
	}{
		"its change set is there":                              {func(own string) string { return own }, "I4"},
		"one of its name is there, and it knows of none":       {func(string) string { return "" }, "I4"},
		"its change set is gone, and another one has its name": {func(own string) string { return own + "-earlier" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, d := judged(t), planned(1)
			w.judge.changed(nil, d)
			w.as(&process{}, func() { d.Operation.ID = test.id(w.plans(d.Operation.Token, "1", time.Second)) })
			w.as(&process{}, func() { w.judge.changed(d, planned(2)) })
			w.finds(t, test.invariant)
		})
	}
}

func TestADeploymentNeitherGoesBackNorPastAPersonsNo(t *testing.T) {
	was, now := planned(2), applied(planned(2))
	was.Plan.Digest, now.Plan.Digest = "p1", "p1"
	rejected := was
	rejected.Rejected = &gitops.Rejected{By: "eve", Digest: "p1"}
	another := was
	another.Rejected = &gitops.Rejected{By: "eve", Digest: "p0"}
	for name, test := range map[string]struct {
		was, now  gitops.Deployment
		invariant string
	}{
		"its plan is applied":                              {was, now, ""},
		"its plan was rejected while who applies it froze": {rejected, now, "I6"},
		"an earlier plan of it was rejected":               {another, now, ""},
		"it goes back to an operation before":              {was, planned(1), "I5"},
		"it goes on to another operation":                  {was, planned(3), ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t)
			w.judge.changed(test.was, test.now)
			w.finds(t, test.invariant)
		})
	}
}

func TestWhatIsMovedOnWithoutHavingSeenCloudFormationIsReported(t *testing.T) {
	in := func(p gitops.Phase, n int) gitops.Deployment {
		d := planned(n)
		d.Phase, d.Reason = p, "because"
		return d
	}
	for name, test := range map[string]struct {
		was, now  gitops.Deployment
		invariant string
	}{
		"a plan fails":                      {in(gitops.PhasePlanning, 1), in(gitops.PhaseFailed, 1), "I9"},
		"a plan is made again":              {in(gitops.PhasePlanning, 1), in(gitops.PhasePlanning, 2), "I9"},
		"a plan that waits is superseded":   {in(gitops.PhaseAwaitingApproval, 1), in(gitops.PhaseSuperseded, 1), "I9"},
		"an apply is over":                  {in(gitops.PhaseApplying, 1), in(gitops.PhaseSucceeded, 1), "I9"},
		"a note is taken":                   {in(gitops.PhaseApplying, 1), in(gitops.PhaseApplying, 1), ""},
		"what has not looked yet begins to": {in(gitops.PhasePending, 0), in(gitops.PhasePlanning, 1), ""},
		"verify ends, and saw less":         {in(gitops.PhaseVerifying, 2), in(gitops.PhaseSucceeded, 2), ""},
		"verify fails":                      {in(gitops.PhaseVerifying, 2), in(gitops.PhaseFailed, 2), "I9"},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t)
			w.as(&process{blind: true}, func() { w.judge.changed(test.was, test.now) })
			w.finds(t, test.invariant)
		})
	}
	for site, invariant := range map[string]string{"Open": "", "PutDeployment": "I9", "Deployment": "I9"} {
		t.Run("a plan fails, after "+site, func(t *testing.T) {
			w, p := judged(t), &process{blind: true}
			p.knows(site)
			w.as(p, func() { w.judge.changed(in(gitops.PhasePlanning, 1), in(gitops.PhaseFailed, 1)) })
			w.finds(t, invariant)
		})
	}
}

// A plan that was approved is made again, differs, and is approved again by the sync that asks
// for it.
func TestASyncApprovesWhatWaitsHoweverOftenItWasPlanned(t *testing.T) {
	for name, test := range map[string]struct{ by, invariant string }{
		"a person's sync": {"person sync", ""},
		"a worker":        {"worker app-jobs", "I6"},
	} {
		t.Run(name, func(t *testing.T) {
			w, d := judged(t), planned(2)
			d.Settings.Sync.Mode, d.Plan.Digest, d.Approved = gitops.SyncManual, "p2", &gitops.Approved{By: "bob", Digest: "p1"}
			again := d
			again.Approved = &gitops.Approved{By: "bob", Digest: "p2"}
			w.as(&process{name: test.by}, func() { w.judge.changed(d, again) })
			w.as(&process{}, func() { w.judge.changed(again, applied(again)) })
			w.finds(t, test.invariant)
		})
	}
}
