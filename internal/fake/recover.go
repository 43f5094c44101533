package fake

import (
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// stuck returns what a plan on a stack is refused with that takes no update.
func (e *Engine) stuck(key string, script Script) error {
	if s, ok := e.stacks[key]; !ok || !s.stuck || script.Stuck == nil {
		return nil
	}
	return &gitops.Refusal{Reason: "the stack is in " + script.Stuck.Status, Blocked: true, Stuck: script.Stuck}
}

// recover ends what a stack is stuck in. What cannot be rolled back is, once it is left out.
func (e *Engine) recover(w reconcile.Work) (gitops.Operation, error) {
	s, script := e.stacks[workKey(w)], e.scripts[w.Application]
	if s == nil || !s.stuck {
		return w.Operation, &gitops.Refusal{Reason: "the stack is not stuck in anything"}
	}
	if _, again := e.recovered[w.Operation.Token]; again {
		return w.Operation, nil
	}
	ends := !script.FailRecover || len(w.Operation.Skip) > 0
	e.recovered[w.Operation.Token] = ends
	s.stuck = !ends
	return w.Operation, nil
}

func (e *Engine) observeRecovery(w reconcile.Work) gitops.Sighting {
	ended, begun := e.recovered[w.Operation.Token]
	switch {
	case !begun:
		return gitops.Sighting{State: gitops.OperationAbsent}
	case ended:
		return gitops.Sighting{State: gitops.OperationDone}
	}
	return gitops.Sighting{State: gitops.OperationBlocked, Reason: "the rollback failed again", Stuck: e.scripts[w.Application].Stuck}
}
