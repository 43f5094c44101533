package drift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// deepest is how deep a document may nest. AWS's own documents stay far below.
const deepest = 100

// Properties reads a resource's properties as CloudFormation and Cloud Control give them: one
// JSON object. Numbers keep the digits that they are written with. A name that stands twice
// in an object is an error: which of the two counts is not certain.
func Properties(text string) (map[string]any, error) {
	v, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("read properties: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("read properties: they are no JSON object")
	}
	return m, nil
}

// decode reads one JSON value.
func decode(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := value(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows the value")
	}
	return v, nil
}

func value(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, nested := t.(json.Delim)
	if !nested {
		return t, nil
	}
	if depth == deepest {
		return nil, fmt.Errorf("nested more than %d deep", deepest)
	}
	if open == '[' {
		return list(d, depth)
	}
	return object(d, depth)
}

func list(d *json.Decoder, depth int) (any, error) {
	all := []any{}
	for d.More() {
		v, err := value(d, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	_, err := d.Token()
	return all, err
}

func object(d *json.Decoder, depth int) (any, error) {
	m := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string) // within an object the decoder accepts nothing else here
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("%q stands twice", name)
		}
		if m[name], err = value(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return m, err
}

// shown returns a value as reports show it: text as it is, all else as JSON.
func shown(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v) // what was decoded can be encoded
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// number returns a number in its shortest plain form: 60.0 and 60 are one. One with an
// exponent keeps its letters.
func number(n json.Number) string {
	s := n.String()
	if strings.ContainsAny(s, "eE") {
		return s
	}
	if strings.Contains(s, ".") {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// steps returns the names and positions of a path, none of that of a whole resource.
func steps(path string) []string {
	if path == "" || path == "/" {
		return nil
	}
	return gitops.PathSteps(path)
}

// step returns a path one name longer.
func step(path, name string) string {
	return path + "/" + gitops.PathStep(name)
}
