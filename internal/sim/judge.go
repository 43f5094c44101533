package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// Violation is an invariant that was found broken.
type Violation struct {
	Invariant string // I1 to I10, or "panic"
	What      string
	At        time.Duration
}

// Error names the invariant and what was found.
func (v *Violation) Error() string { return fmt.Sprintf("%s at %s: %s", v.Invariant, v.At, v.What) }

// judge checks what has to hold all along, and remembers what the checks at the end need.
type judge struct {
	w           *world
	found       *Violation
	apps        map[string]gitops.Application // as stored last
	repository  gitops.Repository
	deployments map[string]gitops.Deployment // by id, as stored last
	order       []string                     // ids, as they were opened
	executions  map[string]string            // token of the accepted execution, by deployment
	highest     map[string]int64             // observation number of what was executed, by application
	wanted      map[string]map[int64]bool    // observation numbers that were wanted, by application
	yes         map[string]bool              // deployment and digest that a person said yes to
	no          map[string]bool              // the same of what a person rejected
	foreign     map[string]time.Duration     // when somebody else last touched a stack
	snatched    map[string]bool              // applications whose next change set somebody deletes
	proposed    map[string]bool              // stacks with somebody else's change set
	holder      map[string]string            // application that executed on a stack last
	makers      map[string]maker             // of change sets, by name
	late        map[string]late              // change sets made after their plan was needed, and the shells that came with them
	overtaken   []*bool                      // looks that wrote to an application after a later look had begun: whether they died
	unwanted    map[string]map[int64]bool    // observation numbers that were wanted when the application left the file, by application
	ended       func(gitops.Deployment)      // told of every deployment that ended; nil: nobody asks
	writes      int
	heads       []stand // what the branch stood at, oldest first
	mended
}

func newJudge(w *world) *judge {
	return &judge{w: w, apps: map[string]gitops.Application{}, deployments: map[string]gitops.Deployment{},
		executions: map[string]string{}, highest: map[string]int64{}, wanted: map[string]map[int64]bool{},
		yes: map[string]bool{}, no: map[string]bool{}, foreign: map[string]time.Duration{}, late: map[string]late{},
		makers: map[string]maker{}, unwanted: map[string]map[int64]bool{},
		snatched: map[string]bool{}, proposed: map[string]bool{}, holder: map[string]string{}, mended: newMended()}
}

// stand is what the branch stood at from a time on.
type stand struct {
	commit string
	at     time.Duration
}

// late is what became of the maker of a change set that came too late: whether it died, and
// whether AWS takes longer to work the change set out than anybody waits to remove it. It was
// made at a time from which on AWS may have throttled whoever would remove it.
type late struct {
	died *bool
	long bool
	at   time.Duration
}

// stretch is from a time to another.
type stretch struct{ from, to time.Duration }

// atOnce is how long after it made a change set a worker finds out that it is too late, and has
// tried to remove it once.
const atOnce = 2 * time.Second

// maker is who made a change set.
type maker struct {
	late
	process *process
}

// retracting is for how long a worker tries to remove what it made too late.
const retracting = 27 * time.Second

func (j *judge) pushed(commit string) { j.heads = append(j.heads, stand{commit, j.w.at}) }

func (j *judge) touched(stack string) { j.foreign[stack] = j.w.at }

// approved notes what a person was shown and said yes to: what, and where.
func (j *judge) approved(d gitops.Deployment) { j.yes[shown(d)] = true }

func shown(d gitops.Deployment) string {
	return strings.Join([]string{d.Settings.CloudFormation.Stack, d.Bundle, string(d.Kind), d.Plan.Digest}, " ")
}

// changed is told of every write of a record.
func (j *judge) changed(before, after any) {
	j.writes++
	switch now := after.(type) {
	case gitops.Repository:
		j.look(now)
		j.repository = now
	case gitops.Application:
		was, had := before.(gitops.Application)
		j.application(was, now, had)
		j.apps[now.ID] = now
	case gitops.Deployment:
		was, had := before.(gitops.Deployment)
		if !had {
			j.opened(now)
			j.order = append(j.order, now.ID)
		}
		j.deployment(was, now, had)
		j.deployments[now.ID] = now
	}
}

// forgotten reports whether a look that was overtaken wrote to an application, and died before
// it had asked for another look: then what it wrote holds until the next commit.
func (j *judge) forgotten() bool {
	return slices.ContainsFunc(j.overtaken, func(died *bool) bool { return *died })
}

// look checks that a look takes what the branch stood at since it began, and nothing else.
func (j *judge) look(r gitops.Repository) {
	p, commit := j.w.running, r.Observing.Commit
	if p != nil {
		p.looks = r.Observing.N
	}
	if p == nil || commit == "" || commit == j.repository.Observing.Commit {
		return
	}
	for i, h := range j.heads {
		if h.commit == commit && (i == len(j.heads)-1 || j.heads[i+1].at >= p.began) {
			return
		}
	}
	j.w.violate("I2", "a look that began at %s takes commit %s, which the branch does not stand at", p.began, gitops.Short(commit))
}

