package sim

import (
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

var jobs = App{Name: "jobs", Approval: gitops.ApprovalNever}

// stored lets the judge see an application's record as it is stored once and again.
func (w *world) stored(all ...gitops.Application) {
	var before any
	for i, a := range all {
		a.ID, a.Version = "jobs", int64(i+1)
		w.judge.changed(before, a)
		before = a
	}
}

// wants is an application that wants an observation of its files and ended one.
func wants(seq, ended int64, phase gitops.Phase) gitops.Application {
	return gitops.Application{Wanted: gitops.Wanted{Seq: seq, Digest: "d"}, Deployed: gitops.Deployed{Digest: "d"},
		Ended: gitops.Ended{Seq: ended, Phase: phase, Reason: "because"}}
}

func removed(a gitops.Application) gitops.Application {
	a.Removed = true
	return a
}

func TestADeploymentThatEndsSupersededIsRightOnlyWhereItsApplicationLeftTheFile(t *testing.T) {
	now := wants(2, 2, gitops.PhaseSuperseded)
	elsewhere := now
	elsewhere.Deployed.Digest = "another"
	for name, test := range map[string]struct {
		live      string
		history   []gitops.Application
		invariant string
	}{
		"what it wanted anew is deployed, and it is back": {"1", []gitops.Application{wants(2, 1, ""), removed(now), now}, ""},
		"it never left":                                                {"1", []gitops.Application{wants(2, 1, ""), now}, "I9"},
		"it left wanting something older":                              {"1", []gitops.Application{removed(wants(1, 1, "")), wants(2, 1, ""), now}, "I9"},
		"it left, and live has something else":                         {"2", []gitops.Application{removed(now), now}, "I9"},
		"it left, and the record says that something else is deployed": {"1", []gitops.Application{removed(now), elsewhere}, "I9"},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t, jobs)
			w.runs(test.live)
			w.stored(test.history...)
			for _, seq := range []int64{1, 2} {
				w.judge.deployments[string(rune('0'+seq))] = gitops.Deployment{Application: "jobs", Seq: seq}
			}
			w.endOf(&w.repo.apps[0])
			w.finds(t, test.invariant)
		})
	}
}

func TestARevisionIsForgottenOnlyWithTheApplicationThatLeft(t *testing.T) {
	for name, test := range map[string]struct {
		history   []gitops.Application
		invariant string
	}{
		"it was wanted when the application left":     {[]gitops.Application{wants(1, 0, ""), removed(wants(1, 0, "")), wants(3, 0, "")}, ""},
		"it was replaced before the application left": {[]gitops.Application{wants(1, 0, ""), wants(3, 0, ""), removed(wants(3, 0, ""))}, "I3"},
		"it was replaced after it was back":           {[]gitops.Application{removed(wants(0, 0, "")), wants(1, 0, ""), wants(3, 0, "")}, "I3"},
		"the application never left":                  {[]gitops.Application{wants(1, 0, ""), wants(3, 0, "")}, "I3"},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t, jobs)
			w.stored(test.history...)
			w.judge.deployments["3"] = gitops.Deployment{Application: "jobs", Seq: 3}
			w.skipped(w.judge.apps["jobs"])
			w.finds(t, test.invariant)
		})
	}
}

func TestADriftThatIsNotSeenIsRightOnlyBeforeTheLastDeploymentEnded(t *testing.T) {
	for name, test := range map[string]struct {
		edited    bool
		after     time.Duration // the edit, since the deployment
		skew      time.Duration
		invariant string
	}{
		"live was edited before":                                    {true, -time.Minute, 0, ""},
		"live was edited afterwards":                                {true, time.Minute, 0, "I9"},
		"live was edited afterwards by a clock that is an hour off": {true, time.Minute, time.Hour, ""},
		"live is what git has":                                      {false, time.Minute, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t, jobs)
			w.knobs.Skew = test.skew
			w.runs("1")
			w.judge.touched("prod-jobs")
			if test.edited {
				w.cloud.Edit("prod-jobs", "A", "Visibility", "99")
			}
			a := wants(1, 1, gitops.PhaseSucceeded)
			a.Deployed.At, a.Drift.At, a.Drift.Complete = w.now().Add(-test.after), w.now(), true
			w.stored(a)
			if s := w.judge.apps["jobs"].Sync(); s != gitops.StatusSynced {
				t.Fatalf("jobs is %s", s)
			}
			w.honest(&w.repo.apps[0])
			w.finds(t, test.invariant)
		})
	}
}

