package reconcile

import (
	"context"
	"fmt"
	"time"
)

// Sweeper wakes what is unfinished and what is due: it mends every message that was lost,
// and alone is enough to bring every push to its end.
type Sweeper struct {
	Store Store
	Queue Queue
	Now   func() time.Time
}

// Unfinished wakes every unfinished repository and application, and every application
// whose drift is due. It returns how many messages it sent.
func (s *Sweeper) Unfinished(ctx context.Context) (int, error) {
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

// Repositories wakes every repository: the resync that finds a push whose event was lost.
func (s *Sweeper) Repositories(ctx context.Context) (int, error) {
	all, err := s.Store.ListRepositories(ctx)
	if err != nil {
		return 0, fmt.Errorf("list repositories: %w", err)
	}
	var messages []Message
	for _, r := range all {
		messages = append(messages, Message{Repository: r.ID, Reason: "sweep: resync"})
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
