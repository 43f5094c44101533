package events_test

import (
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/events"
)

func TestScheduleFiresNext(t *testing.T) {
	const after = "2026-11-21T10:07:30Z" // a Saturday
	for expression, want := range map[string]string{
		"rate(1 minute)":               "2026-11-21T10:08:30Z",
		"rate(5 minutes)":              "2026-11-21T10:12:30Z",
		"rate(1 hour)":                 "2026-11-21T11:07:30Z",
		"rate(2 days)":                 "2026-11-23T10:07:30Z",
		"cron(* * * * ? *)":            "2026-11-21T10:08:00Z",
		"cron(0/15 * * * ? *)":         "2026-11-21T10:15:00Z",
		"cron(5 * * * ? *)":            "2026-11-21T11:05:00Z",
		"cron(0 9 ? * MON-FRI *)":      "2026-11-23T09:00:00Z",
		"cron(30 12 1 JAN,JUL ? *)":    "2027-01-01T12:30:00Z",
		"cron(0 0 29 2 ? *)":           "2028-02-29T00:00:00Z",
		"cron(0 0 ? * 7 *)":            "2026-11-28T00:00:00Z",
		"cron(0 0 1 1 ? 2031)":         "2031-01-01T00:00:00Z",
		"cron(0 0 1 1 ? 2020)":         "0001-01-01T00:00:00Z",
		"cron(10-20/5 10-11 * * ? *)":  "2026-11-21T10:10:00Z",
		"cron(0 18-20,8 * * ? *)":      "2026-11-21T18:00:00Z",
		"cron(59 23 31 DEC ? *)":       "2026-12-31T23:59:00Z",
		"cron(0 0 ? 11 SUN,WED 2026)":  "2026-11-22T00:00:00Z",
		"cron(0 10 21 11 ? 2026-2027)": "2027-11-21T10:00:00Z",
	} {
		t.Run(expression, func(t *testing.T) {
			s, err := events.ParseSchedule(expression)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, after)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Next(at).Format(time.RFC3339); got != want {
				t.Errorf("next %s, want %s", got, want)
			}
		})
	}
}

func TestBadScheduleIsRefused(t *testing.T) {
	for sentence, expression := range map[string]string{
		"no function":            "5 minutes",
		"an unknown function":    "at(2026-01-01T00:00:00)",
		"no closing parenthesis": "rate(5 minutes",
		"the plural for one":     "rate(1 minutes)",
		"the singular for two":   "rate(2 minute)",
		"zero":                   "rate(0 minutes)",
		"seconds":                "rate(30 seconds)",
		"five fields":            "cron(0 9 * * ?)",
		"both days given":        "cron(0 9 1 * MON *)",
		"both days open":         "cron(0 9 ? * ? *)",
		"an hour past the day":   "cron(0 24 * * ? *)",
		"the last day":           "cron(0 9 L * ? *)",
		"a backward range":       "cron(0 20-10 * * ? *)",
		"a step of zero":         "cron(0/0 * * * ? *)",
	} {
		t.Run(sentence, func(t *testing.T) {
			if _, err := events.ParseSchedule(expression); err == nil {
				t.Errorf("%s was accepted", expression)
			}
		})
	}
}
