package sim

import (
	"fmt"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Fair pushes to many applications at once, one of which may be poisoned: all its calls of
// CloudFormation fail, hang or are throttled. It returns how long each of the others took from
// the push to the end of its deployment, with the queue and the concurrency of the real
// wiring (design, decision 17).
func Fair(seed uint64, apps int, how FaultKind) (map[string]time.Duration, error) {
	k := Knobs{FIFO: true, Workers: 10, Latency: 200 * time.Millisecond, Forgets: time.Hour, Page: 100,
		ChangeOf: 5 * time.Second, ExecOf: time.Minute, DetectOf: 30 * time.Second}
	for i := range apps {
		k.Apps = append(k.Apps, App{Name: fmt.Sprintf("app-%03d", i), Approval: gitops.ApprovalNever, Verify: true})
	}
	w := newWorld(Plan{Seed: seed, Knobs: &k}, nil)
	defer w.close()
	w.begin()
	const push, end = time.Hour, 3 * time.Hour
	w.after(push-10*time.Minute, func() { // it was poisoned for a while before
		if how != "" {
			w.poisoned, w.poison = k.Apps[0].Name, how
			w.push(Action{App: w.poisoned, Arg: "7"})
		}
	})
	w.after(push, func() { w.pushAll(Action{}) })
	took := map[string]time.Duration{}
	w.judge.ended = func(d gitops.Deployment) {
		if w.at > push && d.Application != k.Apps[0].Name && d.Phase == gitops.PhaseSucceeded {
			took[d.Application] = w.at - push
		}
	}
	w.until(end)
	if w.judge.found != nil {
		return nil, w.judge.found
	}
	if len(took) != apps-1 {
		return nil, fmt.Errorf("%d of %d applications came to their end", len(took), apps-1)
	}
	return took, nil
}