func (j *judge) application(was, now gitops.Application, had bool) {
	if p := j.w.running; p != nil && p.looks > 0 && p.looks < j.repository.Observing.N {
		j.overtaken = append(j.overtaken, p.dead)
	}
	if j.wanted[now.ID] == nil {
		j.wanted[now.ID] = map[int64]bool{}
	}
	switch {
	case now.Removed && j.unwanted[now.ID] == nil:
		j.unwanted[now.ID] = map[int64]bool{now.Wanted.Seq: true}
	case now.Removed:
		j.unwanted[now.ID][now.Wanted.Seq] = true
	case now.Wanted.Seq > 0:
		j.wanted[now.ID][now.Wanted.Seq] = true
	}
	if !had {
		return
	}
	j.stays(was, now)
	j.looked(was, now)
	switch {
	case was.Detection != nil && now.Detection == nil && was.Detection.Fence != was.Fence && now.Drift.At != was.Drift.At:
		j.w.violate("I9", "%s records what was found at fence %d, and is at %d", now.ID, was.Detection.Fence, was.Fence)
	case now.Wanted.Seq < was.Wanted.Seq:
		j.w.violate("I2", "%s wanted observation %d and now wants the older %d", now.ID, was.Wanted.Seq, now.Wanted.Seq)
	case now.Fence < was.Fence:
		j.w.violate("I2", "the fence of %s went from %d back to %d", now.ID, was.Fence, now.Fence)
	case was.InFlight != "" && now.InFlight != "" && now.InFlight != was.InFlight:
		j.w.violate("I1", "%s had deployment %s in flight when %s took its place", now.ID, was.InFlight, now.InFlight)
	case now.Ended.Seq < was.Ended.Seq:
		j.w.violate("I2", "%s ended observation %d after %d", now.ID, now.Ended.Seq, was.Ended.Seq)
	}
}

func (j *judge) deployment(was, now gitops.Deployment, had bool) {
	if p := j.w.running; p != nil && p.name == "person sync" && now.Approved != nil && (was.Approved == nil || *was.Approved != *now.Approved) {
		j.approved(now) // whoever asks for a sync approves what waits for one
	}
	if had && was.Operation.Token != now.Operation.Token && j.w.cloud.Waits(was.Operation.Token, was.Operation.ID) {
		j.w.violate("I4", "deployment %s of %s goes on to %s and leaves the change set %s", now.ID, now.Application, now.Operation.Token, was.Operation.Token)
	}
	// Who is pending has not looked yet, and what verify cannot see fails nothing.
	looks := was.Phase != gitops.PhasePending && (was.Phase != gitops.PhaseVerifying || now.Phase == gitops.PhaseFailed)
	if p := j.w.running; had && looks && p != nil && p.blind && (was.Phase != now.Phase || was.Operation.N != now.Operation.N) {
		j.w.violate("I9", "deployment %s of %s goes from %s to %s on what CloudFormation could not say", now.ID, now.Application, was.Phase, now.Phase)
	}
	j.outrun(was, now)
	if had && was.Operation.Kind == gitops.OperationRecover && (now.Phase.Done() || now.Operation.Token != was.Operation.Token) {
		j.past[was.Operation.Token] = j.w.at
	}
	switch {
	case had && was.Phase.Done():
		j.w.violate("I5", "deployment %s of %s had ended %s, and was changed to %s", now.ID, now.Application, was.Phase, now.Phase)
	case had && now.Operation.N < was.Operation.N:
		j.w.violate("I5", "deployment %s of %s goes back from its operation %d to %d", now.ID, now.Application, was.Operation.N, now.Operation.N)
	case now.Phase == gitops.PhaseApplying && was.Phase != gitops.PhaseApplying:
		if no := was.Rejected; no != nil && no.Digest == now.Plan.Digest {
			j.w.violate("I6", "deployment %s of %s applies plan %s, which %s had rejected", now.ID, now.Application, gitops.Short(no.Digest), no.By)
		}
		j.applying(now)
	}
	if now.Phase.Done() && j.ended != nil {
		j.ended(now)
	}
	if now.Phase.Done() && had {
		j.checked(now)
		if now.Kind == gitops.KindHeal {
			j.healEnds(was, now)
		}
	}
	if now.Phase.Done() && len(now.Reason) == 0 {
		j.w.violate("I3", "deployment %s of %s ended %s without a reason", now.ID, now.Application, now.Phase)
	}
}

// outrun tells of a change set whose maker is about to write it down, while another process
// ends its deployment or goes on to another one: it came too late, by as little as a call.
func (j *judge) outrun(was, now gitops.Deployment) {
	m, p := j.makers[was.Operation.Token], j.w.running
	switch {
	case m.process == nil || m.process.dead != m.died || m.process.made != was.Operation.Token || *m.died:
	case m.process == p:
		p.made = ""
	case now.Phase.Done() || now.Operation.Token != was.Operation.Token:
		j.late[was.Operation.Token] = m.late
	}
}

