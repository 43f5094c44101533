package events

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Schedule is a compiled schedule expression, rate(...) or cron(...).
type Schedule struct {
	rate time.Duration
	cron *cron
}

// ParseSchedule compiles a schedule expression. Of cron expressions it takes values, lists,
// ranges, steps and names; L, W and # are refused by name.
func ParseSchedule(text string) (Schedule, error) {
	body, ok := strings.CutSuffix(text, ")")
	if !ok {
		return Schedule{}, fmt.Errorf("parse schedule %q: must be rate(...) or cron(...)", text)
	}
	var s Schedule
	var err error
	if rate, ok := strings.CutPrefix(body, "rate("); ok {
		s.rate, err = parseRate(rate)
	} else if fields, ok := strings.CutPrefix(body, "cron("); ok {
		s.cron, err = parseCron(fields)
	} else {
		err = errors.New("must be rate(...) or cron(...)")
	}
	if err != nil {
		return Schedule{}, fmt.Errorf("parse schedule %q: %w", text, err)
	}
	return s, nil
}

// Next is the first time after t at which the schedule fires, the zero time if it never
// does. A rate fires one period after t.
func (s Schedule) Next(t time.Time) time.Time {
	if s.cron == nil {
		return t.Add(s.rate)
	}
	return s.cron.next(t.UTC())
}

// parseRate wants the singular for one and the plural else, as EventBridge does.
func parseRate(text string) (time.Duration, error) {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return 0, errors.New("a rate must be a positive number and a unit")
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	if n > 1 {
		units = map[string]time.Duration{"minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour}
	}
	d, ok := units[unit]
	if !ok {
		return 0, fmt.Errorf("%q is no unit for %d", unit, n)
	}
	return time.Duration(n) * d, nil
}

// cron holds the allowed values of each field, in UTC.
type cron struct {
	minute, hour, day, month, weekday, year map[int]bool
}

var (
	monthNames   = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	weekdayNames = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

func parseCron(text string) (*cron, error) {
	f := strings.Fields(text)
	if len(f) != 6 {
		return nil, fmt.Errorf("a cron expression has six fields, not %d", len(f))
	}
	if (f[2] == "?") == (f[4] == "?") {
		return nil, errors.New("exactly one of day-of-month and day-of-week must be ?")
	}
	c := &cron{}
	var errs []error
	for i, field := range []struct {
		into     *map[int]bool
		name     string
		min, max int
		names    []string
	}{
		{&c.minute, "minute", 0, 59, nil},
		{&c.hour, "hour", 0, 23, nil},
		{&c.day, "day-of-month", 1, 31, nil},
		{&c.month, "month", 1, 12, monthNames},
		{&c.weekday, "day-of-week", 1, 7, weekdayNames},
		{&c.year, "year", 1970, 2199, nil},
	} {
		set, err := parseCronField(f[i], field.min, field.max, field.names)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %q: %w", field.name, f[i], err))
		}
		*field.into = set
	}
	return c, errors.Join(errs...)
}

func parseCronField(text string, low, high int, names []string) (map[int]bool, error) {
	set := map[int]bool{}
	for _, part := range strings.Split(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		from, to, err := parseSpan(span, low, high, names)
		if err != nil {
			return nil, err
		}
		step := 1
		if stepped {
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return nil, errors.New("a step must be a positive number")
			}
			if from == to && span != "*" {
				to = high // 5/15 means from 5 on, every 15
			}
		}
		for v := from; v <= to; v += step {
			set[v] = true
		}
	}
	return set, nil
}

func parseSpan(text string, low, high int, names []string) (from, to int, err error) {
	if text == "*" || text == "?" {
		return low, high, nil
	}
	first, last, ranged := strings.Cut(text, "-")
	if from, err = parseCronValue(first, low, high, names); err != nil {
		return 0, 0, err
	}
	if !ranged {
		return from, from, nil
	}
	if to, err = parseCronValue(last, low, high, names); err != nil {
		return 0, 0, err
	}
	if to < from {
		return 0, 0, errors.New("a range must not run backwards")
	}
	return from, to, nil
}

func parseCronValue(text string, low, high int, names []string) (int, error) {
	for i, name := range names {
		if strings.EqualFold(text, name) {
			return low + i, nil
		}
	}
	v, err := strconv.Atoi(text)
	if err != nil {
		return 0, errors.New("must be a number or a name; L, W and # are not supported by the sandbox")
	}
	if v < low || v > high {
		return 0, fmt.Errorf("must be from %d to %d", low, high)
	}
	return v, nil
}

// next walks days first, then minutes of a day that fits, so that a rare date costs little.
func (c *cron) next(t time.Time) time.Time {
	t = t.Truncate(time.Minute).Add(time.Minute)
	for t.Year() <= 2199 {
		if !c.onDay(t) {
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
			continue
		}
		if c.hour[t.Hour()] && c.minute[t.Minute()] {
			return t
		}
		t = t.Add(time.Minute)
	}
	return time.Time{}
}

func (c *cron) onDay(t time.Time) bool {
	return c.year[t.Year()] && c.month[int(t.Month())] && c.day[t.Day()] && c.weekday[int(t.Weekday())+1]
}
