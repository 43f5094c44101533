package fake

import (
	"errors"
	"maps"
	"sync"
)

// ErrLost is what a fault returns to let the call take effect and lose its answer: what a
// caller sees when the connection breaks after the request.
var ErrLost = errors.New("answer lost")

// Calls counts the calls of a fake by method name, and makes them fail.
type Calls struct {
	mu    sync.Mutex
	count map[string]int
	fault func(call string) error
}

// Fail asks fault before every call, by the method's name: an error is what the call
// returns, without effect unless it is ErrLost. Nil ends it.
func (c *Calls) Fail(fault func(call string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = fault
}

// Count returns how often a method was called.
func (c *Calls) Count(call string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count[call]
}

// Counts returns the number of calls of every method that was called.
func (c *Calls) Counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.count)
}

// Forget sets all counts to zero.
func (c *Calls) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count = nil
}

// run counts the call and carries it out, unless the fault says otherwise.
func (c *Calls) run(call string, do func() error) error {
	c.mu.Lock()
	if c.count == nil {
		c.count = map[string]int{}
	}
	c.count[call]++
	fault := c.fault
	c.mu.Unlock()
	var failed error
	if fault != nil {
		failed = fault(call)
	}
	if failed != nil && !errors.Is(failed, ErrLost) {
		return failed
	}
	if err := do(); err != nil {
		return err
	}
	return failed
}
