package fleet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Result is what was seen of a fleet, of the time that was measured.
type Result struct {
	Took    time.Duration
	Looks   int           // at drift, outside deployments and at their end
	Longest time.Duration // that an application was not looked at
	Late    int           // how often that was longer than drift.every
	Busiest int           // reconcilers at a time

	Deployments []Deployment
	Calls       map[string]int // of the ports and of CloudFormation, by name
	Throttled   map[string]int // of them, by name
	// ThrottledDeployments are those of applications that were deploying.
	ThrottledDeployments int
	Invocations          map[string]int     // by function
	Seconds              map[string]float64 // that they took, by function
	Visible              []string           // what a person would see of trouble: there is to be none
}

// Deployment is one that arrived.
type Deployment struct {
	Application string
	Number      int
	Applied     time.Duration // from its arrival until it was applied; zero: it was not
	Ended       time.Duration // until it ended

	at time.Duration
}

// measured is 1 while the world is measured, else 0.
func (w *world) measured() int {
	if w.at >= w.o.Warm && w.at < w.o.Warm+w.o.Takes {
		return 1
	}
	return 0
}

func (w *world) count(site string, n int) { w.result.Calls[site] += n * w.measured() }

// ran counts an invocation that has ended.
func (w *world) ran(p *process) {
	w.result.Invocations[p.function] += w.measured()
	w.result.Seconds[p.function] += float64(w.measured()) * (w.at - p.began).Seconds()
}

func (w *world) visible(what string) {
	if len(w.result.Visible) < 10 {
		w.result.Visible = append(w.result.Visible, fmt.Sprintf("after %s: %s", w.at.Round(time.Second), what))
	}
}

// deploys reports whether an application has a deployment under way.
func (w *world) deploys(id string) bool {
	n := w.arrived[id]
	return n > 0 && w.result.Deployments[n-1].Ended == 0
}

// changed is told of every record that is written.
func (w *world) changed(before, after any) {
	switch is := after.(type) {
	case gitops.Application:
		was, _ := before.(gitops.Application)
		if !is.Drift.At.Equal(was.Drift.At) {
			w.look(is.ID, is.Drift.At.Sub(w.epoch))
		}
		w.trouble(is.ID, is.Drift.Problem, is.Ended.Reason)
	case gitops.Deployment:
		w.trouble(is.Application, is.Reason, is.Progress)
		n := w.arrived[is.Application]
		if n == 0 {
			return
		}
		d := &w.result.Deployments[n-1]
		if d.Applied == 0 && !is.AppliedAt.IsZero() {
			d.Applied = is.AppliedAt.Sub(w.epoch) - d.at
		}
		if is.Phase.Done() {
			d.Ended = w.at - d.at
			if is.Phase != gitops.PhaseSucceeded {
				w.visible(fmt.Sprintf("%s ended %s: %s", is.Application, is.Phase, is.Reason))
			}
		}
	}
}

// trouble notes what a person would read of throttling.
func (w *world) trouble(id string, texts ...string) {
	for _, text := range texts {
		if strings.Contains(text, throttled) {
			w.visible(id + " says: " + text)
		}
	}
}

// look notes that an application's drift was looked for.
func (w *world) look(id string, at time.Duration) {
	last := w.looked[id]
	w.looked[id] = at
	if w.measured() == 0 {
		return
	}
	w.result.Looks++
	w.gap(at - last)
}

func (w *world) gap(d time.Duration) {
	w.result.Longest = max(w.result.Longest, d)
	if d > w.o.Every {
		w.result.Late++
	}
}

// finish adds what only the end tells: who was never looked at again, and what never ended.
func (w *world) finish() {
	w.result.Took = w.o.Takes
	if w.o.Drift {
		for i := range w.o.Applications {
			if since := w.o.Warm + w.o.Takes - w.looked[w.name(i)]; since > w.o.Every {
				w.gap(since)
			}
		}
	}
	for _, d := range w.result.Deployments {
		if d.Ended == 0 {
			w.visible(fmt.Sprintf("%s does not end, %s after it came", d.Application, w.at-d.at))
		}
	}
	if key, found := w.store.Contains(throttled); found {
		w.visible("the record " + key + " tells of throttling")
	}
}

// String tells what was seen.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "in %s: %d looks at drift, none of an application later than %s after the one before; %d deployments in all; at most %d reconcilers at a time\n",
		r.Took, r.Looks, r.Longest.Round(time.Second), len(r.Deployments), r.Busiest)
	for _, site := range slices.Sorted(maps.Keys(r.Calls)) {
		fmt.Fprintf(&b, "  %-36s %9d", site, r.Calls[site])
		if n := r.Throttled[site]; n > 0 {
			fmt.Fprintf(&b, "  %d throttled", n)
		}
		b.WriteByte('\n')
	}
	for _, v := range r.Visible {
		b.WriteString("  ✗ " + v + "\n")
	}
	return b.String()
}
