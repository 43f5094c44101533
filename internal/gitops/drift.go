package gitops

import (
	"fmt"
	"time"
)

// ResourceStatus is what a drift detection says of one resource.
type ResourceStatus string

// The statuses. Every resource is in exactly one. Stored values never change.
const (
	ResourceInSync       ResourceStatus = "InSync"
	ResourceModified     ResourceStatus = "Modified"
	ResourceDeleted      ResourceStatus = "Deleted"
	ResourceIgnored      ResourceStatus = "Ignored"
	ResourceNotCheckable ResourceStatus = "NotCheckable"
)

// DriftReport is live compared with what was last deployed.
type DriftReport struct {
	Application string    `json:"application"`
	StackID     string    `json:"stackId,omitempty"`
	Deployment  string    `json:"deployment,omitempty"` // what was last deployed, or is being verified
	At          time.Time `json:"at,omitzero"`
	Complete    bool      `json:"complete"` // false: the detection ended early, or did not look everywhere
	Reason      string    `json:"reason,omitempty"`
	// Foreign says what somebody else did to the stack as a whole since Driftless last brought
	// it to what git wants: a detection compares live with the stack's own template, so that an
	// update by hand would otherwise look like no drift at all.
	Foreign   string          `json:"foreign,omitempty"`
	Gone      bool            `json:"gone,omitempty"` // the stack itself is no longer there
	Resources []ResourceDrift `json:"resources"`
	// News: it says something else than the report before, its time aside. Only such reports
	// are kept in the history and told.
	News bool `json:"news,omitempty"`
}

// ResourceDrift is one resource of a report.
type ResourceDrift struct {
	LogicalID  string         `json:"logicalId"`
	PhysicalID string         `json:"physicalId,omitempty"`
	Type       string         `json:"type"`
	Status     ResourceStatus `json:"status"`
	Reason     string         `json:"reason,omitempty"` // why it is ignored or not checkable
	Since      time.Time      `json:"since,omitzero"`   // when this drift was first seen
	Properties []Difference   `json:"properties,omitempty"`
}

// Difference is one property that is not what was declared. An empty side is absent.
type Difference struct {
	Path     string `json:"path"` // "/VisibilityTimeout"
	Declared string `json:"declared,omitempty"`
	Live     string `json:"live,omitempty"`
	Kind     string `json:"kind"` // ADD, REMOVE, NOT_EQUAL: what was done to live
}

// DriftSummary is what the records keep of the latest report.
type DriftSummary struct {
	At           time.Time `json:"at,omitzero"` // zero: never looked
	InSync       int       `json:"inSync"`
	Drifted      int       `json:"drifted"`
	Ignored      int       `json:"ignored"`
	NotCheckable int       `json:"notCheckable"`
	Complete     bool      `json:"complete"`
	Message      string    `json:"message,omitempty"` // the first difference in one line
	Foreign      string    `json:"foreign,omitempty"` // what somebody else did to the stack as a whole
	Gone         bool      `json:"gone,omitempty"`    // the stack itself is no longer there
	Problem      string    `json:"problem,omitempty"` // why the last look found nothing out
}

// Summary counts the report's resources.
func (r DriftReport) Summary() DriftSummary {
	s := DriftSummary{At: r.At, Complete: r.Complete, Foreign: r.Foreign, Gone: r.Gone, Message: r.Foreign}
	if !r.Complete {
		s.Problem = r.Reason
	}
	for _, res := range r.Resources {
		switch res.Status {
		case ResourceInSync:
			s.InSync++
		case ResourceModified, ResourceDeleted:
			s.Drifted++
			if s.Message == "" {
				s.Message = res.String()
			}
		case ResourceIgnored:
			s.Ignored++
		case ResourceNotCheckable:
			s.NotCheckable++
		}
	}
	return s
}

// String returns the drift of one resource in one line: "SQSQueue VisibilityTimeout 5 -> 60".
func (r ResourceDrift) String() string {
	if r.Status == ResourceDeleted {
		return r.LogicalID + " deleted"
	}
	if len(r.Properties) == 0 {
		return r.LogicalID + " " + string(r.Status)
	}
	p := r.Properties[0]
	line := fmt.Sprintf("%s %s %s -> %s", r.LogicalID, trimSlash(p.Path), orAbsent(p.Declared), orAbsent(p.Live))
	if n := len(r.Properties) - 1; n > 0 {
		line += fmt.Sprintf(" and %d more", n)
	}
	return line
}

func trimSlash(path string) string {
	if len(path) > 1 && path[0] == '/' {
		return path[1:]
	}
	return path
}

func orAbsent(value string) string {
	if value == "" {
		return "(absent)"
	}
	return value
}

// Since carries over, from the report before, when each drift was first seen, and notes
// whether the report is news. The zero report stands for none.
func (r *DriftReport) Since(before DriftReport) {
	seen := map[string]time.Time{}
	for _, res := range before.Resources {
		if res.Status == ResourceModified || res.Status == ResourceDeleted {
			seen[res.LogicalID] = res.Since
		}
	}
	for i, res := range r.Resources {
		if res.Status != ResourceModified && res.Status != ResourceDeleted {
			continue
		}
		if at, ok := seen[res.LogicalID]; ok && !at.IsZero() {
			r.Resources[i].Since = at
		} else {
			r.Resources[i].Since = r.At
		}
	}
	r.News = r.told() != before.told()
}

// told returns what a report says, as one hash.
func (r DriftReport) told() string {
	r.At, r.News = time.Time{}, false
	return hash(r)
}

// Total returns how many resources the report names.
func (s DriftSummary) Total() int { return s.InSync + s.Drifted + s.Ignored + s.NotCheckable }

// Coverage returns the share of resources that could be compared, in percent, rounded down;
// 100 when there are none, 0 when nobody has looked.
func (s DriftSummary) Coverage() int {
	if s.At.IsZero() {
		return 0
	}
	if s.Total() == 0 {
		return 100
	}
	return 100 * (s.Total() - s.NotCheckable) / s.Total()
}

// String returns the summary as the status table shows it: "in sync", "1 of 2", "unknown".
func (s DriftSummary) String() string {
	switch {
	case s.Gone:
		return "deleted"
	case s.Foreign != "":
		return "by others"
	case s.At.IsZero() && s.Problem == "":
		return "-"
	case s.Drifted > 0:
		return fmt.Sprintf("%d of %d", s.Drifted, s.Total())
	case !s.Complete, s.Problem != "":
		return "unknown"
	case s.InSync == 0 && s.NotCheckable > 0:
		return "not checkable"
	}
	return "in sync"
}

// Differs reports whether live was found to be something else than what was last deployed.
func (s DriftSummary) Differs() bool { return s.Drifted > 0 || s.Foreign != "" }