func TestADeploymentEndsRejectedOnlyWhereAPersonRejectedThatPlan(t *testing.T) {
	for name, test := range map[string]struct{ rejected, invariant string }{
		"a person did":                         {"p1", ""},
		"a person rejected another plan of it": {"p2", "I9"},
		"nobody did":                           {"", "I9"},
	} {
		t.Run(name, func(t *testing.T) {
			w, d := judged(t, jobs), planned(1)
			w.runs("1")
			d.Plan.Digest = test.rejected
			w.judge.no[shown(d)] = test.rejected != ""
			d.Plan.Digest = "p1"
			w.judge.deployments[d.ID], w.judge.order = over(d), []string{d.ID}
			a := wants(1, 1, gitops.PhaseRejected)
			a.Ended.Deployment = d.ID
			w.stored(a)
			w.endOf(&w.repo.apps[0])
			w.finds(t, test.invariant)
		})
	}
}

func TestAtRestOnlyALookAtDriftThatWasAskedForMayComeToPass(t *testing.T) {
	look := func(w *world) { w.cloud.Calls++; w.judge.writes++ }
	deploy := func(w *world) { w.judge.changed(nil, planned(0)) }
	plan := func(w *world) { w.as(&process{}, func() { w.runs("2") }) }
	for name, test := range map[string]struct {
		drift     bool
		happens   func(*world)
		invariant string
	}{
		"nothing":                      {false, func(*world) {}, ""},
		"a look that was asked for":    {true, look, ""},
		"a look that nobody asked for": {false, look, "I7"},
		"a deployment for it":          {true, deploy, "I7"},
		"a change of CloudFormation's": {true, plan, "I7"},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t, App{Name: "jobs", Drift: test.drift})
			w.after(time.Minute, func() { test.happens(w) })
			w.idly()
			w.finds(t, test.invariant)
		})
	}
}

func TestACommitMendsOnlyWhatAnOvertakenLookLeftThatDied(t *testing.T) {
	for name, test := range map[string]struct {
		looks int64 // the number of the look that writes, where the repository is at its third
		dies  bool
		want  bool
	}{
		"it was overtaken and died":  {2, true, true},
		"it was overtaken and lives": {2, false, false},
		"it is the latest and died":  {3, true, false},
		"it is no look and died":     {0, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t, jobs)
			w.judge.repository.Observing.N = 3
			p := w.as(&process{looks: test.looks}, func() { w.stored(wants(1, 0, "")) })
			*p.dead = test.dies
			if got := w.judge.forgotten(); got != test.want {
				t.Errorf("a commit is needed: %t, want %t", got, test.want)
			}
		})
	}
}

func TestALookAtDriftAloneMayBeLateByAsMuchAsClocksAreOff(t *testing.T) {
	due := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	look := wants(1, 1, gitops.PhaseSucceeded)
	look.DriftDue, look.Detection = due, &gitops.Detection{Operation: gitops.Operation{At: due}}
	early, waits := look, look
	early.DriftDue = due.Add(time.Second)
	waits.Wanted.Seq = 2
	for name, test := range map[string]struct {
		skew, takes time.Duration
		a           gitops.Application
		behind      bool
		invariant   string
	}{
		"in time, clocks right":                 {0, 30 * time.Minute, look, false, ""},
		"late, clocks right":                    {0, 50 * time.Minute, look, false, "I3"},
		"late, clocks off":                      {time.Hour, 50 * time.Minute, look, false, ""},
		"later than clocks are off":             {time.Hour, 2 * time.Hour, look, false, "I3"},
		"late, and it began before it was due":  {time.Hour, 50 * time.Minute, early, false, "I3"},
		"late, and a deployment is wanted":      {time.Hour, 50 * time.Minute, waits, false, "I3"},
		"late, and git has something else":      {time.Hour, 50 * time.Minute, look, true, "I3"},
		"a deployment that is late, clocks off": {time.Hour, 50 * time.Minute, wants(2, 1, gitops.PhaseSucceeded), false, "I3"},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t, jobs)
			w.knobs.Skew = test.skew
			w.repo.commit("first")
			if !test.behind {
				w.judge.repository.Head.Commit = w.head()
			}
			w.stored(test.a)
			w.after(test.takes, func() {
				w.judge.apps["jobs"], w.judge.repository.Head.Commit = wants(1, 1, gitops.PhaseSucceeded), w.head()
			})
			w.settle(w.answered)
			w.finds(t, test.invariant)
		})
	}
}
