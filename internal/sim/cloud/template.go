package cloud

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// How a template's stack behaves. It stands in the template's Description, so that what
// becomes of a revision depends on its content and not on when it comes.
const (
	Sound  = "sound"
	Reject = "reject" // the change set fails for a reason
	Fail   = "fail"   // the execution fails and is rolled back
	Stuck  = "stuck"  // the execution fails, and so does the way back
	Slow   = "slow"   // the execution takes three hours
)

// SimulatedFailure is what a failing resource gives as its reason.
const SimulatedFailure = "simulated failure"

// Resource is one resource: its type and its properties as JSON texts.
type Resource struct {
	Type       string
	Properties map[string]string
}

// Resources is resources by logical id.
type Resources map[string]Resource

// Template is a template that was read. It is shared and never changed.
type Template struct {
	Body      string
	Behaviour string
	Resources Resources
	NoEcho    map[string]string // defaults of NoEcho parameters
}

var parsed sync.Map // *Template by body: reading is pure

// Read reads a template.
func Read(body string) (*Template, error) {
	if t, ok := parsed.Load(body); ok {
		return t.(*Template), nil
	}
	var in struct {
		Description string
		Parameters  map[string]struct {
			NoEcho  bool
			Default string
		}
		Resources map[string]struct {
			Type       string
			Properties map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	t := &Template{Body: body, Behaviour: in.Description, Resources: Resources{}, NoEcho: map[string]string{}}
	for name, p := range in.Parameters {
		if p.NoEcho {
			t.NoEcho[name] = p.Default
		}
	}
	for id, r := range in.Resources {
		properties := map[string]string{}
		for name, v := range r.Properties {
			properties[name] = t.resolve(string(v))
		}
		t.Resources[id] = Resource{r.Type, properties}
	}
	parsed.Store(body, t)
	return t, nil
}

// resolve returns a property's value, that of a NoEcho parameter in plain text: what runs has it.
func (t *Template) resolve(value string) string {
	var ref struct{ Ref string }
	if json.Unmarshal([]byte(value), &ref) == nil && ref.Ref != "" {
		return t.NoEcho[ref.Ref]
	}
	return value
}

// Equal reports whether two sets of resources are the same.
func (r Resources) Equal(other Resources) bool {
	return maps.EqualFunc(r, other, func(a, b Resource) bool {
		return a.Type == b.Type && maps.Equal(a.Properties, b.Properties)
	})
}

// ids returns the logical ids of both, sorted.
func ids(a, b Resources) []string {
	all := slices.Collect(maps.Keys(a))
	for id := range b {
		if _, ok := a[id]; !ok {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return all
}

func (r Resources) clone() Resources {
	c := make(Resources, len(r))
	for id, res := range r {
		c[id] = Resource{res.Type, maps.Clone(res.Properties)}
	}
	return c
}
