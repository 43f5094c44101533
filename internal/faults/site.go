package faults

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// Site is one call of a step of a scenario: the n-th of its kind that a function makes there.
type Site struct {
	Step     string // of the scenario
	Function string // without the installation's prefix
	Service  string
	Action   string
	N        int // from 1
}

// String names the site in one line.
func (s Site) String() string {
	return fmt.Sprintf("%s: %s %s %s #%d", s.Step, s.Function, s.Service, s.Action, s.N)
}

// Kind is a way in which a call goes wrong.
type Kind string

// The kinds. An answer of a service is given to each attempt that the SDK makes, so that it is
// the function that has to cope; one whose answer is lost is tried again by the SDK, which then
// meets its own effect, or, with KindGone, is never answered.
const (
	KindUnavailable Kind = "5xx"
	KindThrottled   Kind = "throttled"
	KindReset       Kind = "reset before"
	KindLost        Kind = "reset after"
	KindGone        Kind = "reset after, for good"
	KindKill        Kind = "SIGKILL before"
	KindKillAfter   Kind = "SIGKILL after"
)

// Kinds returns every kind.
func Kinds() []Kind {
	return []Kind{KindUnavailable, KindThrottled, KindReset, KindLost, KindGone, KindKill, KindKillAfter}
}

// kills reports whether a process ends by it.
func (k Kind) kills() bool { return k == KindKill || k == KindKillAfter }

// fault is what happens to an attempt, counted from 0.
func (k Kind) fault(attempt int) sandbox.Fault {
	first, then := sandbox.FaultNone, sandbox.FaultNone
	switch k {
	case KindUnavailable:
		first, then = sandbox.FaultUnavailable, sandbox.FaultUnavailable
	case KindThrottled:
		first, then = sandbox.FaultThrottled, sandbox.FaultThrottled
	case KindReset:
		first, then = sandbox.FaultReset, sandbox.FaultReset
	case KindGone:
		first, then = sandbox.FaultLost, sandbox.FaultReset
	case KindLost:
		first = sandbox.FaultLost
	case KindKill:
		first = sandbox.FaultKill
	case KindKillAfter:
		first = sandbox.FaultKillAfter
	}
	if attempt == 0 {
		return first
	}
	return then
}

// sweeper is the one function whose events are for nobody in particular.
const sweeper = "sweeper"

// call is what a call is counted by.
type call struct{ function, service, action string }

// awaitsWord is what a build that waits for its word asks for, again and again.
const awaitsWord = "GET word.json"

// repeats reports whether a build makes such calls as long as something lasts. Only the first is a site.
func (c call) repeats() bool { return c.action == awaitsWord || c.action == "PUT log.txt" }

// watch sees the calls that functions make for one lane, counts them, and lets one go wrong.
type watch struct {
	marks     []string // what an event that is for the lane has in it
	functions []string // whose calls are sites; empty: every function's
	sites     string   // what an event has in it whose calls are sites; empty: any
	global    bool     // the sweeper's calls are the lane's too

	calls  atomic.Int64           // all that were seen, but those of builds that only wait
	awaits atomic.Pointer[string] // the build that waits for the word to go on
	// hook, where there is one, decides in place of a case. It may block.
	hook atomic.Pointer[func(Site, sandbox.Request) sandbox.Fault]

	mu      sync.Mutex
	counts  map[call]int
	numbers map[string]int          // by the SDK's id, so that an attempt is no call of its own
	within  map[string]map[call]int // what each invocation made, by its event
	cases   []*disturbance
}

// disturbance is a case that waits for its call.
type disturbance struct {
	Case
	id       string // the SDK's, of the call
	attempts int    // of that call, so far
	fired    int    // how many of them went wrong
}

// begin forgets what was seen, and waits for the cases' calls, to let them go wrong.
func (w *watch) begin(cases ...Case) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts, w.numbers, w.within, w.cases = map[call]int{}, map[string]int{}, map[string]map[call]int{}, nil
	for _, c := range cases {
		w.cases = append(w.cases, &disturbance{Case: c})
	}
}

// end returns the sites that were seen in a step, and how often each case's fault happened.
func (w *watch) end(step string) (sites []Site, fired map[Case]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c, n := range w.counts {
		for i := range n {
			sites = append(sites, Site{step, c.function, c.service, c.action, i + 1})
		}
	}
	fired = map[Case]int{}
	for _, d := range w.cases {
		fired[d.Case] = d.fired
	}
	w.cases = nil
	return sites, fired
}

func (w *watch) see(r sandbox.Request) sandbox.Fault {
	c := call{strings.TrimPrefix(r.Function, "driftless-"), r.Service, r.Action}
	if project, _, is := strings.Cut(r.Build, ":"); is {
		c.function = building + strings.TrimPrefix(project, "driftless-")
	}
	if of := object(r.Path); r.Service == "s3" && of != "" {
		c.action += " " + of
	}
	if !w.global || c.function != sweeper {
		if !w.concerns(r.Event) {
			return sandbox.FaultNone
		}
	}
	if r.Build != "" && c.action == awaitsWord {
		w.awaits.Store(&r.Build)
	} else {
		w.calls.Add(1)
	}
	if len(w.functions) > 0 && !slices.Contains(w.functions, c.function) || !bytes.Contains(r.Event, []byte(w.sites)) {
		return sandbox.FaultNone
	}
	site, fault := w.count(c, r)
	if hook := w.hook.Load(); hook != nil && site.N > 0 {
		return (*hook)(site, r)
	}
	return fault
}

// count numbers a call, and says what the case that waits for it, if there is one, makes of it.
func (w *watch) count(c call, r sandbox.Request) (Site, sandbox.Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.counts == nil {
		return Site{}, sandbox.FaultNone
	}
	n, again := w.numbers[r.ID]
	if !again && r.Build != "" && c.repeats() && w.counts[c] > 0 {
		return Site{}, sandbox.FaultNone
	}
	if !again || r.ID == "" {
		w.counts[c]++
		n = w.counts[c]
		w.numbers[r.ID] = n
		if w.within[string(r.Event)] == nil {
			w.within[string(r.Event)] = map[call]int{}
		}
		w.within[string(r.Event)][c]++
	}
	seen := Site{Function: c.function, Service: c.service, Action: c.action, N: n}
	for _, d := range w.cases {
		if d.Site != (Site{d.Step, c.function, c.service, c.action, n}) || d.attempts > 0 && (d.id != r.ID || r.ID == "") {
			continue // git's requests have no number by which to tell a second attempt
		}
		d.id = r.ID
		fault := d.Kind.fault(d.attempts)
		d.attempts++
		if fault != sandbox.FaultNone {
			d.fired++
		}
		if d.fired == 1 && len(w.cases) > 1 && d.Kind != KindLost && r.Build == "" {
			w.forget(string(r.Event))
		}
		return seen, fault
	}
	return seen, sandbox.FaultNone
}

// forget uncounts what an invocation made that ends here: it is made again when the event comes
// again, so that the other cases find their calls under the numbers that these have undisturbed.
func (w *watch) forget(event string) {
	for c, made := range w.within[event] {
		w.counts[c] -= made
	}
	delete(w.within, event)
}

func (w *watch) concerns(event []byte) bool {
	for _, m := range w.marks {
		if bytes.Contains(event, []byte(m)) {
			return true
		}
	}
	return false
}
