package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Verdict is what a row says of a goal.
type Verdict string

// The verdicts.
const (
	Met     Verdict = "met"
	Missed  Verdict = "missed"
	TooBusy Verdict = "too busy to judge"
	Shown   Verdict = "" // no goal: printed for people
)

// Row is one line of the table.
type Row struct {
	Goal  string   // G1
	What  string   // was done
	Ours  Quantity // what Driftless needed
	Peer  Quantity // what the other needed; zero: there is none
	Limit Limit
	Runs  string  // how many were made, such as "7" or "7, peer 3"
	Busy  float64 // of a time that was taken while the machine was busy: how many times as long the same work took
	Note  string
}

// Quantity is a number with its unit.
type Quantity struct {
	Value float64
	Unit  string
}

// String writes the number with three digits that matter.
func (q Quantity) String() string {
	if q.Unit == "" {
		return "-"
	}
	digits := 0
	if size := math.Abs(q.Value); size > 0 && size < 100 && q.Value != math.Trunc(q.Value) {
		digits = max(0, 2-int(math.Floor(math.Log10(size))))
	}
	return strconv.FormatFloat(q.Value, 'f', min(digits, 6), 64) + " " + q.Unit
}

// Limit is what a goal allows. The zero Limit allows everything.
type Limit struct {
	kind  string
	value float64
}

// Ratio allows ours to be at most f times the peer's.
func Ratio(f float64) Limit { return Limit{"ratio", f} }

// AtMost allows ours to be at most v, in its own unit.
func AtMost(v float64) Limit { return Limit{"at most", v} }

// AtLeast allows ours to be no less than v, in its own unit.
func AtLeast(v float64) Limit { return Limit{"at least", v} }

// Exactly allows ours to be v and nothing else.
func Exactly(v float64) Limit { return Limit{"exactly", v} }

// String writes what is allowed.
func (l Limit) String() string {
	number := strconv.FormatFloat(l.value, 'f', -1, 64)
	switch l.kind {
	case "":
		return "-"
	case "ratio":
		return "≤ " + number + " ×"
	case "at most":
		return "≤ " + number
	case "at least":
		return "≥ " + number
	}
	return "= " + number
}

// Ratio is how many times the peer's ours is; 0 where there is no peer.
func (r Row) Ratio() float64 {
	if r.Peer.Value == 0 {
		return 0
	}
	return r.Ours.Value / r.Peer.Value
}

// Verdict judges the row.
func (r Row) Verdict() Verdict {
	holds := false
	switch r.Limit.kind {
	case "":
		return Shown
	case "ratio":
		holds = r.Peer.Value > 0 && r.Ratio() <= r.Limit.value
	case "at most":
		holds = r.Ours.Value <= r.Limit.value
	case "at least":
		holds = r.Ours.Value >= r.Limit.value
	case "exactly":
		holds = r.Ours.Value == r.Limit.value
	}
	switch {
	case r.Busy > 0:
		return TooBusy
	case holds:
		return Met
	}
	return Missed
}

// ratio writes the ratio for the table.
func (r Row) ratio() string {
	if r.Ratio() == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3g ×", r.Ratio())
}

// cells are the columns of the table, in the order of columns.
func (r Row) cells() []string {
	verdict := string(r.Verdict())
	switch r.Verdict() {
	case Shown:
		verdict = "-"
	case TooBusy:
		verdict += fmt.Sprintf(" (%.1f ×)", r.Busy)
	case Met, Missed:
	}
	return []string{r.Goal, r.What, r.Ours.String(), r.Peer.String(), r.ratio(), r.Limit.String(), verdict, r.Runs}
}

var columns = []string{"goal", "what", "ours", "peer", "ratio", "limit", "verdict", "runs"}

// text writes the row as it is printed while the bench runs.
func (r Row) text() string {
	c := r.cells()
	line := fmt.Sprintf("%-3s %-66s %12s %12s %9s %9s  %s", c[0], c[1], c[2], c[3], c[4], c[5], c[6])
	if r.Note != "" {
		line += "  (" + r.Note + ")"
	}
	return strings.TrimRight(line, " -")
}
