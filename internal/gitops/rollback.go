package gitops

import "slices"

// Undo says what a rollback goes back to, and from what.
type Undo struct {
	Deployment string   `json:"deployment,omitempty"` // that is undone
	To         string   `json:"to"`                   // whose bundle and settings are brought back
	Reason     string   `json:"reason"`
	By         string   `json:"by,omitempty"`    // who asked; empty: the application's verify.onFailure
	Added      []string `json:"added,omitempty"` // what the undone deployment added: to remove that again loses nothing that was there before
}

// Summarise counts a plan's changes as the deployment has to judge them.
func (d Deployment) Summarise(p Plan) PlanSummary {
	s := p.Summary()
	if d.Undoes == nil {
		return s
	}
	for _, c := range p.Changes {
		if c.Action == ActionRemove && slices.Contains(d.Undoes.Added, c.LogicalID) {
			s.Undone++
		}
	}
	return s
}

// Adds returns what a plan adds, to be removed again by a rollback.
func (p Plan) Adds() []string {
	var ids []string
	for _, c := range p.Changes {
		if c.Action == ActionAdd {
			ids = append(ids, c.LogicalID)
		}
	}
	return ids
}

// Against notes on a plan where it would overwrite what was changed by hand since the last
// deployment: live, last deployed and proposed side by side. To be called before Bind.
func (p *Plan) Against(report DriftReport) {
	for _, res := range report.Resources {
		if res.Status != ResourceModified {
			continue
		}
		for i := range p.Changes {
			if c := &p.Changes[i]; c.LogicalID == res.LogicalID {
				c.against(res)
			}
		}
	}
}

func (c *Change) against(res ResourceDrift) {
	byHand := slices.Clone(res.Properties)
	for _, i := range res.Ignored {
		byHand = append(byHand, i.Difference)
	}
	for i, p := range c.Properties {
		for _, d := range byHand {
			if !overlap(d.Path, p.Path) || d.Live == p.Proposed {
				continue
			}
			if p.Live == "" {
				c.Properties[i].Live = orAbsent(d.Live)
			}
			c.Properties[i].Overwrites = true
		}
	}
}
