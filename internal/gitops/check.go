package gitops

import (
	"fmt"
	"time"
)

// Verdict is what one attempt at a check found.
type Verdict struct {
	Passed bool
	Final  bool   // no further attempt can find anything else
	Reason string // what was found and what was wanted, for people
}

// CheckResult is what became of one check of verify.
type CheckResult struct {
	Name      string    `json:"name"`
	Done      bool      `json:"done,omitempty"` // no further attempt is made
	Passed    bool      `json:"passed,omitempty"`
	Attempts  int       `json:"attempts"`
	Reason    string    `json:"reason,omitempty"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	EndedAt   time.Time `json:"endedAt,omitzero"`  // of the last attempt
	Unknown   bool      `json:"unknown,omitempty"` // nobody could look, for so long that nobody waits any more
}

// unseen is how long a check that nobody can look at holds a deployment.
const unseen = 15 * time.Minute

// Attempt notes what an attempt found; err is why nothing could be found out.
func (r *CheckResult) Attempt(c Check, v Verdict, err error, began, now time.Time) {
	if r.StartedAt.IsZero() {
		r.StartedAt = began
	}
	r.EndedAt = now
	if err != nil {
		r.Reason, r.Unknown = "could not be looked at: "+brief(err.Error()), true
		r.Done = now.Sub(r.StartedAt) >= unseen
		return
	}
	r.Attempts++
	r.Unknown, r.Passed, r.Reason = false, v.Passed, brief(v.Reason)
	r.Done = v.Passed || v.Final || r.Attempts > c.Retries
}

// Due reports whether it is time for another attempt.
func (r CheckResult) Due(c Check, now time.Time) bool {
	return !r.Done && (r.EndedAt.IsZero() || now.Sub(r.EndedAt) >= time.Duration(c.IntervalSeconds)*time.Second)
}

// Unchecked reports whether verify has checks of which nobody knows yet how they end.
func (d Deployment) Unchecked() bool {
	if len(d.Checks) < len(d.Settings.Verify.Checks) {
		return true
	}
	for _, r := range d.Checks {
		if !r.Done {
			return true
		}
	}
	return false
}

// Good reports whether the deployment can be gone back to: it Succeeded, and its checks, if it has
// any, were made and passed. Those of a plan without changes are not made.
func (d Deployment) Good() bool {
	return d.Phase == PhaseSucceeded && d.Kind != KindRecover && d.Bundle != "" && !d.Unchecked() && d.failed() == nil
}

// Checking reports whether the deployment is at its checks, which no engine knows of.
func (d Deployment) Checking() bool {
	return d.Phase == PhaseVerifying && d.Operation.Kind != OperationDetect && len(d.Settings.Verify.Checks) > 0
}

// failed returns the first check that did not pass, nil where all did or none is known yet.
func (d Deployment) failed() *CheckResult {
	for i, r := range d.Checks {
		if r.Done && !r.Passed {
			return &d.Checks[i]
		}
	}
	return nil
}

// NextCheck returns when the next attempt at a check is due; zero: now, or there is none.
func (d Deployment) NextCheck() (next time.Time) {
	for i, c := range d.Settings.Verify.Checks {
		if i >= len(d.Checks) || d.Checks[i].EndedAt.IsZero() {
			return time.Time{}
		}
		at := d.Checks[i].EndedAt.Add(time.Duration(c.IntervalSeconds) * time.Second)
		if !d.Checks[i].Done && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// brief returns a text as it can be shown, and no more of it than a line.
func brief(s string) string {
	const most = 300
	if runes := []rune(Printable(s)); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return Printable(s)
}

// checks returns how far the checks are, in one line.
func (d Deployment) checks() string {
	passed, why := 0, ""
	for _, r := range d.Checks {
		if r.Passed {
			passed++
		} else if why == "" && r.Reason != "" {
			why = "; " + r.Name + ": " + r.Reason
		}
	}
	return fmt.Sprintf("%d of %d passed%s", passed, len(d.Settings.Verify.Checks), why)
}
