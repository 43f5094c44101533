package builds

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sim"
)

// Knobs are the properties of a world.
type Knobs struct {
	Approval gitops.Approval // of the Terraform configuration
	Manual   bool
	Verify   bool
	CDK      bool            // there is a CDK app besides
	Stacks   gitops.Approval // of the CDK app
	Frail    bool            // every third build dies before its program begins
	Slow     int             // for how many looks CloudFormation works
	FIFO     bool            // messages of one group come in order, one at a time
	Deaf     bool            // no event and no webhook ever arrives
	Workers  int
	Latency  time.Duration // of a call, at most
	Skew     time.Duration // of a process's clock, at most
	Queue    time.Duration // in CodeBuild, at most
	Work     time.Duration // of a part of a job, at most
}

// The applications.
const (
	terraformApp = "data"
	cdkApp       = "shop"
)

const (
	name     = "builds"         // of this world
	span8    = 10 * time.Minute // within which actions are drawn
	maxActs  = 8
	maxFails = 7
)

// World is this world, as internal/sim runs one.
func World() sim.World {
	return sim.World{Name: name, Generate: Generate, Run: Run, Knows: func(action string) bool { return slices.Contains(names, action) }}
}

// dice returns a source of draws for one purpose of a seed.
func dice(seed, purpose uint64) func(int) int {
	r := rand.New(rand.NewPCG(seed, purpose)) //nolint:gosec // it has to be repeatable
	return r.IntN
}

// Generate returns the plan of a seed.
func Generate(seed uint64) sim.Plan {
	draw, k := dice(seed, 1), DrawKnobs(seed)
	p := sim.Plan{World: name, Seed: seed}
	apps := []string{terraformApp}
	if k.CDK {
		apps = append(apps, cdkApp)
	}
	total := 0
	for _, n := range names {
		total += acts[n].weight
	}
	for range 1 + draw(maxActs) {
		at := draw(total)
		for _, n := range names {
			if at -= acts[n].weight; at < 0 {
				app := apps[draw(len(apps))]
				p.Actions = append(p.Actions, sim.Action{At: time.Duration(draw(int(span8/time.Second))) * time.Second, What: n, App: app, Arg: acts[n].arg(draw)})
				break
			}
		}
	}
	slices.SortStableFunc(p.Actions, func(a, b sim.Action) int { return int(a.At - b.At) })
	for range draw(maxFails) {
		p.Faults = append(p.Faults, drawFault(draw))
	}
	return p
}

// DrawKnobs returns the world of a seed.
func DrawKnobs(seed uint64) Knobs {
	draw := dice(seed, 2)
	one := func(d ...time.Duration) time.Duration { return d[draw(len(d))] }
	approval := func() gitops.Approval {
		return []gitops.Approval{gitops.ApprovalNever, gitops.ApprovalDestructive, gitops.ApprovalAlways}[draw(3)]
	}
	k := Knobs{Approval: approval(), Manual: draw(8) == 0, Verify: draw(2) == 0, CDK: draw(2) == 0, Stacks: approval(), Slow: draw(3),
		FIFO: draw(2) == 0, Deaf: draw(6) == 0, Workers: 1 + draw(3), Latency: one(20*time.Millisecond, 200*time.Millisecond, time.Second),
		Queue: one(2*time.Second, 20*time.Second, 3*time.Minute, 8*time.Minute), Work: one(2*time.Second, 20*time.Second, 2*time.Minute)}
	k.Frail = draw(4) == 0
	if draw(8) == 0 {
		k.Skew = time.Hour
	}
	return k
}

// site is a call that may go wrong, how often a fault is drawn for it, and what kinds.
type site struct {
	name   string
	weight int
	kinds  []sim.FaultKind
}

