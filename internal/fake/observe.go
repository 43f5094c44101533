package fake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Observe implements reconcile.Engine. Looking at an operation lets its world's time go on.
func (e *Engine) Observe(_ context.Context, w reconcile.Work) (sight gitops.Sighting, err error) {
	err = e.run("Observe "+string(w.Operation.Kind), func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.scripts[w.Application].Unknown {
			sight = gitops.Sighting{State: gitops.OperationUnknown, Reason: "Rate exceeded", Operation: w.Operation}
			return nil
		}
		switch w.Operation.Kind {
		case gitops.OperationPlan, gitops.OperationApply:
			sight = e.observeChangeSet(w)
		case gitops.OperationDetect:
			sight = e.observeDetection(w)
		case gitops.OperationRecover:
			sight = e.observeRecovery(w)
		case gitops.OperationCancel:
			sight = gitops.Sighting{State: gitops.OperationAbsent}
		default:
			return fmt.Errorf("observe operation: kind %q is not known", w.Operation.Kind)
		}
		sight.Operation = w.Operation
		return nil
	})
	if err != nil {
		return gitops.Sighting{}, err
	}
	return sight, nil
}

func (e *Engine) observeChangeSet(w reconcile.Work) gitops.Sighting {
	script := e.scripts[w.Application]
	c, ok := e.changeSets[w.Operation.Token]
	switch {
	case ok && c.executed:
		return e.observeExecution(c)
	case script.Blocked != "":
		return gitops.Sighting{State: gitops.OperationBlocked, Reason: script.Blocked}
	case script.Foreign != "":
		return gitops.Sighting{State: gitops.OperationForeign, Reason: script.Foreign}
	case !ok:
		return gitops.Sighting{State: gitops.OperationAbsent}
	case c.looks > 0:
		c.looks--
		return gitops.Sighting{State: gitops.OperationRunning, Progress: "CREATE_IN_PROGRESS"}
	case c.failed != "":
		return gitops.Sighting{State: gitops.OperationFailed, Reason: c.failed}
	case c.moved != e.stacks[c.stack].moved:
		return gitops.Sighting{State: gitops.OperationStale, Reason: "the stack changed since the plan was made"}
	case c.empty:
		return gitops.Sighting{State: gitops.OperationNoChange}
	}
	plan := c.plan
	plan.Changes = slices.Clone(plan.Changes)
	return gitops.Sighting{State: gitops.OperationReady, Plan: &plan}
}

// observeExecution ends an execution once it was looked at for long enough.
func (e *Engine) observeExecution(c *changeSet) gitops.Sighting {
	s := e.stacks[c.stack]
	if c.looks > 0 {
		c.looks--
		return gitops.Sighting{State: gitops.OperationRunning, Progress: "UPDATE_IN_PROGRESS"}
	}
	if !c.ended {
		c.ended = true
		s.running = ""
		s.moved++
		if c.failed == "" {
			s.declared, s.live = c.target, c.target.clone()
			delete(s.live, "Outputs")
		}
	}
	if stuck := e.scripts[c.application].Stuck; c.failed != "" && stuck != nil {
		s.stuck = true
		return gitops.Sighting{State: gitops.OperationBlocked, Reason: c.failed + "; the stack is in " + stuck.Status, Stuck: stuck,
			Cause: &gitops.Cause{LogicalID: "Queue", Type: "AWS::SQS::Queue", Status: "UPDATE_FAILED", Reason: c.failed}}
	}
	if c.failed != "" {
		return gitops.Sighting{State: gitops.OperationFailed, Reason: c.failed}
	}
	return gitops.Sighting{State: gitops.OperationDone, Outputs: maps.Clone(c.target["Outputs"])}
}

