package events

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
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

// Fire fires a scheduled rule of the default bus now, and returns its name once its targets
// were tried. Name may also be a part that only one scheduled rule's name has, since CDK
// appends a hash.
func (s *Service) Fire(ctx context.Context, name string) (string, error) {
	s.rules.forget()
	rules, err := s.rules.of(ctx, s.home())
	if err != nil {
		return "", err
	}
	var alike []rule
	for _, r := range rules {
		if r.schedule != nil && r.name == name {
			alike = []rule{r}
			break
		}
		if r.schedule != nil && strings.Contains(r.name, name) {
			alike = append(alike, r)
		}
	}
	if len(alike) != 1 {
		return "", fmt.Errorf("fire rule %q: %d enabled rules with a schedule have that name", name, len(alike))
	}
	s.fire(ctx, alike[0])
	return alike[0].name, nil
}

func (s *Service) home() busName { return busName{s.c.Account, s.c.Region, "default"} }

// fire delivers a scheduled event to the rule's targets.
func (s *Service) fire(ctx context.Context, r rule) {
	event, err := json.Marshal(document{
		Version: "0", ID: newID(), DetailType: "Scheduled Event", Source: "aws.events",
		Account: s.c.Account, Region: s.c.Region, Time: s.c.Now().UTC().Format(time.RFC3339),
		Resources: []string{r.arn}, Detail: json.RawMessage("{}"),
	})
	if err != nil {
		s.c.Log.Error("scheduled event not encodable", "rule", r.name, "error", err)
		return
	}
	s.deliverAll(ctx, r, envelope{bus: s.home(), event: event})
}
