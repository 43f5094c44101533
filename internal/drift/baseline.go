package drift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Baseline is what an application takes as given though no template declares it: values by
// path, by logical id ("Nested/Queue" for one of a nested stack). A list holds the children
// that are known, in any order.
type Baseline struct {
	Resources map[string]map[string]any `json:"resources"`
}

// ParseBaseline reads a baseline file. An empty text is an empty baseline.
func ParseBaseline(data []byte) (Baseline, error) {
	var b Baseline
	if len(bytes.TrimSpace(data)) == 0 {
		return b, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return Baseline{}, fmt.Errorf(`read baseline: %w: it has the form {"resources": {"LogicalId": {"/Path": value}}}`, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Baseline{}, errors.New("read baseline: more follows the one JSON object that it is")
	}
	for id, paths := range b.Resources {
		for path := range paths {
			if path == "" || path[0] != '/' {
				return Baseline{}, fmt.Errorf(`read baseline: resource %s: %q is no path: one begins with "/", as reports show it`, id, path)
			}
		}
	}
	return b, nil
}

// BaselineOf returns the baseline that takes what a report found undeclared as given, beside
// what the one before has: a report names only what the baseline lacked.
func BaselineOf(r gitops.DriftReport, before Baseline) Baseline {
	out := Baseline{Resources: map[string]map[string]any{}}
	for id, paths := range before.Resources {
		out.Resources[id] = maps.Clone(paths)
	}
	for _, res := range r.Resources {
		for _, p := range res.Properties {
			if p.Kind != gitops.Undeclared {
				continue
			}
			if out.Resources[res.LogicalID] == nil {
				out.Resources[res.LogicalID] = map[string]any{}
			}
			take(out.Resources[res.LogicalID], p)
		}
	}
	return out
}

// take puts one finding into the paths of its resource: one with a position is a child in the
// list that it is in.
func take(paths map[string]any, p gitops.Difference) {
	v := read(p.Live)
	parent, name, _ := cutLast(p.Path)
	if _, err := strconv.Atoi(name); err != nil || parent == "" {
		paths[p.Path] = v
		return
	}
	list, _ := paths[parent].([]any)
	paths[parent] = append(slices.Clone(list), v)
}

// read returns a value as a report shows it: text that is the JSON of an object or a list, as
// shown writes it, is one.
func read(text string) any {
	v, err := decode(text)
	if err != nil {
		return text
	}
	switch v.(type) {
	case map[string]any, []any:
		if shown(v) == text {
			return v
		}
	}
	return text
}

// File returns the baseline as its file holds it: sorted, a path a line.
func (b Baseline) File() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if b.Resources == nil {
		b.Resources = map[string]map[string]any{}
	}
	if err := e.Encode(b); err != nil {
		return nil, fmt.Errorf("write baseline: %w", err)
	}
	return out.Bytes(), nil
}