func (e *Engine) observeDetection(w reconcile.Work) gitops.Sighting {
	script := e.scripts[w.Application]
	d, ok := e.detections[w.Operation.ID]
	switch {
	case !ok:
		return gitops.Sighting{State: gitops.OperationAbsent}
	case d.looks > 0:
		d.looks--
		return gitops.Sighting{State: gitops.OperationRunning, Progress: "DETECTION_IN_PROGRESS"}
	case script.FailDetect != "":
		return gitops.Sighting{State: gitops.OperationFailed, Reason: script.FailDetect}
	}
	s := e.stacks[d.stack]
	report := gitops.DriftReport{Application: w.Application, StackID: w.Operation.StackID, At: e.now(), Complete: true, Partial: d.only != nil}
	for _, id := range slices.Sorted(maps.Keys(s.declared)) {
		if id != "Outputs" && (d.only == nil || slices.Contains(d.only, id)) {
			report.Resources = append(report.Resources, drift(s, id, slices.Contains(script.NotCheckable, id)))
		}
	}
	return gitops.Sighting{State: gitops.OperationDone, Report: &report}
}

func (e *Engine) now() time.Time {
	if e.Now == nil {
		return time.Time{}
	}
	return e.Now()
}

// drift compares one live resource with its declaration: only what is declared, as AWS does.
func drift(s *stack, id string, blind bool) gitops.ResourceDrift {
	r := gitops.ResourceDrift{LogicalID: id, PhysicalID: id, Type: typeOf(s.declared[id]), Status: gitops.ResourceInSync}
	live, ok := s.live[id]
	switch {
	case blind:
		r.Status, r.Reason = gitops.ResourceNotCheckable, "drift detection does not support this type"
		return r
	case !ok:
		r.Status = gitops.ResourceDeleted
		return r
	}
	for _, name := range slices.Sorted(maps.Keys(s.declared[id])) {
		declared, actual := s.declared[id][name], live[name]
		if declared == actual {
			continue
		}
		kind := "NOT_EQUAL"
		if actual == "" {
			kind = "REMOVE"
		}
		r.Status = gitops.ResourceModified
		r.Properties = append(r.Properties, gitops.Difference{Path: "/" + name, Declared: declared, Live: actual, Kind: kind})
	}
	return r
}

// changes returns what brings from to target. A changed Type replaces the resource, and a
// change of the property Name does, as most names do on AWS.
func changes(from, target Resources) []gitops.Change {
	var all []gitops.Change
	ids := slices.Collect(maps.Keys(target))
	for id := range from {
		if _, ok := target[id]; !ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		before, had := from[id]
		after, has := target[id]
		c := gitops.Change{LogicalID: id, Properties: properties(before, after)}
		switch {
		case id == "Outputs": // outputs alone are a change that can be executed, of no resource
			continue
		case !has:
			c.Action, c.Type = gitops.ActionRemove, typeOf(before)
		case !had:
			c.Action, c.Type = gitops.ActionAdd, typeOf(after)
		case len(c.Properties) == 0:
			continue
		default:
			c.Action, c.Type = gitops.ActionModify, typeOf(after)
			if before["Type"] != after["Type"] || before["Name"] != after["Name"] {
				c.Action = gitops.ActionReplace
			}
		}
		all = append(all, c)
	}
	return all
}

// reverts returns what brings live back to target, of what is declared, with live's values.
func (s *stack) reverts(target Resources) []gitops.Change {
	from := Resources{}
	for id, declared := range s.declared {
		live, ok := s.live[id]
		if !ok && id != "Outputs" {
			continue
		}
		from[id] = map[string]string{}
		for name := range declared {
			if v, ok := live[name]; ok {
				from[id][name] = v
			}
		}
	}
	all := changes(from, target)
	for i, c := range all {
		for j, p := range c.Properties {
			all[i].Properties[j].Live = p.LastDeployed
			all[i].Properties[j].LastDeployed = s.declared[c.LogicalID][p.Path[1:]]
		}
	}
	return all
}

// properties returns the declared properties that differ.
func properties(before, after map[string]string) []gitops.PropertyChange {
	var all []gitops.PropertyChange
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if before[name] != after[name] {
			all = append(all, gitops.PropertyChange{Path: "/" + name, LastDeployed: before[name], Proposed: after[name]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; !ok {
			all = append(all, gitops.PropertyChange{Path: "/" + name, LastDeployed: before[name]})
		}
	}
	return all
}

func typeOf(properties map[string]string) string {
	if t := properties["Type"]; t != "" {
		return t
	}
	return "Test::Resource"
}
