package reconcile

import (
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
}

const (
	// maxTouched is how many notices one sweep touches, which takes a few seconds; the others
	// are still due at the next.
	maxTouched = 500
	// touchAgain is when a notice is touched again that nobody looked at since.
	touchAgain = 5 * time.Minute
)

// Unfinished wakes every unfinished repository and application, every application whose
// drift is due, and every notice that is. It returns how many it woke. What fails with one
// kind does not keep it from the other.
func (s *Sweeper) Unfinished(ctx context.Context) (int, error) {
	sent, err := s.unfinished(ctx)
	touched, touchErr := s.notices(ctx)
	return sent + touched, errors.Join(err, touchErr)
}

func (s *Sweeper) unfinished(ctx context.Context) (int, error) {
	waiting, err := s.Store.Unfinished(ctx, s.Now().Unix())
	if err != nil {
		return 0, fmt.Errorf("read what is unfinished: %w", err)
	}
	var messages []Message
	for _, id := range waiting.Repositories {
		messages = append(messages, Message{Repository: id, Reason: "sweep: unfinished"})
	}
	for _, id := range waiting.Applications {
		messages = append(messages, Message{Application: id, Reason: "sweep: unfinished"})
	}
	for _, id := range waiting.DriftDue {
		messages = append(messages, Message{Application: id, Reason: "sweep: drift is due"})
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
