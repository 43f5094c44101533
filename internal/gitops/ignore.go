package gitops

import (
	"strings"
	"time"
)

// Ignore is a rule of drift.ignore: a difference that it names is wanted by whoever made it.
type Ignore struct {
	Resource string `json:"resource"`        // logical id, "Nested/Resource" in a nested stack, Terraform's address; "*" any
	Path     string `json:"path,omitempty"`  // of the property and what is below it; empty: the whole resource, its deletion too
	Reason   string `json:"reason"`          // why, for people
	Until    string `json:"until,omitempty"` // day on which it ends, 2027-01-01, at midnight UTC; empty: never
}

// Ignored is a difference that a rule names.
type Ignored struct {
	Difference

	Reason string `json:"reason"`
	Until  string `json:"until,omitempty"`
}

// Expired reports whether the rule's time is over.
func (i Ignore) Expired(now time.Time) bool {
	end, err := time.Parse(time.DateOnly, i.Until)
	return err == nil && !now.Before(end)
}

// names reports whether the rule is about a property of a resource.
func (i Ignore) names(resource, path string) bool {
	if i.Resource != "*" && i.Resource != resource {
		return false
	}
	return i.Path == "" || within(path, i.Path)
}

// within reports whether a path is another one, or below it.
func within(path, above string) bool {
	path, above = "/"+strings.Trim(path, "/"), "/"+strings.Trim(above, "/")
	return path == above || strings.HasPrefix(path, above+"/")
}

// Apply moves what the rules name out of the report's drift: a resource of which nothing else
// is left is ignored, with the rule's reason. Rules whose time is over move nothing, and are named.
func (r *DriftReport) Apply(rules []Ignore, now time.Time) {
	r.Expired = nil
	for _, rule := range rules {
		if rule.Expired(now) {
			r.Expired = append(r.Expired, rule)
		}
	}
	for i := range r.Resources {
		r.Resources[i].apply(rules, now)
	}
}

func (r *ResourceDrift) apply(rules []Ignore, now time.Time) {
	if !r.drifted() {
		return
	}
	var left []Difference
	for _, d := range r.Properties {
		if rule := find(rules, r.LogicalID, d.Path, now); rule != nil {
			r.Ignored = append(r.Ignored, Ignored{d, rule.Reason, rule.Until})
			continue
		}
		left = append(left, d)
	}
	whole := find(rules, r.LogicalID, "", now)
	switch {
	case whole != nil:
		r.Status, r.Reason, r.Properties = ResourceIgnored, whole.said(), nil
	case len(r.Ignored) > 0 && len(left) == 0 && r.Status == ResourceModified:
		rule := Ignore{Reason: r.Ignored[0].Reason, Until: r.Ignored[0].Until}
		r.Status, r.Reason, r.Properties = ResourceIgnored, rule.said(), nil
	default:
		r.Properties = left
	}
}

// find returns the first rule in force that names a property, nil where none does.
func find(rules []Ignore, resource, path string, now time.Time) *Ignore {
	for i, rule := range rules {
		if rule.names(resource, path) && !rule.Expired(now) {
			return &rules[i]
		}
	}
	return nil
}

// said is the rule's reason, with its end.
func (i Ignore) said() string {
	if i.Until == "" {
		return i.Reason
	}
	return i.Reason + " (until " + i.Until + ")"
}

// drifted reports whether live is something else than what was declared.
func (r ResourceDrift) drifted() bool {
	return r.Status == ResourceModified || r.Status == ResourceDeleted
}
