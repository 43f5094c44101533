package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Plan is everything that happens in a run but what time and chance make of it, which the
// seed decides.
type Plan struct {
	World   string // its name; empty: Stacks
	Seed    uint64
	Actions []Action
	Faults  []Fault
	Knobs   *Knobs // nil: drawn from the seed
}

// Knobs are the properties of a world.
type Knobs struct {
	Apps     []App
	FIFO     bool // messages of one group come in order, one at a time
	Deaf     bool // no event and no webhook ever arrives
	Workers  int
	Latency  time.Duration // of a call, at most
	Skew     time.Duration // of a process's clock, at most
	Vanish   bool          // as of cloud.Cloud
	Forgets  time.Duration
	Page     int
	ChangeOf time.Duration // how long a change set takes, at most
	ExecOf   time.Duration
	DetectOf time.Duration
	Late     time.Duration
	Text     bool // the table keeps records as JSON, else as copies, which is the same and faster
	Odd      bool // as of cloud.Cloud
	Told     bool // of changes by hand events tell
}

// App is an application as the world begins.
type App struct {
	Name     string
	Approval gitops.Approval
	Manual   bool
	Verify   bool
	Drift    bool // is looked for every ten minutes
	Secret   bool // its template has a NoEcho parameter
	Heal     bool // what drifted is brought back by itself
	Checks   int  // how many checks verify has
	Undo     bool // a failed check is followed by a rollback
	Stays    bool // a rollback that got stuck is not continued by itself
	Recreate bool // a stack that never was complete is made anew
}

// mends reports whether anything of the application follows a failure or a drift by itself.
func (a App) mends() bool { return a.Heal || a.Checks > 0 || a.Stays || a.Recreate }

const (
	span     = 8 * time.Minute // within which actions are drawn
	maxActs  = 8
	maxFails = 7
)

// dice returns a source of draws for one purpose of a seed.
func dice(seed, purpose uint64) func(int) int {
	r := rand.New(rand.NewPCG(seed, purpose)) //nolint:gosec // it has to be repeatable
	return r.IntN
}

// Generate returns the plan of a seed.
func Generate(seed uint64) Plan {
	draw := dice(seed, 1)
	k := DrawKnobs(seed)
	p := Plan{Seed: seed}
	total := 0
	for _, n := range names {
		total += acts[n].weight
	}
	for range 1 + draw(maxActs) {
		at := draw(total)
		for _, n := range names {
			if at -= acts[n].weight; at < 0 {
				p.Actions = append(p.Actions, Action{At: time.Duration(draw(int(span/time.Second))) * time.Second,
					What: n, App: k.Apps[draw(len(k.Apps))].Name, Arg: acts[n].arg(draw)})
				break
			}
		}
	}
	p.mending(k)
	slices.SortStableFunc(p.Actions, func(a, b Action) int { return int(a.At - b.At) })
	for range draw(maxFails) {
		p.Faults = append(p.Faults, drawFault(sites, draw))
	}
	return p
}

// DrawKnobs returns the world of a seed.
func DrawKnobs(seed uint64) Knobs {
	draw := dice(seed, 2)
	one := func(d ...time.Duration) time.Duration { return d[draw(len(d))] }
	k := Knobs{FIFO: draw(2) == 0, Deaf: draw(6) == 0, Workers: 1 + draw(4), Vanish: draw(2) == 0, Page: []int{3, 100}[draw(2)],
		Latency: one(20*time.Millisecond, 200*time.Millisecond, time.Second), Forgets: one(time.Minute, time.Hour),
		ChangeOf: one(200*time.Millisecond, 200*time.Millisecond, time.Second, time.Second, 5*time.Second, 90*time.Second), ExecOf: one(5*time.Second, time.Minute, 5*time.Minute),
		DetectOf: one(5*time.Second, time.Minute, 7*time.Minute), Late: one(0, 0, 2*time.Second)}
	if draw(8) == 0 {
		k.Skew = time.Hour
	}
	k.Text = seed%8 == 0
	for i := range 1 + draw(2) {
		k.Apps = append(k.Apps, App{Name: []string{"jobs", "books", "mail"}[i], Manual: draw(8) == 0, Verify: draw(3) > 0, Drift: draw(4) == 0, Secret: i == 0 && draw(4) == 0,
			Approval: []gitops.Approval{gitops.ApprovalNever, gitops.ApprovalNever, gitops.ApprovalDestructive, gitops.ApprovalAlways}[draw(4)]})
	}
	k.mending(dice(seed, 4))
	return k
}

// mending draws, for every second world, what follows drifts and failures by itself. It draws
// from a source of its own, so that the other worlds are what they would be without.
func (k *Knobs) mending(draw func(int) int) {
	if draw(2) == 0 {
		return
	}
	k.Odd, k.Told = draw(3) == 0, draw(3) > 0
	for i := range k.Apps {
		a := &k.Apps[i]
		a.Heal, a.Checks, a.Undo = draw(2) == 0, draw(6)%3, draw(3) > 0
		a.Stays, a.Recreate = draw(3) == 0, draw(2) == 0
		a.Drift = a.Drift || a.Heal
	}
}

// mending adds what people do to a world in which something is mended by itself, and what fails then.
func (p *Plan) mending(k Knobs) {
	if !slices.ContainsFunc(k.Apps, App.mends) {
		return
	}
	draw := dice(p.Seed, 5)
	for range 1 + draw(5) {
		n := mendings[draw(len(mendings))]
		p.Actions = append(p.Actions, Action{At: time.Duration(draw(int(span/time.Second))) * time.Second,
			What: n, App: k.Apps[draw(len(k.Apps))].Name, Arg: acts[n].arg(draw)})
	}
	for range draw(3) {
		p.Faults = append(p.Faults, drawFault(moreSites, draw))
	}
}

// String returns the one line that runs the plan again.
func (p Plan) String() string {
	l, world := p.Lists(), ""
	if p.World != "" {
		world = "-world " + p.World + " "
	}
	return fmt.Sprintf("bin/sim run %s-seed %d -actions '%s' -faults '%s'", world, p.Seed, l.Actions, l.Faults)
}

// Lists is a plan's lists as text.
type Lists struct{ Actions, Faults string }

// Lists returns the plan's lists as ParsePlan reads them.
func (p Plan) Lists() Lists { return Lists{join(p.Actions), join(p.Faults)} }

func join[T fmt.Stringer](list []T) string {
	var all []string
	for _, v := range list {
		all = append(all, v.String())
	}
	return strings.Join(all, ",")
}

// ParsePlan reads the lists as String writes them.
func (w World) ParsePlan(seed uint64, actions, faults string) (Plan, error) {
	p := Plan{World: w.Generate(seed).World, Seed: seed}
	split := func(s string) []string { return strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) }
	for _, text := range split(actions) {
		a, err := w.ParseAction(text)
		if err != nil {
			return p, err
		}
		p.Actions = append(p.Actions, a)
	}
	for _, text := range split(faults) {
		f, err := ParseFault(text)
		if err != nil {
			return p, err
		}
		p.Faults = append(p.Faults, f)
	}
	return p, nil
}
