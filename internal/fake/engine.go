package fake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Engine is a small CloudFormation: stacks of resources with properties, change sets under
// their token that can be executed once, and drift detections. A template is a list of
// lines "Resource.Property: value"; the property Type is the resource's type, and the
// resource Outputs holds the stack's outputs.
type Engine struct {
	Calls
	Now func() time.Time // stamps reports; nil stamps the zero time

	mu         sync.Mutex
	stacks     map[string]*stack // by account/region/name
	changeSets map[string]*changeSet
	detections map[string]*detection
	scripts    map[string]Script // by application
	executed   []Execution
	recovered  map[string]bool // tokens of recoveries, and whether they ended it
}

// Script is what the world does to one application's operations, until it is changed.
type Script struct {
	Slow         int             // for how many looks each operation keeps running
	Foreign      string          // somebody else's operation holds the stack: why
	Blocked      string          // a person has to act on the stack first: why
	FailPlan     string          // planning fails: why
	FailApply    string          // applying fails and rolls back: why
	FailDetect   string          // detecting drift fails: why
	Refuse       *gitops.Refusal // what starting a plan is refused with
	Unknown      bool            // AWS cannot say how any operation stands
	NotCheckable []string        // resources that drift detection does not look at
	Stuck        *gitops.Stuck   // an apply that fails leaves the stack so, which takes no plan until it is recovered
	FailRecover  bool            // it cannot be recovered
}

// Execution is one accepted execution of a plan.
type Execution struct {
	Application string
	Token       string
	Bundle      string
	Revision    gitops.Revision
}

// Resources is resources by logical id, each with its properties.
type Resources map[string]map[string]string

type stack struct {
	declared Resources // as last applied; nil before the first apply
	live     Resources
	moved    int    // grows with every apply
	running  string // token of the change set that is being executed
	stuck    bool
}

type changeSet struct {
	application string
	stack       string // key
	moved       int    // the stack's, when the plan was made
	plan        gitops.Plan
	target      Resources
	empty       bool // nothing differs, outputs neither
	looks       int  // for which it keeps running
	executed    bool
	failed      string
	ended       bool // its execution
}

type detection struct {
	stack string
	looks int
	only  []string // logical ids; nil: all
}

var _ reconcile.Engine = (*Engine)(nil)

// NewEngine returns an engine in whose world there is nothing yet.
func NewEngine() *Engine {
	return &Engine{
		stacks:     map[string]*stack{},
		changeSets: map[string]*changeSet{},
		detections: map[string]*detection{},
		scripts:    map[string]Script{},
		recovered:  map[string]bool{},
	}
}

// Script sets what happens to an application from now on; the zero Script ends it.
func (e *Engine) Script(application string, s Script) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.scripts[application] = s
}

// Executed returns the plans that were executed, in order.
func (e *Engine) Executed() []Execution {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.executed)
}

// Leftovers returns the tokens of change sets that exist and were never executed, sorted.
// At rest there must be none.
func (e *Engine) Leftovers() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var tokens []string
	for token, c := range e.changeSets {
		if !c.executed {
			tokens = append(tokens, token)
		}
	}
	slices.Sort(tokens)
	return tokens
}

// Live returns what runs in a stack; nil where there is no such stack.
func (e *Engine) Live(t gitops.Target, name string) Resources {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s, ok := e.stacks[stackKey(t, name)]; ok {
		return s.live.clone()
	}
	return nil
}

// Edit changes a property of a live resource by hand; an empty value removes the property,
// an empty property removes the resource.
func (e *Engine) Edit(t gitops.Target, name, resource, property, value string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.stacks[stackKey(t, name)]
	switch {
	case !ok:
	case property == "":
		delete(s.live, resource)
	case value == "":
		delete(s.live[resource], property)
	default:
		if s.live[resource] == nil {
			s.live[resource] = map[string]string{}
		}
		s.live[resource][property] = value
	}
}

// Touch is an update of a stack by somebody else, that changes nothing of what is compared:
// every plan made before it is stale.
func (e *Engine) Touch(t gitops.Target, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s, ok := e.stacks[stackKey(t, name)]; ok {
		s.moved++
	}
}

// Start implements reconcile.Engine.
func (e *Engine) Start(ctx context.Context, w reconcile.Work) (op gitops.Operation, err error) {
	err = e.run("Start "+string(w.Operation.Kind), func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		switch w.Operation.Kind {
		case gitops.OperationPlan:
			op, err = e.plan(ctx, w)
		case gitops.OperationApply:
			op, err = e.apply(w)
		case gitops.OperationRecover:
			op, err = e.recover(w)
		case gitops.OperationDetect:
			op, err = e.detect(w)
		case gitops.OperationCancel:
			op, err = w.Operation, e.cancel(w)
		default:
			err = fmt.Errorf("start operation: kind %q is not known", w.Operation.Kind)
		}
		return err
	})
	if err != nil {
		return gitops.Operation{}, err
	}
	return op, nil
}