// applying checks the intent to apply: it goes past nothing that was stored.
func (j *judge) applying(d gitops.Deployment) {
	a, w := j.apps[d.Application], j.w
	if j.snatched[a.ID] {
		delete(j.snatched, a.ID)
		w.after(0, func() { w.cloud.Snatch(d.Operation.Token) })
	}
	if d.Waits(d.Plan) != "" && (d.Approved == nil || !j.yes[shown(d)]) {
		w.violate("I6", "deployment %s of %s applies plan %s, which nobody approved though %s", d.ID, a.ID, gitops.Short(d.Plan.Digest), d.Waits(d.Plan))
	}
	switch {
	case a.Suspended != nil:
		w.violate("I2", "deployment %s begins to apply, and %s is suspended", d.ID, a.ID)
	case a.Removed:
		w.violate("I2", "deployment %s begins to apply, and %s is removed", d.ID, a.ID)
	case a.Wanted.Seq > d.Seq:
		w.violate("I2", "deployment %s of %s begins to apply observation %d, and %d is wanted", d.ID, a.ID, d.Seq, a.Wanted.Seq)
	}
}

// owner returns the deployment that a token belongs to: "driftless-<deployment>-<n>".
func (j *judge) owner(token string) (gitops.Deployment, bool) {
	parts := strings.Split(token, "-")
	if len(parts) != 3 {
		return gitops.Deployment{}, false
	}
	d, ok := j.deployments[parts[1]]
	return d, ok
}

// numberOf returns the number at the end of a token.
func numberOf(token string) int {
	n, err := strconv.Atoi(token[strings.LastIndexByte(token, '-')+1:])
	if err != nil {
		return 0
	}
	return n
}

// created is told of every accepted creation of a change set.
func (j *judge) created(s cloud.Set) {
	d, ok := j.owner(s.Name)
	p := j.w.running
	p.made, j.makers[s.Name] = s.Name, maker{late{p.dead, s.Takes > retracting, j.w.at}, p}
	switch n := numberOf(s.Name); {
	case !ok, n == 0, n > d.Operation.N:
		j.w.violate("I5", "change set %s of stack %s was created and no record knows it", s.Name, s.Stack)
	case p.sure < 2:
		j.w.violate("I5", "change set %s of stack %s was begun again on records that were not read again", s.Name, s.Stack)
	case d.Phase.Done(), d.Operation.Token != s.Name, d.Operation.ID != "":
		j.late[s.Name] = j.makers[s.Name].late
		if stack, _ := j.w.cloud.Stack(s.Stack); stack.Status == types.StackStatusReviewInProgress {
			j.late[s.Stack] = j.late[s.Name]
		}
	}
}

// deleted is told of every accepted deletion of a change set.
func (j *judge) deleted(s cloud.Set) {
	if _, ok := j.owner(s.Name); !ok {
		j.w.violate("I8", "change set %s of stack %s was deleted, which is none of ours", s.Name, s.Stack)
	}
}

// executed is told of every accepted execution.
func (j *judge) executed(s cloud.Set) {
	w := j.w
	d, ok := j.owner(s.Token)
	if !ok || s.Token != s.Name {
		w.violate("I5", "change set %s was executed under the token %q, which no record knows", s.Name, s.Token)
		return
	}
	if d.Operation.Token != s.Token || d.Operation.Kind != gitops.OperationApply || d.Phase != gitops.PhaseApplying {
		w.violate("I5", "change set %s was executed, while its record says %s of %s in %s", s.Name, d.Operation.Kind, d.Operation.Token, d.Phase)
	}
	if first, twice := j.executions[d.ID]; twice {
		w.violate("I6", "deployment %s executed %s after it had executed %s", d.ID, s.Token, first)
	}
	j.executions[d.ID] = s.Token
	if d.Kind == gitops.KindHeal {
		j.healing(s, d)
	}
	if d.Seq < j.highest[d.Application] {
		w.violate("I2", "%s executed observation %d after %d", d.Application, d.Seq, j.highest[d.Application])
	}
	if holder := w.store.Holder(reconcile.ClaimStack(target.Account, target.Region, s.Stack)); holder != d.Application {
		w.violate("I1", "%s executed %s on stack %s, which %q has claimed", d.Application, s.Token, s.Stack, holder)
	}
	if holder := j.holder[s.Stack]; holder != "" && holder != d.Application && !j.apps[holder].Removed &&
		j.apps[holder].Settings.CloudFormation.Stack == s.Stack {
		w.violate("I1", "%s executed %s on stack %s, which is %s's", d.Application, s.Token, s.Stack, holder)
	}
	j.holder[s.Stack] = d.Application
	j.highest[d.Application] = max(j.highest[d.Application], d.Seq)
	for _, r := range w.cloud.Running() {
		if o, ok := j.owner(r.Token); ok && r.Token != s.Token && (o.Application == d.Application || r.Stack == s.Stack) {
			w.violate("I1", "%s executed %s while %s was under way", d.Application, s.Token, r.Token)
		}
	}
}
