package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// rounds is how many resyncs it may take until everything has come to its end after the
// faults have stopped, and AWS has ended what it had begun: K of I3.
const rounds = 8

// restless is after how many calls it is certain that there will be no rest.
const restless = 20_000

// run lets a plan happen and checks what is left.
func (w *world) run() {
	defer w.close()
	w.begin()
	for _, a := range w.plan.Actions {
		w.agenda.put(a.At, func() {
			w.trace.event(w.at, "action", a.String(), nil)
			acts[a.What].do(w, a)
		})
	}
	end := span
	if len(w.plan.Actions) == 0 && len(w.plan.Faults) == 0 {
		end = time.Minute
	}
	w.until(end)
	w.rest()
}

// begin registers the repository, before anything may go wrong.
func (w *world) begin() {
	w.repo.commit("first")
	w.calls = map[string]int{}
	r, err := w.operator.AddRepository(context.Background(), gitops.Repository{URL: repoURL, Branch: "main"}, "ann")
	if err != nil {
		w.violate("I3", "the repository cannot be added: %s", err)
	}
	w.repo.id = r.ID
	w.schedules()
}

// rest ends the faults, lets people mend what is theirs to mend, and checks.
func (w *world) rest() {
	w.calm, w.slow, w.cloud.Odd = true, false, false
	w.git.Refuse(repoURL, nil)
	w.repo.calm()
	w.settle(func() bool { return true })
	if w.judge.forgotten() {
		w.repo.commit("the next one")
		w.settle(func() bool { return true })
	}
	for _, e := range w.repo.apps {
		if j := w.judge.apps[e.Name]; j.Suspended != nil && j.Suspended.By != gitops.ByDriftless {
			w.resumeApp(Action{App: e.Name})
		}
	}
	w.settle(w.answered)
	w.mend()
	if w.judge.found == nil {
		w.ended()
	}
	w.idly()
}

// quiet reports whether nothing is under way that ends by itself.
func (w *world) quiet() bool {
	return w.busy == 0 && len(w.mail.letters) == 0 && !w.cloud.Busy()
}

// settle lets the world go on until it is quiet, and done says so too, after a resync. A
// person approves what waits meanwhile.
func (w *world) settle(done func() bool) {
	const pause = 30 * time.Second
	began, made, skew := w.at, w.made, w.knobs.Skew
	for last := w.at; w.judge.found == nil; {
		w.until(w.at + pause)
		if w.made-made > restless {
			w.violate("I3", "not at rest after %d calls since the faults stopped: %s", restless, w.unfinished())
		}
		if w.frozen() || w.cloud.Busy() {
			last = w.at // AWS's time, and that of what is frozen, is not ours
		}
		if w.at-began > 6*time.Minute && w.quiet() && done() {
			return
		}
		for _, e := range w.repo.apps {
			if a := w.judge.apps[e.Name]; a.InFlight != "" && w.judge.deployments[a.InFlight].Phase == gitops.PhaseAwaitingApproval {
				w.answer(Action{App: e.Name, Arg: "yes"})
			}
		}
		if skew > 0 && w.late() {
			skew, last = skew-pause, last+pause
		}
		if w.at-last > rounds*5*time.Minute {
			w.violate("I3", "not at rest %d resyncs after the faults stopped: %s", rounds, w.unfinished())
		}
	}
}

// late reports whether nothing but looks at drift is unfinished, which are found by when they are
// due: one that a clock which is ahead began waits for the others (docs/protocol.md, "What it does
// not guarantee").
func (w *world) late() bool {
	looks := 0
	for _, a := range w.judge.apps {
		if a.StillDue() {
			looks++
		} else if a.Unfinished() {
			return false
		}
	}
	return looks > 0 && !w.behind()
}

// behind reports whether the repository is not at its end.
func (w *world) behind() bool {
	return w.judge.repository.Unfinished() || w.judge.repository.Head.Commit != w.head()
}

// frozen reports whether a process will go on only after a while.
func (w *world) frozen() bool { return w.at < w.thawed }

// answered reports whether nothing is unfinished.
func (w *world) answered() bool { return w.unfinished() == "" }

// unfinished tells what is not at its end.
func (w *world) unfinished() string {
	var all []string
	if w.behind() {
		all = append(all, fmt.Sprintf("repository: looked %d, done %d, at %s of %s", w.judge.repository.Observing.N, w.judge.repository.Done,
			gitops.Short(w.judge.repository.Head.Commit), gitops.Short(w.head())))
	}
	for _, p := range w.judge.repository.Problems {
		if p.Passing {
			all = append(all, "repository: "+p.String())
		}
	}
	for _, e := range w.repo.apps {
		a := w.judge.apps[e.Name]
		if !a.Unfinished() {
			continue
		}
		d := w.judge.deployments[a.InFlight]
		all = append(all, fmt.Sprintf("%s: wanted %d, ended %d, in flight %q %s (%s), request %d, answered %d", a.ID, a.Wanted.Seq, a.Ended.Seq,
			a.InFlight, d.Phase, d.Progress, a.Request.N, a.Answered))
	}
	return strings.Join(all, "; ")
}

