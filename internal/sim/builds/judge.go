package builds

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// judge checks what has to hold all along, and remembers what the checks at the end need.
type judge struct {
	w           *world
	repository  gitops.Repository
	apps        map[string]gitops.Application // as stored last
	deployments map[string]gitops.Deployment  // by id, as stored last
	opened      map[string]time.Duration      // when a deployment was
	seen        map[string]map[int64]bool     // observation numbers that were wanted, by application
	level       map[string]time.Duration      // when an application was at what git wants last; now, if it is
	yes         map[string]bool               // what a person was shown, and said yes to
	holder      map[string]*aBuild            // of a lock, by its id; nil: a person
	applied     map[string]bool               // tokens
	killed      map[string]bool               // tokens of applies whose build was killed
	synthesised map[string][]stackOf          // by token
	highest     map[string]int64              // observation number of what was applied, by application
	late        []*process                    // expansions that wrote to a stack when they were over
	writes      int
}

func newJudge(w *world) *judge {
	return &judge{w: w, apps: map[string]gitops.Application{}, deployments: map[string]gitops.Deployment{}, opened: map[string]time.Duration{}, seen: map[string]map[int64]bool{},
		level: map[string]time.Duration{}, yes: map[string]bool{}, holder: map[string]*aBuild{}, applied: map[string]bool{}, killed: map[string]bool{},
		synthesised: map[string][]stackOf{}, highest: map[string]int64{}}
}

// ids returns the applications that are known, sorted.
func (j *judge) ids() []string { return slices.Sorted(maps.Keys(j.apps)) }

// shown is what a person sees of a plan.
func shown(d gitops.Deployment) string {
	return strings.Join([]string{d.Application, d.Bundle, string(d.Kind), d.Plan.Digest}, " ")
}

// changed is told of every write of a record.
func (j *judge) changed(before, after any) {
	j.writes++
	switch now := after.(type) {
	case gitops.Repository:
		j.repository = now
	case gitops.Application:
		was, had := before.(gitops.Application)
		if j.seen[now.ID] == nil {
			j.seen[now.ID] = map[int64]bool{}
		}
		j.seen[now.ID][now.Wanted.Seq] = true
		j.application(was, now)
		if j.apps[now.ID] = now; had && was.Behind() == "" || now.Behind() == "" {
			j.level[now.ID] = j.w.at
		}
	case gitops.Deployment:
		was, had := before.(gitops.Deployment)
		if !had {
			j.opened[now.ID] = j.w.at
		}
		j.deployment(was, now)
		j.deployments[now.ID] = now
	}
}

// forgotten reports whether an expansion that was overtaken brought a stack to what it had, and died
// before it had asked for another one: then that holds until the next synthesis
// (docs/protocol.md, "What it does not guarantee").
func (j *judge) forgotten() bool {
	return slices.ContainsFunc(j.late, func(p *process) bool { return p.dead })
}

func (j *judge) application(was, now gitops.Application) {
	w := j.w
	if of := now.Settings.Of; of != "" && w.running != nil && now.Wanted != was.Wanted && j.apps[of].InFlight == "" {
		j.late = append(j.late, w.running)
	}
	switch {
	case now.Wanted.Seq < was.Wanted.Seq:
		w.violate("I2", "%s wanted observation %d and now wants the older %d", now.ID, was.Wanted.Seq, now.Wanted.Seq)
	case was.InFlight != "" && now.InFlight != "" && now.InFlight != was.InFlight:
		w.violate("I1", "%s had deployment %s in flight when %s took its place", now.ID, was.InFlight, now.InFlight)
	case now.Ended.Seq < was.Ended.Seq && now.Settings.Of == "": // a stack that was synthesised anew is wanted again
		w.violate("I2", "%s ended observation %d after %d", now.ID, now.Ended.Seq, was.Ended.Seq)
	case now.Settings.Of != "" && !j.seen[now.Settings.Of][now.Wanted.Seq]:
		w.violate("I2", "stack %s wants observation %d, which its app has not seen", now.ID, now.Wanted.Seq)
	}
}

