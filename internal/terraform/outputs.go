package terraform

import (
	"bytes"
	"encoding/json"
	"fmt"

	tfjson "github.com/hashicorp/terraform-json"
)

// Outputs reads what "terraform output -json" prints: the outputs that are not sensitive, texts
// as they are, all else as JSON.
func Outputs(data []byte) (map[string]string, error) {
	var all map[string]*tfjson.StateOutput
	if err := decode(data, &all); err != nil {
		return nil, fmt.Errorf("decode terraform's outputs: %w", err)
	}
	return shown(all), nil
}

// PlannedOutputs returns the outputs that a plan without changes leaves as they are.
func PlannedOutputs(p *tfjson.Plan) map[string]string {
	if p.PlannedValues == nil {
		return nil
	}
	return shown(p.PlannedValues.Outputs)
}

func shown(all map[string]*tfjson.StateOutput) map[string]string {
	out := map[string]string{}
	for name, o := range all {
		switch {
		case o == nil || o.Sensitive || o.Value == nil:
		default:
			if s, ok := o.Value.(string); ok {
				out[name] = cut(s)
			} else {
				out[name] = text(o.Value)
			}
		}
	}
	return out
}

// decode reads JSON; numbers keep their digits.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}