var (
	ofWrites   = []sim.FaultKind{sim.FaultFail, sim.FaultLost, sim.FaultCrash, sim.FaultDie, sim.FaultStall}
	ofReads    = []sim.FaultKind{sim.FaultFail, sim.FaultCrash, sim.FaultStall}
	ofStarts   = []sim.FaultKind{sim.FaultFail, sim.FaultLost, sim.FaultCrash, sim.FaultDie, sim.FaultStall, sim.FaultStall, sim.FaultStall, sim.FaultThrottle}
	ofSteps    = []sim.FaultKind{sim.FaultFail, sim.FaultCrash, sim.FaultDie, sim.FaultStall}
	ofLate     = []sim.FaultKind{sim.FaultFail, sim.FaultLost, sim.FaultDie, sim.FaultStall, sim.FaultStall, sim.FaultStall}
	ofMessages = []sim.FaultKind{sim.FaultDrop, sim.FaultDouble, sim.FaultDelay}
)

// sites are the calls of every port, and the steps of the programs in builds.
var sites = []site{
	{"Repository", 1, ofReads}, {"PutRepository", 1, ofWrites}, {"Application", 2, ofReads}, {"ApplicationsByID", 2, ofReads},
	{"Register", 6, ofWrites}, {"PutApplication", 4, ofWrites}, {"Retire", 4, ofLate}, {"ListApplications", 1, ofReads}, {"Unfinished", 1, ofReads}, {"Watched", 1, ofReads},
	{"Deployment", 2, ofReads}, {"Open", 2, ofWrites}, {"PutDeployment", 6, ofWrites}, {"Intend", 4, ofWrites}, {"Close", 4, ofWrites}, {"Supersede", 2, ofWrites},
	{"Send", 2, ofWrites}, {"Put", 4, ofWrites}, {"PutNew", 10, ofWrites}, {"Get", 6, ofReads}, {"Has", 3, ofReads},
	{"Head", 1, ofReads}, {"Snapshot", 1, ofReads},
	{"StartBuild", 14, ofStarts}, {"BatchGetBuilds", 6, ofReads}, {"StopBuild", 4, ofWrites},
	{"Start plan", 2, ofWrites}, {"Observe plan", 1, ofReads}, {"Start apply", 2, ofWrites}, {"Observe apply", 1, ofReads}, {"Start cancel", 1, ofWrites},
	{"queued", 10, []sim.FaultKind{sim.FaultDelay}},
	{"build.Get", 3, ofSteps}, {"build.PutNew", 6, ofWrites}, {"build.Replace", 4, ofWrites},
	{"build.lock", 5, ofSteps}, {"build.live", 5, ofSteps}, {"build.state", 5, ofSteps}, {"build.release", 5, ofSteps}, {"build.unlock", 2, ofSteps}, {"build.keep", 1, ofSteps},
	{"message", 8, ofMessages}, {"event", 6, ofMessages}, {"delete", 2, []sim.FaultKind{sim.FaultDrop}},
}

// totalWeight is the sum of the sites' weights.
var totalWeight = func() (n int) {
	for _, s := range sites {
		n += s.weight
	}
	return n
}()

// stalls are how long something may freeze or be late: past a message's visibility, past the five
// minutes for which tokens are remembered, and past CodeBuild's queue.
var stalls = []time.Duration{5 * time.Second, 100 * time.Second, 4 * time.Minute, 7 * time.Minute, 12 * time.Minute, 31 * time.Minute}

func drawFault(draw func(int) int) sim.Fault {
	at := draw(totalWeight)
	for _, s := range sites {
		if at -= s.weight; at >= 0 {
			continue
		}
		f := sim.Fault{Site: s.name, N: 1 + draw(1+draw(10)), Kind: s.kinds[draw(len(s.kinds))]}
		if f.Kind == sim.FaultStall || f.Kind == sim.FaultDelay {
			f.For = stalls[draw(len(stalls))]
		}
		return f
	}
	return sim.Fault{}
}

// Run lets a plan happen. Its trace is written to log, unless that is nil.
func Run(p sim.Plan, log io.Writer) sim.Result {
	w := newWorld(p, log)
	w.run()
	return sim.Result{Plan: p, Violation: w.found, Hash: w.trace.hash.Sum64(), Executed: len(w.judge.applied) + len(w.stacks.Executed()), Took: w.at}
}

// span returns an action's argument as a time.
func span(a sim.Action) time.Duration {
	d, err := time.ParseDuration(a.Arg)
	if err != nil {
		return time.Minute
	}
	return d
}

func seconds(draw func(int) int) string { return fmt.Sprintf("%ds", 10+draw(300)) }
