package events

import (
	"context"
	"sync"
	"time"
)

// scheduleLook is the longest time after which new or changed schedules are noticed.
const scheduleLook = time.Second

// runSchedules fires every scheduled rule of the default bus when it is due, until ctx ends.
func (s *Service) runSchedules(ctx context.Context) {
	var firing sync.WaitGroup
	defer firing.Wait()
	due := map[string]time.Time{} // by rule and expression, so that a changed schedule starts anew
	clock := speedClock{start: s.c.Now(), speed: s.c.ScheduleSpeed}
	for {
		wait := scheduleLook
		rules, err := s.rules.of(ctx, s.home())
		if err != nil && ctx.Err() == nil {
			s.c.Log.Error("schedules not read", "error", err)
		}
		if err == nil {
			for _, r := range s.due(rules, due, clock) {
				firing.Go(func() { s.fire(ctx, r) })
			}
		}
		for _, at := range due {
			wait = min(wait, max(at.Sub(s.c.Now()), time.Millisecond))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// due returns the rules whose time has come and notes when each fires next. A rule seen for
// the first time fires one period later, as a new rule does on EventBridge.
func (s *Service) due(rules []rule, due map[string]time.Time, clock speedClock) []rule {
	now := s.c.Now()
	seen := map[string]bool{}
	var fire []rule
	for _, r := range rules {
		if r.schedule == nil {
			continue
		}
		key := r.arn + " " + r.expression
		seen[key] = true
		at, known := due[key]
		switch {
		case !known:
			due[key] = clock.next(*r.schedule, now)
		case at.IsZero() || now.Before(at):
		default:
			fire = append(fire, r)
			next := clock.next(*r.schedule, at)
			if next.Before(now) { // late by a period: what was missed is not made up for
				next = clock.next(*r.schedule, now)
			}
			due[key] = next
		}
	}
	for key, at := range due {
		if !seen[key] || at.IsZero() {
			delete(due, key)
		}
	}
	return fire
}

// speedClock turns a schedule's times into real ones when time runs N times as fast.
type speedClock struct {
	start time.Time
	speed float64
}

// next is the real time at which the schedule fires after the real time t, zero if never.
func (c speedClock) next(s Schedule, t time.Time) time.Time {
	fast := c.start.Add(time.Duration(float64(t.Sub(c.start)) * c.speed))
	at := s.Next(fast)
	if at.IsZero() {
		return time.Time{}
	}
	return t.Add(time.Duration(float64(at.Sub(fast)) / c.speed))
}
