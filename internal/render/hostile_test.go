package render_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/hostile"
	"github.com/driftless-gitops/driftless/internal/render"
)

// poison puts the text in place of every string of a record.
func poison[T any](t *testing.T, record T, text string) T {
	t.Helper()
	data, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	if data, err = json.Marshal(replace(tree, text)); err != nil {
		t.Fatal(err)
	}
	var out T
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// kept are the values by which a record is told apart: they are the installation's own.
var kept = map[string]bool{"status": true, "action": true, "phase": true, "kind": true}

func replace(v any, text string) any {
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return v
		}
		return text
	case []any:
		for i := range v {
			v[i] = replace(v[i], text)
		}
	case map[string]any:
		for k, inner := range v {
			if s, ok := inner.(string); ok && kept[k] && s != "" {
				continue
			}
			v[k] = replace(inner, text)
		}
	}
	return v
}

func TestNothingHostileReachesTheTerminal(t *testing.T) {
	for class, text := range hostile.Texts() {
		text = text[:min(len(text), 2000)] // of each string of a record, of which there are many
		t.Run(class, func(t *testing.T) {
			for name, shown := range pages(t, text) {
				if why := hostile.Trouble(shown) + hostile.Lines(shown); why != "" {
					t.Errorf("%s: %s:\n%q", name, why, shown)
				}
			}
			if why := hostile.Trouble(render.Lines(text)); why != "" {
				t.Errorf("lines: %s", why)
			}
		})
	}
}

// pages shows every kind of record with a text in place of each of its strings.
func pages(t *testing.T, text string) map[string]string {
	t.Helper()
	var all []gitops.View
	shown := map[string]string{}
	for name, v := range views() {
		v.Repository.Trouble, v.Repository.Note = "x", "x"
		v = poison(t, v, text)
		all = append(all, v)
		shown["application "+name] = render.Application(v, now, false)
	}
	shown["status"] = render.Status(all, now, false)
	rejected := deployment(gitops.PhaseRejected, "x")
	rejected.Rejected = &gitops.Rejected{By: "x"}
	failed := poison(t, deployment(gitops.PhaseFailed, "x"), text)
	shown["history"] = render.History([]gitops.Deployment{failed, poison(t, rejected, text)}, now, false)
	shown["history of one"] = render.History([]gitops.Deployment{failed}, now, false)
	revert := plan()
	revert.Changes[2].Properties[0].Live = "60"
	shown["plan"] = render.Plan(poison(t, deployment(gitops.PhaseApplying, "x"), text), poison(t, revert, text), false)
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	long := plan()
	long.Changes[3].Properties[0].Proposed = `{"` + strings.Repeat("k", 80) + `":` + string(quoted) + `}`
	long.Changes[3].Properties[0].LastDeployed = `{` + string(quoted) + `:"` + strings.Repeat("v", 80) + `"}`
	shown["plan with text inside JSON"] = render.Plan(deployment(gitops.PhaseApplying, "x"), long, false)
	incomplete := report()
	incomplete.Complete, incomplete.Reason = false, "x"
	shown["drift"] = render.Drift(poison(t, incomplete, text), now, false)
	planning := poison(t, deployment(gitops.PhasePlanning, "x"), text)
	shown["diff without a plan"] = render.Diff(gitops.Diff{Application: text, Deployment: &planning}, now, false)
	shown["diff of nothing"] = render.Diff(gitops.Diff{Application: text}, now, false)
	r := gitops.Repository{ID: "x", URL: "x", Branch: "x", Head: revision, Problems: []gitops.Problem{{Application: "x", File: "x", Message: "x"}}, Trouble: "x"}
	shown["repositories"] = render.Repositories([]gitops.Repository{poison(t, r, text)}, now, false)
	return shown
}
