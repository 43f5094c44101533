package builds

import (
	"encoding/json"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sim"
)

// state is an application's state of Terraform, and what runs. Each is the bundle that it is of.
type state struct {
	serial int
	bundle string // what the state says
	live   string
}

func (w *world) state(application string) *state {
	if w.infra[application] == nil {
		w.infra[application] = &state{}
	}
	return w.infra[application]
}

func lockKey(application string) string {
	return build.State{Key: "applications/" + application + ".tfstate"}.LockKey("")
}

// held returns the lock of an application's state.
func (w *world) held(application string) (l build.Lock, held bool) {
	data, held := w.states.objects[lockKey(application)]
	if held {
		_ = json.Unmarshal(data, &l) // it was written here
	}
	return l, held
}

func (w *world) putLock(application string, l build.Lock, by *aBuild) {
	data, _ := json.Marshal(l) // texts and a time
	w.states.objects[lockKey(application)] = data
	w.judge.holder[l.ID] = by
}

// lock takes the state's lock, and waits for it for a minute, as the programs ask terraform to.
func (p *program) lock() error {
	app := p.order.Application
	for end := p.w.at + time.Minute; ; p.w.running.pause(5 * time.Second) {
		if err := p.step("lock"); err != nil {
			return err
		}
		l, held := p.w.held(app)
		if !held {
			p.w.ids++
			operation := map[gitops.OperationKind]string{gitops.OperationPlan: "OperationTypePlan", gitops.OperationApply: "OperationTypeApply"}[p.job.Kind]
			p.w.putLock(app, build.Lock{ID: sum([]byte{byte(p.w.ids), byte(p.w.ids >> 8)})[:8], Operation: operation, Who: p.who(), Created: p.w.now()}, p.b)
			return nil
		}
		if p.w.at >= end {
			return &ending{build.OutcomeBlocked, "the state is locked by " + l.Who}
		}
	}
}

// release gives the state's lock back.
func (p *program) release() {
	_ = p.w.gate("release") // whoever dies here leaves it; one call that fails is tried again
	delete(p.w.states.objects, lockKey(p.order.Application))
}

// unlock removes one lock by its id, where it still is the state's.
func (w *world) unlock(p *program, id string) {
	_ = w.gate("unlock") // one call that fails is tried again
	if l, held := w.held(p.order.Application); held && l.ID == id {
		w.judge.unlocks(p, l)
		delete(w.states.objects, lockKey(p.order.Application))
	}
}

// byHand lets a person work on the state beside Driftless for a while.
func (w *world) byHand(a sim.Action) {
	if _, held := w.held(a.App); held || a.App != terraformApp {
		return
	}
	id := "by hand " + w.at.String()
	w.putLock(a.App, build.Lock{ID: id, Who: "ann@laptop", Created: w.now()}, nil)
	w.after(span(a), func() { w.handBack(id) })
}

// handBack ends a person's work on the state: every plan made before is stale.
func (w *world) handBack(id string) {
	if l, held := w.held(terraformApp); held && l.ID == id {
		delete(w.states.objects, lockKey(terraformApp))
		w.state(terraformApp).serial++
	}
}

// expire removes all saved plans, as the bucket does after a day.
func (w *world) expire(sim.Action) {
	for key := range w.data.objects {
		if len(key) > len("tfplans/") && key[:len("tfplans/")] == "tfplans/" {
			delete(w.data.objects, key)
		}
	}
}
