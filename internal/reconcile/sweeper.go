package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Notices finds what a forge was not told yet.
type Notices interface {
	// DueNotices returns the places whose notices were due before now, the oldest first and
	// at most limit. It may be a moment behind.
	DueNotices(ctx context.Context, now int64, limit int) ([]string, error)
	// TouchNotice makes the table's stream tell of a notice that is due, and lets it be due
	// again at next, unless it is stored before. ErrConflict when it is not due.
	TouchNotice(ctx context.Context, place string, now, next int64) error
}

// Sweeper wakes what is unfinished and what is due: it mends every message that was lost,
// and alone is enough to bring every push to its end.
type Sweeper struct {
	Store   Store
	Queue   Queue
	Notices Notices // nil: nobody is told anything
	Now     func() time.Time
	Rates   Rates
	// Sleep waits between two detections in one account and region; nil: none is waited for.
	Sleep func(ctx context.Context, d time.Duration) error
}

const (
	// maxTouched is how many notices one sweep touches, which takes a few seconds; the others
	// are still due at the next.
	maxTouched = 500
	// touchAgain is when a notice is touched again that nobody looked at since.
	touchAgain = 5 * time.Minute
)

// Unfinished wakes every unfinished repository and application, every notice that is due, and
// then, at the pace of the Rates, every application whose drift is. It returns how many it woke.
// What fails with one kind does not keep it from the other.
func (s *Sweeper) Unfinished(ctx context.Context) (int, error) {
	waiting, err := s.Store.Unfinished(ctx, s.Now().Unix())
	if err != nil {
		err = fmt.Errorf("read what is unfinished: %w", err)
	}
	sent, sendErr := s.unfinished(ctx, waiting)
	touched, touchErr := s.notices(ctx)
	due, dueErr := s.drift(ctx, waiting.DriftDue)
	return sent + touched + due, errors.Join(err, sendErr, touchErr, dueErr)
}

func (s *Sweeper) unfinished(ctx context.Context, waiting Waiting) (int, error) {
	var messages []Message
	for _, id := range waiting.Repositories {
		messages = append(messages, Message{Repository: id, Reason: "sweep: unfinished"})
	}
	for _, id := range waiting.Applications {
		messages = append(messages, Message{Application: id, Reason: "sweep: unfinished"})
	}
	return s.send(ctx, messages)
}

// notices touches the notices that are due. One that was stored meanwhile is not any more.
func (s *Sweeper) notices(ctx context.Context) (touched int, err error) {
	if s.Notices == nil {
		return 0, nil
	}
	now := s.Now()
	places, err := s.Notices.DueNotices(ctx, now.Unix(), maxTouched)
	if err != nil {
		return 0, fmt.Errorf("read which notices are due: %w", err)
	}
	for _, place := range places {
		touchErr := s.Notices.TouchNotice(ctx, place, now.Unix(), now.Add(touchAgain).Unix())
		if touchErr == nil {
			touched++
		} else if !errors.Is(touchErr, ErrConflict) {
			err = errors.Join(err, fmt.Errorf("touch notice of %s: %w", place, touchErr))
		}
	}
	return touched, err
}

// Repositories wakes every repository: the resync that finds a push whose event was lost.
func (s *Sweeper) Repositories(ctx context.Context) (int, error) {
	ids, err := s.Store.Watched(ctx)
	if err != nil {
		return 0, fmt.Errorf("list repositories: %w", err)
	}
	var messages []Message
	for _, id := range ids {
		messages = append(messages, Message{Repository: id, Reason: "sweep: resync"})
	}
	return s.send(ctx, messages)
}

func (s *Sweeper) send(ctx context.Context, messages []Message) (int, error) {
	if len(messages) == 0 {
		return 0, nil
	}
	if err := s.Queue.Send(ctx, messages...); err != nil {
		return 0, fmt.Errorf("wake %d: %w", len(messages), err)
	}
	return len(messages), nil
}

// Rates are the calls a second to CloudFormation that may be made in one account and region. AWS
// publishes none; the defaults are assumed (docs/drift-scale.md). Zero is the default.
type Rates struct {
	Detect   float64 `json:"detect,omitempty"`   // DetectStackDrift; 1
	Describe float64 `json:"describe,omitempty"` // those that describe, deployments' among them; 5
}

const (
	// describes is how many calls that describe a look at drift makes once it has ended: the
	// detection's status, the stack, and the first page of what was found.
	describes = 3
	// share is the share of the calls that describe which looks at drift may take: the rest is
	// for deployments.
	share = 0.5
	// few is how many are woken at once in one account and region: where no more are due, as in
	// most installations at most times, a sweep waits for nothing.
	few = 3
	// window is for how long one sweep sends what is due, so that it ends before the next begins.
	window = 50 * time.Second
	// announced is for how long the end of a detection is left to its event where there are more
	// than a few of them. Most take less.
	announced = time.Minute
)

// pause returns the time between two looks at drift in one account and region.
func (r Rates) pause() time.Duration {
	a := min(cmp.Or(r.Detect, 1), cmp.Or(r.Describe, 5)*share/describes)
	return time.Duration(float64(time.Second) / a)
}

// Due is an application whose drift is due.
type Due struct {
	Application     string
	Account, Region string    // of its target
	Began           time.Time // when the detection that is under way began; zero: none is
}

// drift wakes the applications whose drift is due, those of each account and region at their
// pace, or, where there is time for it, at half of that, the longest due first. What is left when
// the time is up is due at the next sweep too.
func (s *Sweeper) drift(ctx context.Context, due []Due) (sent int, err error) {
	turns := s.turns(due)
	least := s.Rates.pause()
	pause := min(max(least, window/time.Duration(max(1, len(turns)))), 2*least)
	for i, turn := range turns {
		if i > 0 && (!s.timeLeft(ctx) || s.Sleep(ctx, pause) != nil) {
			return sent, err
		}
		n, sendErr := s.send(ctx, turn)
		sent, err = sent+n, errors.Join(err, sendErr)
	}
	return sent, err
}

// turns returns what is sent at once, and after each pause: of a few all, else one of each account
// and region. A detection under way is looked at once more, beside those that begin: that takes
// one call while it goes on.
func (s *Sweeper) turns(due []Due) [][]Message {
	type place struct {
		account, region string
		began           bool
	}
	at := func(d Due) place { return place{d.Account, d.Region, !d.Began.IsZero()} }
	most := 1 + int(window/s.Rates.pause())
	var turns [][]Message
	all, sent, now := map[place]int{}, map[place]int{}, s.Now()
	for _, d := range due {
		all[at(d)]++
	}
	for _, d := range due {
		p := at(d)
		turn := sent[p]
		switch {
		case all[p] <= few || s.Sleep == nil:
			turn = 0
		case p.began && now.Sub(d.Began) < announced, turn == most:
			continue
		}
		sent[p]++
		if turn == len(turns) {
			turns = append(turns, nil)
		}
		turns[turn] = append(turns[turn], Message{Application: d.Application, Reason: "sweep: drift is due"})
	}
	return turns
}

// timeLeft reports whether the invocation has time for another pause.
func (s *Sweeper) timeLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(s.Now()) > reserve
}
