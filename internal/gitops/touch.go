package gitops

import (
	"slices"
	"strings"
	"time"
)

// Touched is a change by somebody else to one resource of an application, which is looked at next.
type Touched struct {
	LogicalID string `json:"logicalId"`
	Touch
}

// maxTouched is how many changes an application remembers until it has looked at them.
const maxTouched = 20

// Note remembers a change of a resource, the newest of each. It reports whether that is news.
func (a *Application) Note(t Touched) bool {
	for i, known := range a.Touched {
		if known.LogicalID == t.LogicalID {
			if !t.At.After(known.At) {
				return false
			}
			a.Touched = slices.Delete(slices.Clone(a.Touched), i, i+1)
			break
		}
	}
	a.Touched = append(a.Touched, t)
	if over := len(a.Touched) - maxTouched; over > 0 {
		a.Touched = a.Touched[over:]
	}
	return true
}

// touchedResources returns what was changed, nil where so much was that all is looked at.
func (a Application) touchedResources() []string {
	if len(a.Touched) >= maxTouched {
		return nil
	}
	var ids []string
	for _, t := range a.Touched {
		ids = append(ids, t.LogicalID)
	}
	return ids
}

// Looked forgets the changes that a detection which began at a time has looked at: at all resources
// where only is nil.
func (a *Application) Looked(at time.Time, only []string) {
	a.Touched = slices.DeleteFunc(slices.Clone(a.Touched), func(t Touched) bool {
		return !t.At.After(at) && (only == nil || slices.Contains(only, t.LogicalID))
	})
	if len(a.Touched) == 0 {
		a.Touched = nil
	}
}

// Blame notes on each resource that drifted who changed it last, as far as events told.
func (r *DriftReport) Blame(touched []Touched) {
	for i, res := range r.Resources {
		for _, t := range touched {
			if res.drifted() && t.LogicalID == res.LogicalID {
				r.Resources[i].By = &t.Touch
			}
		}
	}
}

// Over lays a report of some resources over the one before, whose others still stand. What the
// one before did not know of stays unknown.
func (r *DriftReport) Over(before DriftReport) {
	looked := map[string]bool{}
	for _, res := range r.Resources {
		looked[res.LogicalID] = true
	}
	for _, res := range before.Resources {
		if !looked[res.LogicalID] {
			r.Resources = append(r.Resources, res)
		}
	}
	slices.SortFunc(r.Resources, func(a, b ResourceDrift) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	r.Whole, r.Foreign, r.Gone = before.Whole, before.Foreign, before.Gone
	if r.Complete && !before.Complete {
		r.Complete, r.Reason = false, before.Reason
	}
}