func (j *judge) deployment(was, now gitops.Deployment) {
	w := j.w
	if p := w.running; p != nil && p.name == "person sync" && now.Approved != nil && was.Approved == nil {
		j.yes[shown(now)] = true // whoever asks for a sync approves what waits for one
	}
	switch {
	case was.Phase.Done():
		w.violate("I5", "deployment %s of %s had ended %s, and was changed to %s", now.ID, now.Application, was.Phase, now.Phase)
	case now.Phase.Done():
		j.done(was, now)
	case now.Phase == gitops.PhaseApplying && was.Phase != gitops.PhaseApplying:
		j.applying(now)
	case now.Phase == gitops.PhasePlanning && was.Phase == gitops.PhasePending:
		for _, id := range now.Settings.DependsOn {
			still := slices.Contains(j.apps[now.Application].Settings.DependsOn, id) // a later commit may have untied them
			if a := j.apps[id]; still && a.Behind() != "" && j.level[id] < j.opened[now.ID] {
				w.violate("I2", "deployment %s of %s begins, and %s, which it depends on, %s", now.ID, now.Application, id, a.Behind())
			}
		}
	}
}

// applying checks the intent to apply: it goes past nothing that was stored.
func (j *judge) applying(d gitops.Deployment) {
	a, w := j.apps[d.Application], j.w
	switch {
	case d.Waits(d.Plan) != "" && (d.Approved == nil || !j.yes[shown(d)]):
		w.violate("I6", "deployment %s of %s applies plan %s, which nobody approved though %s", d.ID, a.ID, gitops.Short(d.Plan.Digest), d.Waits(d.Plan))
	case a.Suspended != nil:
		w.violate("I2", "deployment %s begins to apply, and %s is suspended", d.ID, a.ID)
	case a.Removed:
		w.violate("I2", "deployment %s begins to apply, and %s is removed", d.ID, a.ID)
	case a.Wanted.Seq > d.Seq:
		w.violate("I2", "deployment %s of %s begins to apply observation %d, and %d is wanted", d.ID, a.ID, d.Seq, a.Wanted.Seq)
	case d.Seq < j.highest[a.ID]:
		w.violate("I2", "%s applies observation %d after %d", a.ID, d.Seq, j.highest[a.ID])
	}
	j.highest[a.ID] = d.Seq
}

// done checks that a deployment's end tells what its builds did.
func (j *judge) done(was, d gitops.Deployment) {
	w := j.w
	job := build.Job{Side: build.SideOf(d.Settings), Token: d.Operation.Token, Kind: gitops.OperationPlan}
	if was.Phase == gitops.PhaseApplying {
		job.Side, job.Kind = build.SideApply, gitops.OperationApply
	}
	_, reported := w.data.objects[job.ReportKey()]
	switch {
	case j.killed[d.Operation.Token] && was.Phase == gitops.PhaseApplying && (d.Phase != gitops.PhaseBlocked || !strings.Contains(d.Reason, "the state may be incomplete")):
		w.violate("I9", "deployment %s of %s ended %s (%s), and its build was killed while it applied", d.ID, d.Application, d.Phase, d.Reason)
	case reported && (strings.Contains(d.Reason, "without a report") || strings.Contains(d.Reason, "while it applied")):
		w.violate("I9", "deployment %s of %s ended %s (%s), and there is a report", d.ID, d.Application, d.Phase, d.Reason)
	case strings.Contains(d.Reason, noRoom):
		w.violate("I9", "deployment %s of %s ended %s since there was no room for its build", d.ID, d.Application, d.Phase)
	case d.Reason == "":
		w.violate("I3", "deployment %s of %s ended %s without a reason", d.ID, d.Application, d.Phase)
	}
}

