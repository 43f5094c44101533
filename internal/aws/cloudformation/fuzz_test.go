package cloudformation

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

// FuzzChange reads any change of a change set: it is a change with an action that is known,
// its properties are sorted and named once, and what a secret parameter causes is masked; or
// it is an error, and never left out.
func FuzzChange(f *testing.F) {
	add := func(r types.ResourceChange) {
		data, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	text := func(s string) *string { return &s }
	for _, s := range append([]string{`{"Properties":{"A":123456789012345678901,"B":{"<":">"}}}`, "{"}, values(hostile.Texts())...) {
		add(types.ResourceChange{Action: types.ChangeActionAdd, LogicalResourceId: text("Queue"), AfterContext: &s})
		add(types.ResourceChange{Action: types.ChangeActionModify, Replacement: types.ReplacementConditional, LogicalResourceId: &s, ResourceType: &s,
			Details: []types.ResourceChangeDetail{
				{CausingEntity: text("Password"), Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Path: text("/Properties/A"), AfterValue: text(sentinel)}},
				{Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Path: text("/Properties/A"), BeforeValue: &s, RequiresRecreation: types.RequiresRecreationAlways}},
				{Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeTags, Name: &s, AfterValue: &s}}}})
		add(types.ResourceChange{Action: types.ChangeActionModify, LogicalResourceId: &s, Details: []types.ResourceChangeDetail{ // a cause that names neither property nor value
			{CausingEntity: text("Password"), Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties}},
			{Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, BeforeValue: &s}}}})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r types.ResourceChange
		if json.Unmarshal(data, &r) != nil {
			return
		}
		var c gitops.Change
		var err error
		fuzzing.Bounded(t, len(data), func() { c, err = changeOf(r, map[string]bool{"Password": true}) })
		if err != nil {
			return
		}
		switch c.Action {
		case gitops.ActionAdd, gitops.ActionModify, gitops.ActionReplace, gitops.ActionRemove, gitops.ActionImport:
		default:
			t.Errorf("the action %q is none", c.Action)
		}
		if !slices.IsSortedFunc(c.Properties, func(a, b gitops.PropertyChange) int { return strings.Compare(a.Path, b.Path) }) {
			t.Errorf("properties are not sorted: %v", c.Properties)
		}
		for i, p := range c.Properties {
			if p.Path == "" || i > 0 && p.Path == c.Properties[i-1].Path {
				t.Errorf("property %q has no name of its own", p.Path)
			}
		}
		for _, d := range r.Details {
			if d.Target == nil || d.CausingEntity == nil || *d.CausingEntity != "Password" {
				continue
			}
			for _, p := range c.Properties {
				if shown := p.LastDeployed + p.Live + p.Proposed; p.Path == pathOf(*d.Target) && strings.Trim(shown, "*") != "" {
					t.Errorf("property %s tells %q of a secret parameter", p.Path, shown)
				}
			}
		}
	})
}

func values(m map[string]string) (all []string) {
	for _, v := range m {
		all = append(all, v[:min(len(v), 1000)])
	}
	return all
}

// FuzzConcealed takes the members that are secret out of what a nested stack is given, whatever
// AWS makes of it: JSON, JSON that is cut short, or text.
func FuzzConcealed(f *testing.F) {
	f.Add(`{"Password":"hunter2","Size":"5"}`, "Password")
	f.Add(`{"Password":"hunter2","Si`, "Password")
	f.Add(`{"Password":{"Ref":"hunter2"},"pass\u0077ord":1}`, "Password")
	f.Fuzz(func(t *testing.T, object, name string) {
		var shown string
		fuzzing.Bounded(t, len(object), func() { shown = withoutValues(object, map[string]bool{name: true}) })
		var members, was map[string]any
		if json.Unmarshal([]byte(object), &was) != nil || was == nil {
			if object != "" && shown != mask && strings.TrimSpace(object) != "null" {
				t.Errorf("%q, which is no object, is shown as %q", object, shown)
			}
			return
		}
		if err := json.Unmarshal([]byte(shown), &members); err != nil || len(members) != len(was) {
			t.Fatalf("%q is shown as %q: %v", object, shown, err)
		}
		if v, there := members[name]; there && v != mask {
			t.Errorf("%q shows %q", shown, name)
		}
	})
}
