package terraform

import (
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Drift returns what a refresh-only plan found: every managed resource of the state, sorted, each
// once. Declared is what the state says, live what was read. Whose it is and when is not in it.
func Drift(p *tfjson.Plan) gitops.DriftReport {
	found := map[string]gitops.ResourceDrift{}
	if p.PriorState != nil && p.PriorState.Values != nil {
		known(p.PriorState.Values.RootModule, found, 0)
	}
	d := &differ{hider: newHider(Secrets(p)), config: configured(p), live: true}
	for _, r := range p.ResourceDrift {
		if r == nil || r.Change == nil || r.Mode == tfjson.DataResourceMode {
			continue
		}
		if one, ok := d.drift(r); ok {
			found[one.LogicalID] = one
		}
	}
	report := gitops.DriftReport{Complete: len(p.DeferredChanges) == 0, Resources: make([]gitops.ResourceDrift, 0, len(found))}
	if !report.Complete {
		report.Reason = "Terraform deferred resources to a later plan"
	}
	for _, r := range found {
		r.PhysicalID = d.text(r.PhysicalID)
		report.Resources = append(report.Resources, r)
	}
	slices.SortFunc(report.Resources, func(a, b gitops.ResourceDrift) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	return report
}

// known notes the managed resources of a module and those below it as they are without drift.
func known(m *tfjson.StateModule, into map[string]gitops.ResourceDrift, depth int) {
	if m == nil || depth > maxDepth {
		return
	}
	for _, r := range m.Resources {
		if r == nil || r.Mode == tfjson.DataResourceMode {
			continue
		}
		into[r.Address] = gitops.ResourceDrift{LogicalID: r.Address, Type: r.Type, PhysicalID: idOf(r), Status: gitops.ResourceInSync}
	}
	for _, below := range m.ChildModules {
		known(below, into, depth+1)
	}
}

// idOf is the id of a resource of the state, where it may be shown.
func idOf(r *tfjson.StateResource) string {
	var marks any
	if len(r.SensitiveValues) > 0 && decode(r.SensitiveValues, &marks) != nil || hidden(marks) || hidden(child(marks, "id")) {
		return ""
	}
	id, _ := r.AttributeValues["id"].(string)
	return cut(id)
}

// drift returns how one resource differs, and whether it does: the mere move of one in the
// configuration is none.
func (d *differ) drift(r *tfjson.ResourceChange) (gitops.ResourceDrift, bool) {
	out := gitops.ResourceDrift{LogicalID: r.Address, PhysicalID: d.text(physicalID(r.Change)), Type: r.Type, Status: gitops.ResourceModified}
	if r.Change.Actions.Delete() {
		out.Status = gitops.ResourceDeleted
		return out, true
	}
	d.said = of(d.config, r)
	for _, p := range d.properties(r.Change) {
		if absent(p.LastDeployed) && absent(p.Proposed) {
			continue // a provider reads nothing as an empty list where it wrote null, and the other way round
		}
		difference := gitops.Difference{Path: p.Path, Declared: p.LastDeployed, Live: p.Proposed, Kind: "NOT_EQUAL", Computed: p.Computed}
		switch {
		case p.LastDeployed == "":
			difference.Kind = "ADD"
		case p.Proposed == "":
			difference.Kind = "REMOVE"
		}
		out.Properties = append(out.Properties, difference)
	}
	return out, len(out.Properties) > 0
}

// absent reports whether a value is shown as nothing, or as nothing in it.
func absent(shown string) bool { return shown == "" || shown == "[]" || shown == "{}" || shown == `""` }
