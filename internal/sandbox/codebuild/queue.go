package codebuild

import (
	"context"
	"errors"
	"slices"
	"time"
)

// queuedPerRunning is how many builds may wait for each that may run (user guide, "Builds").
const queuedPerRunning = 5

var (
	errStopped  = errors.New("stopped")
	errTimedOut = errors.New("timed out")
)

// line is where the builds of an account and region wait and run.
type line struct {
	active int
	queue  []*build
}

func (s *Service) line(at place) *line {
	l := s.lines[at]
	if l == nil {
		l = &line{}
		s.lines[at] = l
	}
	return l
}

// drop takes a build out of the queue and reports whether it was there.
func (l *line) drop(b *build) bool {
	n := len(l.queue)
	l.queue = slices.DeleteFunc(l.queue, func(q *build) bool { return q == b })
	return len(l.queue) < n
}

// submit makes a build known and queues it; it leaves the queue when there is room, or after
// its time-out.
func (s *Service) submit(b *build) {
	s.builds = append(s.builds, b)
	s.openPhase(b, phaseSubmitted)
	s.emitState(b)
	s.closePhase(b, statusSucceeded)
	s.openPhase(b, phaseQueued)
	l := s.line(b.project)
	l.queue = append(l.queue, b)
	s.advance(l)
	if b.stop != nil {
		return
	}
	waits := time.Duration(b.QueuedTimeout) * s.settings.timing.Minute
	s.running.Go(func() {
		timer := time.NewTimer(waits)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.ctx.Done():
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if l.drop(b) {
			s.finishLocked(b, statusTimedOut)
		}
	})
}

// advanceAll lets builds leave their queues after a switch has changed what may run.
func (s *Service) advanceAll() {
	for _, l := range s.lines {
		s.advance(l)
	}
}

// advance starts queued builds while there is room, in no order that anybody could rely on
// (user guide, "Builds": it is not possible to predict it).
func (s *Service) advance(l *line) {
	for !s.settings.held && l.active < s.settings.limit && len(l.queue) > 0 && s.ctx.Err() == nil {
		i := s.random.IntN(len(l.queue))
		b := l.queue[i]
		l.queue = slices.Delete(l.queue, i, i+1)
		l.active++
		ctx, cancel := context.WithCancelCause(s.ctx)
		b.stop = cancel
		timing := s.settings.timing
		s.running.Go(func() {
			defer cancel(nil)
			s.run(ctx, b, timing)
			s.mu.Lock()
			defer s.mu.Unlock()
			l.active--
			s.advance(l)
		})
	}
}

// faulted takes the fault that is meant for a build.
func (s *Service) faulted(b *build) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, project := range s.settings.faults {
		if project == "" || project == b.ProjectName {
			s.settings.faults = slices.Delete(s.settings.faults, i, i+1)
			return true
		}
	}
	return false
}