func (w *world) head() string { return w.repo.commits[len(w.repo.commits)-1].commit }

// mend lets people bring back what others did to stacks: look for drift, and sync.
func (w *world) mend() {
	var apps []string
	for _, e := range w.repo.apps {
		if w.mending(e) {
			apps = append(apps, e.Name)
		}
	}
	if len(apps) == 0 || w.judge.found != nil {
		return
	}
	for range 3 { // a sync first brings back the template that somebody else changed, then what drifted
		for _, app := range apps {
			w.drift(Action{App: app})
		}
		w.settle(w.answered)
		w.heals(apps)
		apps = slices.DeleteFunc(apps, func(app string) bool {
			w.honest(w.repo.app(app))
			return w.judge.apps[app].Sync() == gitops.StatusSynced
		})
		if len(apps) == 0 || w.judge.found != nil {
			return
		}
		for _, app := range apps {
			w.sync(Action{App: app})
		}
		w.settle(w.answered)
	}
}

// honest checks that an application whose drift was just looked for is not called in sync
// when it is not.
func (w *world) honest(e *entryOf) {
	a, s, there := w.stackOf(e)
	if a.Sync() != gitops.StatusSynced || !there {
		return
	}
	// What somebody else did before the last deployment ended may be missed (docs/protocol.md).
	if since := w.judge.foreign[e.stack]; w.start0.Add(since).Before(a.Deployed.At.Add(w.knobs.Skew)) {
		return
	}
	want, err := cloud.Read(w.repo.files[e.Name+"/template.json"])
	if err == nil && !s.Live.Equal(want.Resources) {
		w.violate("I9", "%s is called Synced after a look at drift, while live is %v and git has %v", e.Name, s.Live, want.Resources)
	}
}

func (w *world) stackOf(e *entryOf) (gitops.Application, cloud.Stack, bool) {
	s, there := w.cloud.Stack(e.stack)
	return w.judge.apps[e.Name], s, there
}

// ended checks the end state against what the last content of git leads to, faults or not.
func (w *world) ended() {
	for _, left := range w.cloud.Leftovers("driftless-") {
		if len(left.Sets) == 0 {
			left.Sets = []string{left.Stack} // the shell that remained of one
		}
		if !w.excused(left.Sets) {
			w.violate("I4", "at rest there is %s", left)
		}
	}
	for _, id := range w.judge.order {
		if d := w.judge.deployments[id]; !d.Phase.Done() {
			w.violate("I5", "at rest deployment %s of %s is %s", id, d.Application, d.Phase)
		}
	}
	for i := range w.repo.apps {
		w.endOf(&w.repo.apps[i])
	}
	w.secrets()
}

// excused reports whether all change sets that are left were made after their plan was needed,
// by a process that died then, could not wait for AWS to have worked them out, or was throttled
// for as long as it tried to remove them (docs/protocol.md, "What it does not guarantee").
func (w *world) excused(sets []string) bool {
	return !slices.ContainsFunc(sets, func(name string) bool {
		l, late := w.judge.late[name]
		return !late || !*l.died && !l.long && !w.throttled(l.at)
	})
}

// throttled reports whether CloudFormation began to throttle at once after a time, and went on for
// as long as anybody tries to remove what came too late.
func (w *world) throttled(from time.Duration) bool {
	return slices.ContainsFunc(w.slowed, func(s stretch) bool { return s.from <= from+atOnce && s.to >= from+retracting })
}

