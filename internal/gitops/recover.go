package gitops

import (
	"strings"
	"time"
)

// Cause is the first thing that went wrong in an operation: what all that followed came from.
type Cause struct {
	LogicalID string `json:"logicalId,omitempty"`
	Type      string `json:"type,omitempty"`
	Status    string `json:"status,omitempty"` // as AWS has it, such as CREATE_FAILED
	Reason    string `json:"reason"`
	Nested    string `json:"nested,omitempty"` // the nested stacks that it happened in, "A/B"; empty: the application's own
	Path      string `json:"path,omitempty"`   // of the property, where AWS said
}

// Stuck says that a stack takes no update until something is done, and what there is to know of it.
type Stuck struct {
	Status string `json:"status"` // as AWS has it, such as UPDATE_ROLLBACK_FAILED
	// Resources could not be rolled back: those that a rollback could leave as they are.
	Resources     []string `json:"resources,omitempty"`
	NeverComplete bool     `json:"neverComplete,omitempty"` // its creation failed, and nothing was ever deployed by it
	Protected     bool     `json:"protected,omitempty"`     // termination protection is on
}

// Recovery is one thing that was done about a stack that was stuck.
type Recovery struct {
	At     time.Time `json:"at,omitzero"`
	Status string    `json:"status"`           // of the stack before
	Skip   []string  `json:"skip,omitempty"`   // resources that were left as they are
	By     string    `json:"by,omitempty"`     // who asked; empty: the application's settings
	Result string    `json:"result,omitempty"` // how it ended
}

// String returns the cause in one line.
func (c Cause) String() string {
	line := ""
	for _, id := range strings.Split(c.Nested, "/") {
		if id != "" {
			line += "nested stack " + id + ": "
		}
	}
	if c.LogicalID != "" {
		line += c.LogicalID
		if c.Type != "" {
			line += " (" + c.Type + ")"
		}
		line += strings.TrimRight(" "+c.Status, " ") + ": "
	}
	return line + c.Reason
}

// recovery returns whether what a stack is stuck in is ended by itself: each thing once in a
// deployment, and only what the application's settings say.
func (d Deployment) recovery(s *Stuck) bool {
	policy := d.Settings.Recover
	switch {
	case s == nil || len(d.Recoveries) > 0 || d.Kind == KindRecover:
		return false
	case s.NeverComplete: // once it was applied its failure is told first; who plans next finds it
		return policy.Recreate && !s.Protected && d.Phase == PhasePlanning
	}
	return policy.Continue && s.Status == "UPDATE_ROLLBACK_FAILED"
}
