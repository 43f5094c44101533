package notify_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// history makes deployments of two applications at two commits, one after the other, and
// knows for each place which record is the newest.
type history struct {
	*world
	rnd     *rand.Rand
	current map[string]*gitops.Deployment // by application, the one that goes on
	newest  map[string]gitops.Deployment  // by application and commit
}

func newHistory(t *testing.T, seed uint64) *history {
	return &history{world: newWorld(t), rnd: rand.New(rand.NewPCG(seed, 1)),
		current: map[string]*gitops.Deployment{}, newest: map[string]gitops.Deployment{}}
}

// goOn takes some application one phase further, or deploys it anew, now and then at a
// commit that it was at before.
func (h *history) goOn() {
	app := fmt.Sprint("app-", h.rnd.IntN(2))
	d := h.current[app]
	if d == nil || d.Phase.Done() {
		h.ids++
		d = begin(app, fmt.Sprintf("01%06d", h.ids), strings.Repeat([]string{"a1", "b2"}[h.rnd.IntN(2)], 20))
		h.current[app] = d
		h.move(d, gitops.PhasePending)
	} else {
		later := gitops.Phases()[1:]
		for i, p := range later {
			if p == d.Phase {
				later = later[i:]
				break
			}
		}
		h.move(d, later[h.rnd.IntN(min(2, len(later)))])
	}
	h.newest[app+" "+d.Revision.Commit] = *d
}

// settle lets everything that is left be told, with nothing in the way.
func (h *history) settle() {
	h.t.Helper()
	h.store.Fail(nil)
	h.notices.Fail(nil)
	h.forge.fault, h.forge.gate = nil, nil
	for range 50 {
		h.sweep(time.Hour)
		if len(h.stream) == 0 && len(h.notices.Behind()) == 0 {
			return
		}
	}
	h.t.Fatalf("never ends: stream %v, behind %v", h.stream, h.notices.Behind())
}

// check fails unless every place shows what its newest record says.
func (h *history) check() {
	h.t.Helper()
	for key, d := range h.newest {
		want := notify.Deployment(d)
		got := h.forge.shows("r1", d.Revision.Commit, want.Context)
		if got != string(want.State)+": "+want.Description {
			h.t.Errorf("%s shows %q, and its record says %s: %s", key, got, want.State, want.Description)
		}
	}
}

// runs is how many seeds a property is tried with.
func runs() uint64 {
	if testing.Short() {
		return 30
	}
	return 200
}

// TestWhatIsShownEndsAsTheRecordsDo: whatever is doubled, reordered, delayed, refused, fails
// or loses its answer.
func TestWhatIsShownEndsAsTheRecordsDo(t *testing.T) {
	for seed := range runs() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h := newHistory(t, seed)
			broken := func(string) error {
				switch h.rnd.IntN(12) {
				case 0:
					return errors.New("throttled")
				case 1:
					return fake.ErrLost
				}
				return nil
			}
			h.notices.Fail(broken)
			h.forge.fault = func(gitops.Repository, forge.Status) error {
				if h.rnd.IntN(8) == 0 {
					return fmt.Errorf("403: %w", reconcile.ErrDenied)
				}
				return broken("")
			}
			for range 120 {
				switch h.rnd.IntN(6) {
				case 0, 1, 2:
					h.goOn()
				case 3:
					h.rnd.Shuffle(len(h.stream), func(i, j int) { h.stream[i], h.stream[j] = h.stream[j], h.stream[i] })
					if n := len(h.stream); n > 0 {
						h.stream = append(h.stream, h.stream[h.rnd.IntN(n)])
					}
				case 4:
					h.deliver()
				case 5:
					h.sweep(time.Duration(h.rnd.IntN(600)) * time.Second)
				}
			}
			h.settle()
			h.check()
		})
	}
}

// TestSendersThatOverlapAndDieShowWhatStandsInTheEnd: several invocations at a time, each
// stopped before or after any of its calls, one call at a time in an order that the seed
// decides. No invocation outlives the lease of a place, as Lambda's time-out guarantees.
func TestSendersThatOverlapAndDieShowWhatStandsInTheEnd(t *testing.T) {
	for seed := range runs() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h := newHistory(t, seed)
			for range 15 {
				for range 1 + h.rnd.IntN(3) {
					h.goOn()
				}
				h.overlap(2 + h.rnd.IntN(3))
				h.sweep(time.Duration(h.rnd.IntN(240)) * time.Second)
			}
			h.settle()
			h.check()
		})
	}
}

// overlap runs n invocations with what the stream has, and meanwhile some more with what
// happens meanwhile. Who dies or fails is given its part again by the stream.
func (h *history) overlap(n int) {
	h.t.Helper()
	s := &scheduler{waits: make(chan chan bool), ended: make(chan struct{})}
	h.notices.Fail(func(string) error { s.pass(); return nil })
	h.store.Fail(func(call string) error {
		if call != "PutDeployment" { // the test itself
			s.pass()
		}
		return nil
	})
	h.forge.gate = s.pass
	var left []*[]notify.Subject
	all := h.stream
	h.stream = nil
	for range n {
		left = append(left, s.start(h, all))
	}
	for s.collect() {
		if h.rnd.IntN(10) == 0 && len(left) < 12 {
			h.goOn()
			left = append(left, s.start(h, h.stream))
			h.stream = nil
			continue
		}
		s.turn(h.rnd)
	}
	h.notices.Fail(nil)
	h.store.Fail(nil)
	h.forge.gate = nil
	for _, again := range left {
		h.stream = append(h.stream, *again...)
	}
}

// scheduler lets one of several goroutines go on at a time.
type scheduler struct {
	waits   chan chan bool
	ended   chan struct{}
	running int
	waiting []chan bool
}

// start begins an invocation with a part of the stream, and returns what is left of it then.
func (s *scheduler) start(h *history, part []notify.Subject) *[]notify.Subject {
	left := slices.Clone(part)
	s.running++
	go func() {
		defer func() { s.ended <- struct{}{} }()
		errs := h.n.Tell(h.t.Context(), part)
		left = nil
		for i, err := range errs {
			if err != nil {
				left = append(left, part[i])
			}
		}
	}()
	return &left
}

// pass waits for its turn, and ends the goroutine where that is what its turn says.
func (s *scheduler) pass() {
	turn := make(chan bool)
	s.waits <- turn
	if !<-turn {
		runtime.Goexit()
	}
}

// collect returns once all wait, and reports false when all have ended.
func (s *scheduler) collect() bool {
	for len(s.waiting) < s.running {
		select {
		case turn := <-s.waits:
			s.waiting = append(s.waiting, turn)
		case <-s.ended:
			s.running--
		}
	}
	return s.running > 0
}

// turn lets one go on, or ends it.
func (s *scheduler) turn(rnd *rand.Rand) {
	i := rnd.IntN(len(s.waiting))
	turn := s.waiting[i]
	s.waiting = slices.Delete(s.waiting, i, i+1)
	turn <- rnd.IntN(25) > 0
}