// owner returns the deployment that a token belongs to, "driftless-<deployment>-<n>", and n.
func (j *judge) owner(token string) (d gitops.Deployment, n int, known bool) {
	parts := strings.Split(token, "-")
	if len(parts) != 3 {
		return d, 0, false
	}
	n, err := strconv.Atoi(parts[2])
	d, known = j.deployments[parts[1]]
	return d, n, known && err == nil
}

// started is told of every build that is accepted: a record knows its token.
func (j *judge) started(b *aBuild) {
	j.w.trace.event(j.w.at, "codebuild", b.id+" of "+b.key)
	token := strings.Split(b.key, "/")[1]
	if strings.HasPrefix(token, "drift-") {
		return // outside a deployment a look for drift has a token of its own
	}
	if d, n, known := j.owner(token); !known || n > d.Operation.N {
		j.w.violate("I5", "build %s of %s was started, and no record knows it", b.id, b.key)
	}
}

// claimed is told of every claim of a build: one at a time works for an application, and for
// a deployment that wants it.
func (j *judge) claimed(b *aBuild, job build.Job) {
	w := j.w
	w.trace.event(w.at, b.id, "has "+job.OrderKey())
	if job.Kind == gitops.OperationDetect {
		return // it reads, and takes no lock
	}
	for _, other := range w.builds.builds {
		if other.works == b.application && other != b {
			w.violate("I1", "build %s begins to work for %s while %s does", b.id, b.application, other.id)
		}
	}
	if d, _, _ := j.owner(job.Token); d.Phase.Done() {
		w.violate("I1", "build %s begins the %s of deployment %s of %s, which has ended %s", b.id, job.Kind, d.ID, d.Application, d.Phase)
	}
	b.works = b.application
	if job.Kind == gitops.OperationApply {
		b.applies = job.Token
	}
}

// reported is told of every report.
func (j *judge) reported(b *aBuild, r build.Report) {
	j.w.trace.event(j.w.at, b.id, "reports "+string(r.Outcome)+" "+r.Reason)
	b.works, b.applies = "", ""
}

// over is told of every build that is over.
func (j *judge) over(b *aBuild) {
	if _, reported := j.w.data.objects[build.Job{Side: build.SideApply, Token: b.applies, Kind: gitops.OperationApply}.ReportKey()]; b.applies != "" && !reported {
		j.killed[b.applies] = true
	}
}

// applies is told when a program begins to apply: what was planned, and asked for, once.
func (j *judge) applies(p *program) {
	w, a := j.w, j.apps[p.order.Application]
	d := j.deployments[a.InFlight]
	switch {
	case d.Phase != gitops.PhaseApplying || d.Operation.Token != p.job.Token:
		w.violate("I6", "build %s applies %s, and deployment %q of %s is %s at %s", p.b.id, p.job.Token, d.ID, a.ID, d.Phase, d.Operation.Token)
	case p.plan.Token != p.job.Token || p.plan.Bundle != d.Bundle:
		w.violate("I6", "build %s applies for %s the plan of %s", p.b.id, p.job.Token, p.plan.Token)
	case j.applied[p.job.Token]:
		w.violate("I6", "build %s applies %s a second time", p.b.id, p.job.Token)
	}
	j.applied[p.job.Token] = true
}

// unlocks is told of every lock that is removed by its id.
func (j *judge) unlocks(p *program, l build.Lock) {
	b := j.holder[l.ID]
	switch {
	case b == nil:
		j.w.violate("I8", "build %s removes the lock of %s", p.b.id, l.Who)
	case !b.over:
		j.w.violate("I1", "build %s removes the lock of %s, which still runs", p.b.id, b.id)
	case b.applies != "" && !p.order.Incomplete:
		j.w.violate("I9", "build %s removes the lock that %s left while it applied, and nobody is asked", p.b.id, b.id)
	}
}
