package gitops

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The limits of what heals by itself.
const (
	HealsPerHour = 3 // of one application
	HealsPerDay  = 3 // of one resource: whoever changes it back so often is asked, not fought
)

// Heal is one heal that began without a person.
type Heal struct {
	At         time.Time `json:"at,omitzero"`
	Deployment string    `json:"deployment"`
	Drift      string    `json:"drift"` // DriftSummary.Digest of what it was to heal
	Policy     string    `json:"policy"`
	Resources  []string  `json:"resources,omitempty"` // that it brings back
	Refused    string    `json:"refused,omitempty"`   // why it did nothing
}

// Reverts reports whether a deployment of the kind brings live back to what was deployed.
func (k Kind) Reverts() bool { return k == KindRevert || k == KindHeal }

// healable reports whether there is something that a heal could bring back.
func (a Application) healable() bool {
	return a.Drift.Drifted > 0 && a.Drift.Foreign == "" && !a.Drift.Gone && a.Drift.Problem == "" &&
		a.Wanted.Digest == a.Deployed.Digest && a.Wanted.Seq > 0
}

// ToHeal reports whether live is to be brought back without a person. The drift that a heal was
// refused for is not tried again until it, or what may be healed, is another.
func (a Application) ToHeal() bool {
	if !a.Settings.Drift.Heal || !a.healable() {
		return false
	}
	n := len(a.Heals)
	return n == 0 || a.Heals[n-1].Refused == "" || a.Heals[n-1].Drift != a.Drift.Digest || a.Heals[n-1].Policy != a.Settings.Drift.healing()
}

// healing is a hash of what decides what may be healed.
func (d DriftPolicy) healing() string {
	return hash(struct {
		Types  []string
		Ignore []Ignore
	}{d.HealTypes, d.Ignore})
}

// HealHeld returns why no heal may begin by itself right now, "" where one may: an application
// has a budget for an hour.
func (a Application) HealHeld(now time.Time) string {
	n := 0
	for _, h := range a.Heals {
		if now.Sub(h.At) < time.Hour {
			n++
		}
	}
	if n >= HealsPerHour {
		return fmt.Sprintf("%d heals within an hour: no other begins by itself before %s", n,
			a.Heals[len(a.Heals)-HealsPerHour].At.Add(time.Hour).UTC().Format("15:04 MST"))
	}
	return ""
}

// BeginHeal notes a heal that begins of resources, and forgets those of more than a day ago. A
// person's forgets all: whoever asks has looked.
func (a *Application) BeginHeal(deployment string, resources []string, byPerson bool, now time.Time) {
	kept := slices.DeleteFunc(slices.Clone(a.Heals), func(h Heal) bool { return byPerson || now.Sub(h.At) >= 24*time.Hour })
	a.Heals = append(kept, Heal{At: now, Deployment: deployment, Drift: a.Drift.Digest, Policy: a.Settings.Drift.healing(), Resources: resources})
}

// EndHeal notes of a heal that did not bring live back why: the same drift is not healed again
// by itself. One that was applied counts all the same.
func (a *Application) EndHeal(deployment string, applied bool, refused string) {
	a.Heals = slices.Clone(a.Heals)
	for i := range a.Heals {
		h := &a.Heals[i]
		if h.Deployment != deployment {
			continue
		}
		if h.Refused = refused; !applied {
			h.Resources = nil
		}
	}
}

// unresolved is what a change set has in place of a value that it does not know before it is
// executed. Such a one may be another value than the live one, and may be the same.
const unresolved = "{{changeSet:"

// KnownAfterApply stands in a plan of Terraform's for such a value, as "terraform plan" prints it.
const KnownAfterApply = "(known after apply)"

