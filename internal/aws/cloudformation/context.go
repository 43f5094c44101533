package cloudformation

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// declared returns the properties of a resource that is added, sorted by path. AWS gives
// no details of an addition, only the resource as it will be, in AfterContext: a JSON text
// {"Properties": {...}} with the values of NoEcho parameters masked. None where AWS gives
// none; what is no such text is shown as it is, rather than left out of what is reviewed.
func declared(context string) []gitops.PropertyChange {
	if context == "" {
		return nil
	}
	var after struct{ Properties map[string]any }
	d := json.NewDecoder(strings.NewReader(context))
	d.UseNumber() // 123456789012 stays what it is
	if err := d.Decode(&after); err != nil {
		return []gitops.PropertyChange{{Path: "/", Proposed: context}}
	}
	list := make([]gitops.PropertyChange, 0, len(after.Properties))
	for name, v := range after.Properties {
		list = append(list, gitops.PropertyChange{Path: "/" + name, Proposed: shown(v)})
	}
	slices.SortFunc(list, func(a, b gitops.PropertyChange) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// shown returns a value as change sets show it in details: text as it is, the rest as JSON.
func shown(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // it was decoded from JSON
		return ""
	}
	return strings.TrimSpace(b.String())
}
