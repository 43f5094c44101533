package runner

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/terraform"
)

// How long a secret, or a line of one, has to be to be searched for: of a shorter one every other
// word would be it. Of a state's values, which are many and of any kind, only the long ones are.
const (
	shortest      = 6
	shortestState = 12
)

// veil hides secrets in texts. The log is read through it while they are still being resolved.
type veil struct {
	mu       sync.Mutex
	values   []string
	replacer *strings.Replacer // of the values; nil where they changed since
}

// conceal has secrets hidden wherever they turn up, as wholes and line by line. Terraform hides
// what its configuration marks as sensitive; a variable that nobody marked, or a provider's error,
// may show it all the same.
func (v *veil) conceal(least int, secrets ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known := map[string]bool{}
	for _, value := range v.values {
		known[value] = true
	}
	for _, secret := range secrets {
		for _, part := range append([]string{secret}, strings.Split(secret, "\n")...) {
			part = strings.TrimSpace(part)
			for _, form := range []string{part, escaped(part)} {
				if len(part) >= least && !known[form] {
					known[form] = true
					v.values = append(v.values, form)
				}
			}
		}
	}
	// The longest first: a part of another would otherwise leave the rest of it.
	slices.SortStableFunc(v.values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	v.replacer = nil
}

// scrub returns a text without secrets.
func (v *veil) scrub(text string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.values) == 0 {
		return text
	}
	if v.replacer == nil {
		var pairs []string
		for _, value := range v.values {
			pairs = append(pairs, value, terraform.Sensitive)
		}
		v.replacer = strings.NewReplacer(pairs...)
	}
	return v.replacer.Replace(text)
}

// escaped is a value as JSON and Terraform's own language quote it.
func escaped(value string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(value)
}

// scrubReport hides secrets in every text of the report that comes from what ran.
func (s *session) scrubReport() {
	s.report.Reason = s.scrub(s.report.Reason)
	for name, value := range s.report.Outputs {
		s.report.Outputs[name] = s.scrub(value)
	}
	for _, stack := range s.report.Stacks {
		for _, values := range []map[string]string{stack.Parameters, stack.Tags} {
			for name, value := range values {
				values[name] = s.scrub(value)
			}
		}
	}
	if s.report.Plan != nil {
		s.scrubChanges(s.report.Plan.Changes)
	}
	if s.report.Drift != nil {
		for i, r := range s.report.Drift.Resources {
			s.report.Drift.Resources[i].PhysicalID = s.scrub(r.PhysicalID)
			for j, p := range r.Properties {
				r.Properties[j].Path, r.Properties[j].Declared, r.Properties[j].Live = s.scrub(p.Path), s.scrub(p.Declared), s.scrub(p.Live)
			}
		}
	}
}

func (s *session) scrubChanges(changes []gitops.Change) {
	for i, c := range changes {
		changes[i].LogicalID, changes[i].PhysicalID = s.scrub(c.LogicalID), s.scrub(c.PhysicalID)
		for j, p := range c.Properties {
			c.Properties[j].Path, c.Properties[j].LastDeployed, c.Properties[j].Proposed = s.scrub(p.Path), s.scrub(p.LastDeployed), s.scrub(p.Proposed)
		}
	}
}