func (e *Engine) plan(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	op, script, key := w.Operation, e.scripts[w.Application], workKey(w)
	if op.Token == "" {
		return op, errors.New("start plan: no token")
	}
	op.StackID, op.ID = "arn:stack/"+key, "arn:changeSet/"+op.Token
	if _, ok := e.changeSets[op.Token]; ok {
		return op, nil
	}
	if script.Refuse != nil {
		return op, script.Refuse
	}
	if why := e.stuck(key, script); why != nil {
		return op, why
	}
	target, err := template(ctx, w)
	if err != nil {
		return op, err
	}
	s, ok := e.stacks[key]
	if !ok {
		s = &stack{}
		e.stacks[key] = s
	}
	plan := gitops.Plan{Engine: w.Settings.Engine, Kind: w.Kind, Bundle: w.Bundle}
	if w.Kind.Reverts() {
		plan.Changes = s.reverts(target)
	} else {
		plan.Changes = changes(s.declared, target)
	}
	plan.Seal()
	e.changeSets[op.Token] = &changeSet{
		application: w.Application,
		stack:       key,
		moved:       s.moved,
		plan:        plan,
		target:      target,
		empty:       len(plan.Changes) == 0 && maps.Equal(s.declared["Outputs"], target["Outputs"]),
		looks:       script.Slow,
		failed:      script.FailPlan,
	}
	return op, nil
}

func (e *Engine) apply(w reconcile.Work) (gitops.Operation, error) {
	c, ok := e.changeSets[w.Operation.Token]
	if !ok {
		return gitops.Operation{}, fmt.Errorf("execute %s: %w", w.Operation.Token, reconcile.ErrNotFound)
	}
	s, script := e.stacks[c.stack], e.scripts[w.Application]
	if c.executed || c.moved != s.moved { // begun by a call before this one, or obsolete: Observe tells
		return w.Operation, nil
	}
	if script.Foreign != "" || script.Blocked != "" || s.running != "" {
		return gitops.Operation{}, fmt.Errorf("execute %s: the stack is busy", w.Operation.Token)
	}
	if c.failed != "" || c.empty || c.looks > 0 {
		return gitops.Operation{}, fmt.Errorf("execute %s: the change set is not available", w.Operation.Token)
	}
	c.executed, c.looks, c.failed = true, script.Slow, script.FailApply
	s.running = w.Operation.Token
	for token, other := range e.changeSets { // one executed, the stack's others go
		if other != c && other.stack == c.stack && !other.executed {
			delete(e.changeSets, token)
		}
	}
	e.executed = append(e.executed, Execution{w.Application, w.Operation.Token, w.Bundle, w.Revision})
	return w.Operation, nil
}

func (e *Engine) detect(w reconcile.Work) (gitops.Operation, error) {
	op, key := w.Operation, workKey(w)
	if _, ok := e.detections[op.ID]; ok {
		return op, nil
	}
	if s, ok := e.stacks[key]; !ok || s.declared == nil {
		return gitops.Operation{}, &gitops.Refusal{Reason: "stack " + key + " does not exist"}
	}
	op.StackID, op.ID = "arn:stack/"+key, fmt.Sprintf("detection-%d", len(e.detections)+1)
	e.detections[op.ID] = &detection{stack: key, looks: e.scripts[w.Application].Slow, only: w.Only}
	return op, nil
}

func (e *Engine) cancel(w reconcile.Work) error {
	c, ok := e.changeSets[w.Operation.Token]
	if !ok {
		return nil
	}
	if c.executed {
		return fmt.Errorf("delete change set %s: it was executed", w.Operation.Token)
	}
	delete(e.changeSets, w.Operation.Token)
	if e.stacks[c.stack].declared == nil { // the empty stack that the change set made
		delete(e.stacks, c.stack)
	}
	return nil
}

func workKey(w reconcile.Work) string {
	return stackKey(w.Settings.Target, w.Settings.CloudFormation.Stack)
}

func stackKey(t gitops.Target, name string) string { return path.Join(t.Account, t.Region, name) }

func (r Resources) clone() Resources {
	c := make(Resources, len(r))
	for id, properties := range r {
		c[id] = maps.Clone(properties)
	}
	return c
}

// template reads the work's template. What cannot be read is a person's mistake.
func template(ctx context.Context, w reconcile.Work) (Resources, error) {
	files, err := w.Files(ctx)
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	name := path.Join(w.Settings.Path, w.Settings.CloudFormation.Template)
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, &gitops.Refusal{Reason: "read template: " + err.Error()}
	}
	resources := Resources{}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		id, property, dotted := strings.Cut(key, ".")
		if !ok || !dotted {
			return nil, &gitops.Refusal{Reason: fmt.Sprintf("%s:%d:1: %q is not \"Resource.Property: value\"", name, i+1, line)}
		}
		if resources[id] == nil {
			resources[id] = map[string]string{}
		}
		resources[id][property] = strings.TrimSpace(value)
	}
	return resources, nil
}

// Hurry ends the waits of an application's operations that are under way.
func (e *Engine) Hurry(application string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.changeSets {
		if c.application == application {
			c.looks = 0
		}
	}
}