// Refused returns why a heal does not go on with a plan, "" where it may. Two witnesses have
// to agree on every resource and property: the report, and the plan that looked by itself.
// What cannot be undone is never healed, nor what the application does not name, nor what was
// healed so often that somebody else must be changing it.
func Refused(plan Plan, report DriftReport, policy DriftPolicy, heals []Heal) string {
	if plan.Review != "" {
		return "the plan has to be looked at: " + plan.Review
	}
	if len(plan.Changes) == 0 {
		return "the plan and the drift report do not agree: the plan changes nothing"
	}
	found := map[string]ResourceDrift{}
	for _, res := range report.Resources {
		found[res.LogicalID] = res
	}
	planned := map[string]bool{}
	for _, c := range plan.Changes {
		if why := refuseChange(c, found, policy, heals); why != "" {
			return c.LogicalID + ": " + why
		}
		planned[c.LogicalID] = true
	}
	for _, res := range report.Resources {
		if res.drifted() && !planned[res.LogicalID] {
			return res.LogicalID + ": has drifted, and the plan does not bring it back"
		}
	}
	return ""
}

func refuseChange(c Change, found map[string]ResourceDrift, policy DriftPolicy, heals []Heal) string {
	res, known := found[c.LogicalID]
	switch {
	case c.Action == ActionReplace:
		return "it would be replaced"
	case c.Action == ActionRemove:
		return "it would be removed"
	case len(c.Nested) > 0:
		return "it is a nested stack"
	case !known || !res.drifted():
		return "the drift report does not say that it has drifted"
	case len(policy.HealTypes) > 0 && !slices.Contains(policy.HealTypes, c.Type):
		return c.Type + " is not among drift.healTypes"
	case res.Status == ResourceDeleted != (c.Action == ActionAdd):
		return fmt.Sprintf("the drift report says %s, the plan %s", res.Status, c.Action)
	case healed(c.LogicalID, heals) >= HealsPerDay:
		return fmt.Sprintf("it was healed %d times in a day, and somebody changes it again", healed(c.LogicalID, heals))
	}
	return refuseProperties(c, res)
}

func refuseProperties(c Change, res ResourceDrift) string {
	if c.Action == ActionAdd {
		for _, p := range c.Properties {
			if strings.Contains(p.Proposed, unresolved) {
				return p.Path + " has a value that is not known before it is applied"
			}
		}
		return ""
	}
	for _, p := range c.Properties {
		switch {
		case p.Computed: // it follows from the others, which are held against the report
		case strings.Contains(p.Proposed, unresolved) || strings.Contains(p.Live, unresolved) || p.Proposed == KnownAfterApply:
			return p.Path + " has a value that is not known before it is applied"
		case p.Recreates == "Always" || p.Recreates == "Conditionally":
			return p.Path + " may replace it"
		case slices.ContainsFunc(res.Ignored, func(i Ignored) bool { return overlap(i.Path, p.Path) }):
			return p.Path + " is ignored by a rule, and the plan would bring it back"
		case !slices.ContainsFunc(res.Properties, func(d Difference) bool { return overlap(d.Path, p.Path) }):
			return p.Path + " has not drifted in the report, and the plan changes it"
		case slices.ContainsFunc(res.Properties, func(d Difference) bool { return d.Path == p.Path && contradicts(d.Declared, p.Proposed) }):
			return p.Path + " would become something else than the report says is declared"
		}
	}
	for _, d := range res.Properties {
		if !d.Computed && !slices.ContainsFunc(c.Properties, func(p PropertyChange) bool { return overlap(d.Path, p.Path) }) {
			return d.Path + " has drifted, and the plan does not bring it back"
		}
	}
	return ""
}

// contradicts reports whether a plan proposes another value than what is declared. Lists and
// mappings may be written in more than one way, and are left to the detection afterwards.
func contradicts(declared, proposed string) bool {
	structured := func(v string) bool { return strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[") }
	return declared != proposed && declared != "" && !structured(declared) && !structured(proposed)
}

// overlap reports whether one path is the other, or one is below the other: a change set and a
// detection may tell of a list as a whole or of its parts.
func overlap(a, b string) bool { return within(a, b) || within(b, a) }

// healed returns how often a resource was brought back, of the heals that are remembered.
func healed(resource string, heals []Heal) (times int) {
	for _, h := range heals {
		if slices.Contains(h.Resources, resource) {
			times++
		}
	}
	return times
}
