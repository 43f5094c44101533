package bootstrap

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Pool keeps the processes of one version of one function: one for each invocation under
// way, and those that wait for the next. How many may run at once is its caller's affair.
type Pool struct {
	spec func(ctx context.Context) (Spec, error)
	idle time.Duration

	mu      sync.Mutex
	free    []*resting
	all     map[*Process]bool
	ending  int           // answered, but not yet asking for more
	changed chan struct{} // closed and made anew when one of those does, or is gone
	retired bool
	closed  bool
}

type resting struct {
	process *Process
	since   *time.Timer
}

// NewPool makes a pool that starts a process from what spec answers, anew for each, since
// credentials end. A process without work for the time idle is ended.
func NewPool(idle time.Duration, spec func(ctx context.Context) (Spec, error)) *Pool {
	return &Pool{spec: spec, idle: idle, all: map[*Process]bool{}, changed: make(chan struct{})}
}

// Invoke runs one invocation in a process that waits, or in a new one. An error means
// that none could be started or that ctx ended first.
func (p *Pool) Invoke(ctx context.Context, i Invocation) (Result, error) {
	process, err := p.take(ctx)
	if err != nil {
		return Result{}, err
	}
	result, err := process.Invoke(ctx, i)
	p.mu.Lock()
	p.ending++
	p.mu.Unlock()
	go p.release(process)
	return result, err
}

func (p *Pool) take(ctx context.Context) (*Process, error) {
	patience := time.After(20 * time.Millisecond) // less than a start costs
	for {
		process, changed := p.pop()
		if process == nil && changed != nil {
			select {
			case <-changed:
				continue
			case <-patience:
			}
		}
		if process == nil {
			return p.start(ctx)
		}
		select {
		case <-process.Done():
			p.forget(process)
			continue
		default:
		}
		if e := process.spec.Expires; e.IsZero() || process.spec.Now().Before(e) {
			return process, nil
		}
		process.Close()
		p.forget(process)
	}
}

func (p *Pool) start(ctx context.Context) (*Process, error) {
	spec, err := p.spec(ctx)
	if err != nil {
		return nil, err
	}
	process, err := Start(spec)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.all[process] = true
	}
	p.mu.Unlock()
	if closed {
		process.Close()
		return nil, errors.New("start function: the sandbox is closing")
	}
	return process, nil
}

// pop takes the process that rested last: the others may then end. Where none rests but
// one is about to, it returns what to wait for.
func (p *Pool) pop() (*Process, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		if p.ending > 0 {
			return nil, p.changed
		}
		return nil, nil
	}
	r := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	r.since.Stop()
	return r.process, nil
}

// release puts a process back once it asks for more: after a panic it answers and then
// exits, so an answer alone does not mean that it can take another invocation.
func (p *Pool) release(process *Process) {
	alive := process.Idle()
	p.mu.Lock()
	p.ending--
	close(p.changed)
	p.changed = make(chan struct{})
	if alive && !p.retired {
		r := &resting{process: process}
		r.since = time.AfterFunc(p.idle, func() { p.end(r) })
		p.free = append(p.free, r)
		p.mu.Unlock()
		return
	}
	delete(p.all, process)
	p.mu.Unlock()
	process.Close()
}

// end closes a process that rested too long, unless it was taken meanwhile.
func (p *Pool) end(r *resting) {
	p.mu.Lock()
	found := false
	for i, f := range p.free {
		if f == r {
			p.free = append(p.free[:i], p.free[i+1:]...)
			found = true
			break
		}
	}
	p.mu.Unlock()
	if found {
		r.process.Close()
		p.forget(r.process)
	}
}

func (p *Pool) forget(process *Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, process)
}

// Find returns the process that was given an access key.
func (p *Pool) Find(key string) (*Process, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for process := range p.all {
		if process.spec.Key == key {
			return process, true
		}
	}
	return nil, false
}

// Retire ends the processes that wait, and each other one after its invocation.
func (p *Pool) Retire() {
	p.mu.Lock()
	p.retired = true
	free := p.free
	p.free = nil
	p.mu.Unlock()
	for _, r := range free {
		r.since.Stop()
		r.process.Close()
		p.forget(r.process)
	}
}

// Close ends all processes at once; invocations under way fail.
func (p *Pool) Close() {
	p.mu.Lock()
	p.retired, p.closed = true, true
	all := p.all
	p.all, p.free = map[*Process]bool{}, nil
	p.mu.Unlock()
	for process := range all {
		process.Close()
	}
}
