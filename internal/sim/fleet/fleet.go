package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Options say what is simulated. Usual has those of the documentation.
type Options struct {
	Applications, Accounts int
	Drift                  bool          // whether it is looked for at all
	Every                  time.Duration // each application's drift.every
	Deployments            float64       // in an hour, of all; they arrive at random
	Workers                int           // reconcilers at a time
	Rates                  reconcile.Rates
	Allowed                Allowed
	Latency                Latency
	// Warm is how long the world goes on before anything is measured, and Takes for how long it
	// then is.
	Warm, Takes time.Duration
	Seed        uint64
}

// Allowed is what CloudFormation allows in one account and region: calls a second, and how many
// of them at once after a pause: DetectStackDrift, and together all that describe; all that list
// have as much as these. CloudFormation publishes nothing of it; that what may come at once is five
// seconds' worth is what EC2 publishes of its own (EC2 developer guide, "Request throttling for the
// Amazon EC2 API").
type Allowed struct{ Detect, DetectBurst, Describe, DescribeBurst float64 }

// Latency is how long calls take, and how late events are.
type Latency struct{ Table, Queue, Blob, CloudFormation, Event time.Duration }

// Usual is so many applications in so many accounts, as docs/drift-scale.md has them: with ten
// thousand in five, two hundred deployments an hour.
func Usual(applications, accounts int) Options {
	return Options{Applications: applications, Accounts: accounts, Drift: true, Every: time.Hour, Deployments: float64(applications) / 50, Workers: 10,
		Allowed: Allowed{Detect: 1, DetectBurst: 5, Describe: 5, DescribeBurst: 25},
		Latency: Latency{Table: 6 * time.Millisecond, Queue: 15 * time.Millisecond, Blob: 25 * time.Millisecond, CloudFormation: 80 * time.Millisecond, Event: 700 * time.Millisecond},
		Warm:    time.Hour, Takes: 2 * time.Hour, Seed: 1}
}

// Run simulates a fleet.
func Run(o Options) (Result, error) {
	w, err := newWorld(o)
	if err != nil {
		return Result{}, err
	}
	defer w.close()
	w.schedule()
	w.arrivals()
	w.until(o.Warm + o.Takes + drain)
	w.finish()
	return w.result, nil
}

// drain is how long the deployments that arrived last have to end.
const drain = 10 * time.Minute

// schedule is the rule of the sweeper.
func (w *world) schedule() {
	var minute func()
	minute = func() {
		w.start("sweeper", "", invocation, func(ctx context.Context) {
			if _, err := w.sweeper.Unfinished(ctx); err != nil {
				w.visible("the sweeper fails: " + err.Error())
			}
		}, func(bool) {})
		w.after(time.Minute, minute)
	}
	w.after(time.Minute, minute)
}

// arrivals lets deployments come, each of another application, at random: the time between two is
// exponential, and the same with and without drift.
func (w *world) arrivals() {
	random := rand.New(rand.NewPCG(w.o.Seed, 2)) //nolint:gosec // a simulation is to be repeated
	order := random.Perm(w.o.Applications)
	at := time.Second
	for n := 0; n < len(order) && at < w.o.Warm+w.o.Takes; n++ {
		id := w.name(order[n])
		w.after(at, func() { w.push(id, n) })
		at += time.Duration(random.ExpFloat64() / w.o.Deployments * float64(time.Hour))
	}
}

// push is what the repository's step does for one application: it stores what git wants, and
// sends a message.
func (w *world) push(id string, n int) {
	running := w.running
	w.running = nil
	defer func() { w.running = running }()
	ctx := context.Background() //nolint:usetesting // a world is a main of its own
	a, err := w.store.Application(ctx, id)
	if err == nil {
		a.Wanted = gitops.Wanted{Revision: revision(2), Digest: "2", Seq: 2, Bundle: w.bundles[1]}
		err = w.store.PutApplication(ctx, &a)
	}
	if err != nil {
		w.visible(fmt.Sprintf("%s cannot be pushed to: %v", id, err))
		return
	}
	w.arrived[id] = len(w.result.Deployments) + 1
	w.result.Deployments = append(w.result.Deployments, Deployment{Application: id, Number: n, at: w.at})
	w.mail.post(reconcile.Message{Application: id, Reason: "git has something new"})
}