// endOf checks one application.
func (w *world) endOf(e *entryOf) {
	a, s, there := w.stackOf(e)
	if e.gone {
		if a.Version > 0 && (!a.Removed || a.InFlight != "") {
			w.violate("I3", "%s left driftless.yaml and is removed %t, in flight %q", e.Name, a.Removed, a.InFlight)
		}
		return
	}
	w.skipped(a)
	w.followed(e)
	base := w.base(a)
	if base.Kind == gitops.KindRollback {
		w.endOfRollback(a, base)
		return
	}
	want := w.repo.files[e.Name+"/template.json"]
	template, err := cloud.Read(want)
	phase := base.Phase
	if a.Ended.Deployment == base.ID || base.ID == "" {
		phase = a.Ended.Phase
	}
	ended := fmt.Sprintf("%s ended %s (%s) at observation %d of %d", e.Name, phase, base.Reason, a.Ended.Seq, a.Wanted.Seq)
	failed := phase == gitops.PhaseFailed || phase == gitops.PhaseBlocked
	bad := err == nil && e.Checks > 0 && behaves(want, "bad")
	switch {
	case a.Version == 0 || a.Removed || a.Suspended != nil || a.Ended.Seq < a.Wanted.Seq:
		w.violate("I3", "%s, registered %t, removed %t, suspended %t", ended, a.Version > 0, a.Removed, a.Suspended != nil)
	case phase == gitops.PhaseRejected:
		if !w.judge.no[shown(base)] {
			w.violate("I9", "%s, and nobody rejected anything", ended)
		}
	case err != nil, template.Behaviour == cloud.Reject:
		if !failed {
			w.violate("I9", "%s, with a template that AWS does not accept", ended)
		}
	case there && dead(s.Status):
		if !failed {
			w.violate("I9", "%s, with its stack in %s", ended, s.Status)
		}
	case template.Behaviour == cloud.Fail || template.Behaviour == cloud.Stuck:
		if !failed {
			w.violate("I9", "%s, with a template whose execution fails", ended)
		}
	case failed && (w.recovered(e.Name) || base.Kind == gitops.KindRevert) && a.Sync() == gitops.StatusSynced && s.Live.Equal(template.Resources):
		// What it is at was deployed before its stack got stuck, or was healed after somebody's sync failed to.
	case phase == gitops.PhaseFailed && (bad || w.unseen(base) || w.checks.failures(base) > 0):
		if !there || !s.Live.Equal(template.Resources) || a.Deployed.Digest != a.Wanted.Digest {
			w.violate("I9", "%s, while live is %v and git has %v", ended, s.Live, template.Resources)
		}
	case a.Ended.Phase == gitops.PhaseSuperseded && w.judge.unwanted[a.ID][a.Ended.Seq] && a.Deployed.Digest == a.Wanted.Digest && s.Live.Equal(template.Resources):
		// What was deployed anew was so already when the application left the file, and is back.
	case phase != gitops.PhaseSucceeded:
		w.violate("I9", "%s, with a sound template on a sound stack", ended)
	case !there || s.Declared == nil || !s.Live.Equal(template.Resources):
		w.violate("I9", "%s, while live is %v and git has %v", ended, s.Live, template.Resources)
	case a.Drift.Differs():
		w.violate("I9", "%s, and is said to differ (%s) while live is what git has", ended, a.Drift.Message)
	case a.Deployed.Digest != a.Wanted.Digest:
		w.violate("I9", "%s, while the record says that something else is deployed", ended)
	}
}

func dead(s types.StackStatus) bool {
	return slices.Contains([]types.StackStatus{types.StackStatusRollbackComplete, types.StackStatusRollbackFailed,
		types.StackStatusUpdateRollbackFailed, types.StackStatusCreateFailed}, s)
}

// skipped checks that every revision that was wanted has a deployment that says what became of it.
func (w *world) skipped(a gitops.Application) {
	var numbers []int64
	for n := range w.judge.wanted[a.ID] {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	recorded := map[int64]bool{}
	for _, d := range w.judge.deployments {
		if d.Application == a.ID {
			recorded[d.Seq] = true
		}
	}
	for _, n := range numbers {
		if !recorded[n] && !w.judge.unwanted[a.ID][n] {
			w.violate("I3", "%s wanted observation %d, and no deployment tells what became of it", a.ID, n)
		}
	}
}

// secrets checks that the secret stands in no record and no blob but the bundles.
func (w *world) secrets() {
	if key, found := w.store.Contains(sentinel); found {
		w.violate("I10", "the secret stands in the record %s", key)
	}
	for _, key := range w.blobs.Keys() {
		if strings.HasPrefix(key, "bundles/") {
			continue
		}
		if data, err := w.blobs.Get(context.Background(), key); err == nil && strings.Contains(string(data), sentinel) {
			w.violate("I10", "the secret stands in %s", key)
		}
	}
}

// idly checks that nothing moves any more: two resyncs without news change nothing (I3 "and
// it stays so", I7). A look at drift is due now and then where an application asks for it, and
// is told of in its report; nothing is deployed for it.
func (w *world) idly() {
	if w.judge.found != nil {
		return
	}
	watched := slices.ContainsFunc(w.repo.apps, func(e entryOf) bool { return e.Drift })
	mutations, calls, writes, opened := w.cloud.Mutations, w.cloud.Calls, w.judge.writes, len(w.judge.order)
	w.until(w.at + 11*time.Minute)
	looked := w.cloud.Calls != calls || w.judge.writes != writes
	if w.cloud.Mutations != mutations || len(w.judge.order) != opened || looked && !watched {
		w.violate("I7", "two resyncs without news made %d calls of CloudFormation, %d of them changed something, and %d writes",
			w.cloud.Calls-calls, w.cloud.Mutations-mutations, w.judge.writes-writes)
	}
}
