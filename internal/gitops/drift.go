package gitops

import (
	"fmt"
	"slices"
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
	// Partial: only some of its resources were looked at, after somebody changed one of them.
	Partial bool `json:"partial,omitempty"`
	// Whole is when all of its resources were last looked at; zero: At.
	Whole time.Time `json:"whole,omitzero"`
	// Expired are the rules of drift.ignore whose time is over: what they named counts again.
	Expired []Ignore `json:"expired,omitempty"`
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
	Ignored    []Ignored      `json:"ignored,omitempty"` // differences that a rule of drift.ignore names
	By         *Touch         `json:"by,omitempty"`      // who changed it last, where an event told
}

// Touch is a change that somebody made to a resource, as CloudTrail tells of it.
type Touch struct {
	By    string    `json:"by"`             // ARN of the principal
	From  string    `json:"from,omitempty"` // address that the call came from
	Event string    `json:"event"`          // name of the call, such as SetQueueAttributes
	At    time.Time `json:"at,omitzero"`
}

// Difference is one property that is not what was declared. An empty side is absent.
type Difference struct {
	Path     string `json:"path"` // "/VisibilityTimeout"
	Declared string `json:"declared,omitempty"`
	Live     string `json:"live,omitempty"`
	Kind     string `json:"kind"` // ADD, REMOVE, NOT_EQUAL: what was done to live; UNDECLARED: the template says nothing of it
	// Computed: nobody declares it, so that no plan brings it back by itself.
	Computed bool `json:"computed,omitempty"`
}

// Undeclared is the kind of a difference of which the template says nothing.
const Undeclared = "UNDECLARED"

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
	Whole        time.Time `json:"whole,omitzero"`    // when all was last looked at; zero: At
	Digest       string    `json:"digest,omitempty"`  // of what has drifted, to tell one drift from another
	Flat         bool      `json:"flat,omitempty"`    // all was looked at, and no stack is nested in it
	Expired      int       `json:"expired,omitempty"` // rules of drift.ignore whose time is over
}

// TypeNestedStack is the type of a stack as a resource of another one.
const TypeNestedStack = "AWS::CloudFormation::Stack"

// Still reports whether a report says what was known before, without comparing them resource by
// resource: all was looked at both times, all is in sync, and it is as many.
func (s DriftSummary) Still(r DriftReport) bool {
	now := r.Summary()
	now.At, s.At = time.Time{}, time.Time{}
	quiet := DriftSummary{InSync: now.InSync, Complete: true, Flat: now.Flat}
	return now == quiet && s == quiet && len(r.Resources) == now.InSync && !r.Partial
}

// Summary counts the report's resources.
func (r DriftReport) Summary() DriftSummary {
	s := DriftSummary{At: r.At, Complete: r.Complete, Foreign: r.Foreign, Gone: r.Gone, Message: r.Foreign, Expired: len(r.Expired)}
	if !r.Whole.Equal(r.At) {
		s.Whole = r.Whole
	}
	s.Flat = r.Complete && !slices.ContainsFunc(r.Resources, func(res ResourceDrift) bool { return res.Type == TypeNestedStack })
	var drifted []ResourceDrift
	if !r.Complete {
		s.Problem = r.Reason
	}
	for _, res := range r.Resources {
		switch res.Status {
		case ResourceInSync:
			s.InSync++
		case ResourceModified, ResourceDeleted:
			s.Drifted++
			res.Since, res.By = time.Time{}, nil
			drifted = append(drifted, res)
			if s.Message == "" {
				s.Message = res.String()
			}
		case ResourceIgnored:
			s.Ignored++
		case ResourceNotCheckable:
			s.NotCheckable++
		}
	}
	if len(drifted) > 0 {
		s.Digest = hash(drifted)
	}
	return s
}

// Drifted returns the logical ids of what is something else than was declared.
func (r DriftReport) Drifted() []string {
	var ids []string
	for _, res := range r.Resources {
		if res.drifted() {
			ids = append(ids, res.LogicalID)
		}
	}
	return ids
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

// Since carries over, from the report before, when each drift was first seen and by whom, and notes
// whether the report is news. The zero report stands for none.
func (r *DriftReport) Since(before DriftReport) {
	seen := map[string]ResourceDrift{}
	for _, res := range before.Resources {
		if res.drifted() {
			seen[res.LogicalID] = res
		}
	}
	for i, res := range r.Resources {
		if !res.drifted() {
			continue
		}
		r.Resources[i].Since = r.At
		if was, ok := seen[res.LogicalID]; ok && !was.Since.IsZero() {
			r.Resources[i].Since = was.Since
		}
		if was := seen[res.LogicalID]; res.By == nil {
			r.Resources[i].By = was.By
		}
	}
	r.News = r.told() != before.told()
}

// told returns what a report says, as one hash.
func (r DriftReport) told() string {
	r.At, r.Whole, r.News, r.Partial = time.Time{}, time.Time{}, false, false
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
