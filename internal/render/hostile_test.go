package render_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

// hostile drives a terminal, turns text around, and begins a line that looks like another
// application's.
const hostile = "x\x1b[2J\x1b]0;owned\a\u202e\u2066\u009b31m\x00\b\r\nforged  cloudformation  Synced"

// poison puts the text in place of every string of a record.
func poison[T any](t *testing.T, record T) T {
	t.Helper()
	data, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	if data, err = json.Marshal(replace(tree)); err != nil {
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

func replace(v any) any {
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return v
		}
		return hostile
	case []any:
		for i := range v {
			v[i] = replace(v[i])
		}
	case map[string]any:
		for k, inner := range v {
			if s, ok := inner.(string); ok && kept[k] && s != "" {
				continue
			}
			v[k] = replace(inner)
		}
	}
	return v
}

func TestNothingHostileReachesTheTerminal(t *testing.T) {
	var all []gitops.View
	texts := map[string]string{}
	for name, v := range views() {
		v.Repository.Trouble, v.Repository.Note = "x", "x"
		v = poison(t, v)
		all = append(all, v)
		texts["application "+name] = render.Application(v, now, false)
	}
	texts["status"] = render.Status(all, now, false)
	rejected := deployment(gitops.PhaseRejected, "x")
	rejected.Rejected = &gitops.Rejected{By: "x"}
	texts["history"] = render.History([]gitops.Deployment{poison(t, deployment(gitops.PhaseFailed, "x")), poison(t, rejected)}, now, false)
	texts["history of one"] = render.History([]gitops.Deployment{poison(t, deployment(gitops.PhaseFailed, "x"))}, now, false)
	revert := plan()
	revert.Changes[2].Properties[0].Live = "60"
	texts["plan"] = render.Plan(poison(t, deployment(gitops.PhaseApplying, "x")), poison(t, revert), false)
	long := plan()
	long.Changes[3].Properties[0].Proposed = `{"` + strings.Repeat("k", 80) + `":"\u001b[2J\u202e\u009b"}`
	long.Changes[3].Properties[0].LastDeployed = `{"\u001b[2J":"` + strings.Repeat("v", 80) + `\u001b"}`
	texts["plan with escapes inside JSON"] = render.Plan(deployment(gitops.PhaseApplying, "x"), long, false)
	incomplete := report()
	incomplete.Complete, incomplete.Reason = false, "x"
	texts["drift"] = render.Drift(poison(t, incomplete), now, false)
	planning := poison(t, deployment(gitops.PhasePlanning, "x"))
	texts["diff without a plan"] = render.Diff(gitops.Diff{Application: hostile, Deployment: &planning}, now, false)
	texts["diff of nothing"] = render.Diff(gitops.Diff{Application: hostile}, now, false)
	r := gitops.Repository{ID: "x", URL: "x", Branch: "x", Head: revision, Problems: []gitops.Problem{{Application: "x", File: "x", Message: "x"}}, Trouble: "x"}
	texts["repositories"] = render.Repositories([]gitops.Repository{poison(t, r)}, now, false)
	texts["lines"] = render.Lines(hostile)
	for name, text := range texts {
		t.Run(name, func(t *testing.T) { harmless(t, text) })
	}
}

// harmless fails if a text holds what a terminal would obey, or a line that somebody else began.
func harmless(t *testing.T, text string) {
	t.Helper()
	if !strings.ContainsRune(text, '\uFFFD') && !strings.Contains(text, `\u001b`) {
		t.Errorf("the hostile text was not even shown:\n%s", text)
	}
	for _, r := range text {
		if r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			t.Errorf("%U gets through:\n%q", r, text)
			return
		}
	}
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, "forged") && t.Name() != "TestNothingHostileReachesTheTerminal/lines" {
			t.Errorf("a line of somebody else's begins where ours do:\n%s", text)
		}
	}
}
