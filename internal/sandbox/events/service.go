package events

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// recentKept is how many events Recent remembers.
const recentKept = 500

// Config is what the bus needs of the sandbox.
type Config struct {
	Moto            string // moto's URL
	Account, Region string // where Emit's events and the schedules are
	Next            http.Handler
	// Caller names the account and region that a signed request belongs to.
	Caller func(*http.Request) (account, region string)
	// Invoke accepts an asynchronous invocation of a function by a rule. It returns an error
	// that wraps ErrDenied when the function's policy does not let the rule.
	Invoke        func(ctx context.Context, functionARN, ruleARN string, payload []byte) error
	ScheduleSpeed float64 // schedules fire this many times as often; 1 when zero
	DropEvents    bool    // the initial state of Drop
	Now           func() time.Time
	Log           *slog.Logger
}

// Service is EventBridge. Run must be running for anything to be delivered.
type Service struct {
	c     Config
	rules *ruleBook

	mu      sync.Mutex
	queue   []envelope
	wake    chan struct{}
	drop    bool
	dropped int
	recent  []json.RawMessage
}

// envelope is an event on its way to the rules of one bus.
type envelope struct {
	bus   busName
	event json.RawMessage
	hops  int // buses passed so far
}

// busName is where a bus lies.
type busName struct{ account, region, name string }

// document is the event as rules and targets see it.
type document struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// New makes the service; Run starts it.
func New(c Config) *Service {
	if c.ScheduleSpeed <= 0 {
		c.ScheduleSpeed = 1
	}
	return &Service{
		c:     c,
		rules: newRuleBook(c),
		wake:  make(chan struct{}, 1),
		drop:  c.DropEvents,
	}
}

// Emit puts a service's event on the default bus. It returns at once, and drops the event
// while Drop is on.
func (s *Service) Emit(_ context.Context, e wire.Event) {
	if e.DetailType == "CloudFormation Resource Status Change" && bytes.Contains(e.Detail, []byte(`"AWS::Events::`)) {
		s.rules.forget() // a stack made or removed a rule or bus, past this gateway
	}
	if e.Account == "" {
		e.Account = s.c.Account
	}
	if e.Region == "" {
		e.Region = s.c.Region
	}
	if s.dropping() {
		s.c.Log.Debug("event dropped", "source", e.Source, "type", e.DetailType)
		return
	}
	doc := document{DetailType: e.DetailType, Source: e.Source, Account: e.Account, Region: e.Region,
		Resources: e.Resources, Detail: e.Detail}
	s.send(busName{e.Account, e.Region, "default"}, doc)
}

// Drop switches the loss of every service event on or off. Events sent with PutEvents and
// schedules are not touched.
func (s *Service) Drop(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop = on
}

// Stats is what the bus has seen.
type Stats struct {
	Dropping bool              `json:"dropping"`
	Dropped  int               `json:"dropped"`
	Recent   []json.RawMessage `json:"recent"` // the newest last, as rules saw them
}

// Stats tells what the bus has seen so far.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Dropping: s.drop, Dropped: s.dropped, Recent: append([]json.RawMessage{}, s.recent...)}
}

// Run delivers events and fires schedules until ctx ends, then waits for the deliveries
// under way.
func (s *Service) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { s.runSchedules(ctx) })
	for {
		for _, e := range s.take() {
			all.Go(func() { s.route(ctx, e) })
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
	}
}

// dropping reports whether a service event is to be lost, and counts it.
func (s *Service) dropping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drop {
		s.dropped++
	}
	return s.drop
}

// send completes the event, puts it on the bus and returns its id.
func (s *Service) send(bus busName, d document) string {
	d.Version = "0"
	d.ID = newID()
	if d.Time == "" {
		d.Time = s.c.Now().UTC().Format(time.RFC3339)
	}
	if d.Resources == nil {
		d.Resources = []string{}
	}
	if d.Detail == nil {
		d.Detail = json.RawMessage("{}")
	}
	event, err := json.Marshal(d)
	if err != nil {
		s.c.Log.Error("event not encodable", "source", d.Source, "type", d.DetailType, "error", err)
		return d.ID
	}
	s.put(envelope{bus: bus, event: event})
	return d.ID
}

func (s *Service) put(e envelope) {
	s.mu.Lock()
	s.queue = append(s.queue, e)
	s.recent = append(s.recent, e.event)
	if len(s.recent) > recentKept {
		s.recent = s.recent[len(s.recent)-recentKept:]
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // Run is awake already
	}
}

func (s *Service) take() []envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue
	s.queue = nil
	return q
}

// newID is a random UUID, the form of an event's id.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
