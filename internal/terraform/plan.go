package terraform

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// The types of changes that are none of a resource.
const (
	TypeOutput = "output"
	TypeAction = "action" // an action that is invoked, which is no resource but does something
)

// Decode reads what "terraform show -json" prints of a plan file. Numbers keep their digits.
func Decode(data []byte) (*tfjson.Plan, error) {
	p := &tfjson.Plan{}
	p.UseJSONNumber(true)
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("decode terraform's plan: %w", err)
	}
	return p, nil
}

// Plan returns what a plan would change: its resources, its outputs and what it invokes, sorted,
// not sealed. It has no changes only if Terraform says that there are none.
func Plan(p *tfjson.Plan) gitops.Plan {
	out := gitops.Plan{Engine: gitops.EngineTerraform, Changes: []gitops.Change{}}
	d := &differ{hider: newHider(Secrets(p)), config: configured(p)}
	for _, r := range p.ResourceChanges {
		if c, ok := d.resource(r); ok {
			out.Changes = append(out.Changes, c)
		}
	}
	for name, c := range p.OutputChanges {
		if c, ok := d.output(name, c); ok {
			out.Changes = append(out.Changes, c)
		}
	}
	for _, a := range p.ActionInvocations {
		if a != nil {
			out.Changes = append(out.Changes, gitops.Change{Action: gitops.ActionModify, LogicalID: a.Address, Type: TypeAction})
		}
	}
	slices.SortStableFunc(out.Changes, func(a, b gitops.Change) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	out.Note = d.note()
	if n := len(p.DeferredChanges); n > 0 {
		out.Note = strings.TrimPrefix(out.Note+fmt.Sprintf("; Terraform deferred %d more changes to a later plan", n), "; ")
	}
	return out
}

// resource returns what happens to a resource, and whether anything does. A data source that is
// read is no change.
func (d *differ) resource(r *tfjson.ResourceChange) (gitops.Change, bool) {
	if r == nil || r.Change == nil || r.Mode == tfjson.DataResourceMode {
		return gitops.Change{}, false
	}
	action, ok := actionOf(r.Change)
	moved := r.PreviousAddress != "" && r.PreviousAddress != r.Address
	if !ok && !moved {
		return gitops.Change{}, false
	}
	c := gitops.Change{Action: action, LogicalID: r.Address, PhysicalID: d.text(physicalID(r.Change)), Type: r.Type, Keeps: r.Change.Actions.Forget()}
	if r.DeposedKey != "" {
		c.LogicalID += " (deposed object " + r.DeposedKey + ")"
	}
	if moved {
		c.Properties = append(c.Properties, gitops.PropertyChange{Path: "/(address)", LastDeployed: r.PreviousAddress, Proposed: r.Address})
	}
	if action != gitops.ActionRemove {
		d.said = of(d.config, r)
		c.Properties = append(c.Properties, d.properties(r.Change)...)
	}
	if action == gitops.ActionReplace {
		recreate(c.Properties, r.Change.ReplacePaths)
	}
	return c, true
}

// actionOf returns what Terraform's actions are in gitops' words, and false for none. Words that
// a later Terraform may add count as a modification, so that somebody sees them.
func actionOf(c *tfjson.Change) (gitops.Action, bool) {
	a := c.Actions
	switch {
	case len(a) > 1: // delete and create in either order, or create and forget: what was there is no longer ours
		return gitops.ActionReplace, true
	case c.Importing != nil && !a.Delete():
		return gitops.ActionImport, true
	case len(a) == 0, a.NoOp(), a.Read():
		return gitops.ActionModify, false
	case a.Create():
		return gitops.ActionAdd, true
	case a.Delete(), a.Forget():
		return gitops.ActionRemove, true
	}
	return gitops.ActionModify, true
}

// output returns what happens to an output of the root module. One that goes is a modification:
// nothing in AWS is removed by it.
func (d *differ) output(name string, c *tfjson.Change) (gitops.Change, bool) {
	if c == nil || len(c.Actions) == 0 || c.Actions.NoOp() {
		return gitops.Change{}, false
	}
	out := gitops.Change{Action: gitops.ActionModify, LogicalID: "output." + name, Type: TypeOutput}
	if c.Actions.Create() {
		out.Action = gitops.ActionAdd
	}
	d.said = nil
	out.Properties = d.differences(c, "/value")
	return out, true
}

// physicalID is the resource's id, where it has one that may be shown.
func physicalID(c *tfjson.Change) string {
	if c.Importing != nil && c.Importing.ID != "" {
		return c.Importing.ID
	}
	before, _ := c.Before.(map[string]any)
	id, _ := before["id"].(string)
	if hidden(c.BeforeSensitive) || hidden(child(c.BeforeSensitive, "id")) || hidden(c.AfterSensitive) || hidden(child(c.AfterSensitive, "id")) {
		return ""
	}
	return cut(id)
}

// recreate marks the properties because of which the resource is made anew.
func recreate(properties []gitops.PropertyChange, causes []any) {
	for _, cause := range causes {
		steps, _ := cause.([]any)
		path := ""
		for _, s := range steps {
			path += "/" + gitops.PathStep(fmt.Sprint(s))
		}
		for i, p := range properties {
			// What Terraform names may be a part of what is shown, or have parts that are shown.
			if p.Path == path || strings.HasPrefix(p.Path, path+"/") || strings.HasPrefix(path, p.Path+"/") {
				properties[i].Recreates = "Always"
			}
		}
	}
}
