package terraform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"
)

// State is what matters of a state after an apply.
type State struct {
	Outputs map[string]string // the ones that are not sensitive
	Secrets []string          // values that are marked as sensitive, as Secrets has them
}

// stateFile is Terraform's format of a state, version 4 (internal/states/statefile/version4.go
// of Terraform 1.11). Unlike "terraform show", pulling it takes no provider.
type stateFile struct {
	Outputs map[string]struct {
		Value     any  `json:"value"`
		Sensitive bool `json:"sensitive"`
	} `json:"outputs"`
	Resources []struct {
		Instances []struct {
			Attributes any      `json:"attributes"`
			Sensitive  [][]step `json:"sensitive_attributes"`
		} `json:"instances"`
	} `json:"resources"`
}

// step is one of a path: a get_attr with a name, or an index with {"value": …}.
type step struct {
	Value any `json:"value"`
}

// Pulled reads what "terraform state pull" prints. Its outputs are texts as they are, all else as
// JSON, and hold nothing that is sensitive anywhere in the state.
func Pulled(data []byte) (State, error) {
	var file stateFile
	if err := decode(data, &file); err != nil {
		return State{}, fmt.Errorf("decode terraform's state: %w", err)
	}
	var secrets []string
	for _, r := range file.Resources {
		for _, i := range r.Instances {
			for _, path := range i.Sensitive {
				secrets = collect(secrets, follow(i.Attributes, path), true, 0)
			}
		}
	}
	for _, o := range file.Outputs {
		secrets = collect(secrets, o.Value, o.Sensitive, 0)
	}
	s := State{Outputs: map[string]string{}, Secrets: sorted(secrets)}
	hide := newHider(s.Secrets)
	for name, o := range file.Outputs {
		if text := plain(hide.value(o.Value, 0)); text != "" && !o.Sensitive {
			s.Outputs[name] = text
		}
	}
	return s, nil
}

// follow returns what lies at a path of a value, nil where nothing does. A value whose type its
// schema leaves open is wrapped together with its type.
func follow(value any, path []step) any {
	for _, s := range path {
		key := s.Value
		if index, ok := key.(map[string]any); ok {
			key = index["value"]
		}
		object, _ := value.(map[string]any)
		if _, there := object[fmt.Sprint(key)]; !there && object["type"] != nil && len(object) == 2 {
			value = object["value"]
		}
		switch v := value.(type) {
		case map[string]any:
			value = v[fmt.Sprint(key)]
		case []any:
			n, ok := key.(json.Number)
			i, err := n.Int64()
			if !ok || err != nil || i < 0 || i >= int64(len(v)) {
				return v // a set, whose elements have no place: all of it
			}
			value = v[i]
		default:
			return value
		}
	}
	return value
}

// PlannedOutputs returns the outputs that a plan without changes leaves as they are.
func PlannedOutputs(p *tfjson.Plan) map[string]string {
	if p.PlannedValues == nil {
		return nil
	}
	hide, out := newHider(Secrets(p)), map[string]string{}
	for name, o := range p.PlannedValues.Outputs {
		if o == nil || o.Sensitive {
			continue
		}
		if text := plain(hide.value(o.Value, 0)); text != "" {
			out[name] = text
		}
	}
	return out
}

// maxOutput is how many bytes an output has that is kept. It is used by who reads it, so that it
// is whole or not there.
const maxOutput = 16 << 10

// plain returns an output as text, empty for none.
func plain(v any) string {
	text, ok := v.(string)
	if !ok && v != nil {
		data, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		text = string(data)
	}
	if len(text) > maxOutput {
		return ""
	}
	return text
}

// sorted returns secrets once each, the longest first.
func sorted(secrets []string) []string {
	slices.SortFunc(secrets, longest)
	return slices.Compact(secrets)
}

// decode reads JSON; numbers keep their digits.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}
