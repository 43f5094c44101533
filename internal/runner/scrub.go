package runner

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/terraform"
)

// shortest is how long a secret, or a line of one, has to be to be searched for: of a shorter one
// every other word would be it.
const shortest = 6

// veil hides secrets in texts. The log is read through it while they are still being resolved.
type veil struct {
	mu     sync.Mutex
	values []string
}

// conceal has a secret hidden wherever it turns up. Terraform hides what its configuration marks
// as sensitive; a variable that nobody marked, or a provider's error, may show it all the same.
func (v *veil) conceal(secret string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, part := range append([]string{secret}, strings.Split(secret, "\n")...) {
		part = strings.TrimSpace(part)
		for _, form := range []string{part, escaped(part)} {
			if len(part) >= shortest && !slices.Contains(v.values, form) {
				v.values = append(v.values, form)
			}
		}
	}
	// The longest first: a part of another would otherwise leave the rest of it.
	slices.SortStableFunc(v.values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
}

// scrub returns a text without secrets.
func (v *veil) scrub(text string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, value := range v.values {
		text = strings.ReplaceAll(text, value, terraform.Sensitive)
	}
	return text
}

// escaped is a value as JSON and Terraform's own language quote it.
func escaped(value string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(value)
}

// scrubReport hides secrets in every text of the report that comes from terraform.
func (s *session) scrubReport() {
	s.report.Reason = s.scrub(s.report.Reason)
	for name, value := range s.report.Outputs {
		s.report.Outputs[name] = s.scrub(value)
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
