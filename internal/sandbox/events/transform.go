package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// variable is a placeholder of an input template.
var variable = regexp.MustCompile(`<([A-Za-z0-9_.\-]+)>`)

// payload is what the target receives for the event: the event itself, or what the target's
// Input, InputPath or InputTransformer makes of it.
func payload(t types.Target, r rule, event []byte) ([]byte, error) {
	switch {
	case t.Input != nil:
		return []byte(*t.Input), nil
	case t.InputPath != nil && *t.InputPath != "":
		v, err := lookup(event, *t.InputPath)
		if err != nil {
			return nil, err
		}
		return json.Marshal(v)
	case t.InputTransformer != nil:
		return transform(*t.InputTransformer, r, event)
	default:
		return event, nil
	}
}

// transform fills the template. Outside quotes a variable becomes its JSON value; inside
// quotes its text, as the user guide shows ("Amazon EventBridge input transformation").
func transform(t types.InputTransformer, r rule, event []byte) ([]byte, error) {
	if t.InputTemplate == nil {
		return nil, errors.New("transform event: no InputTemplate")
	}
	values := map[string]any{
		"aws.events.rule-arn":   r.arn,
		"aws.events.rule-name":  r.name,
		"aws.events.event":      json.RawMessage(event),
		"aws.events.event.json": json.RawMessage(event),
	}
	paths := map[string]string{"aws.events.event.ingestion-time": "$.time"}
	maps.Copy(paths, t.InputPathsMap)
	for name, path := range paths {
		v, err := lookup(event, path)
		if err != nil {
			return nil, err
		}
		values[name] = v
	}
	filled, err := fill(*t.InputTemplate, values)
	if err != nil {
		return nil, err
	}
	if json.Valid([]byte(filled)) {
		return []byte(filled), nil
	}
	return json.Marshal(filled) // a template of plain text reaches the target as a string
}

func fill(template string, values map[string]any) (string, error) {
	var b strings.Builder
	last, quoted := 0, false
	for _, at := range variable.FindAllStringSubmatchIndex(template, -1) {
		v, known := values[template[at[2]:at[3]]]
		if !known {
			continue
		}
		between := template[last:at[0]]
		b.WriteString(between)
		quoted = quotedAfter(between, quoted)
		text, err := json.Marshal(v)
		if err != nil {
			return "", fmt.Errorf("fill template: %w", err)
		}
		if quoted {
			text = unquoted(text)
		}
		b.Write(text)
		last = at[1]
	}
	b.WriteString(template[last:])
	return b.String(), nil
}

// quotedAfter reports whether the end of text lies inside a JSON string, given whether its
// start does.
func quotedAfter(text string, quoted bool) bool {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		}
	}
	return quoted
}

// unquoted is a JSON value as text inside a JSON string: a string without its quotes, all
// else escaped, nothing for null.
func unquoted(value []byte) []byte {
	switch {
	case string(value) == "null":
		return nil
	case value[0] == '"':
		return value[1 : len(value)-1]
	default:
		escaped, _ := json.Marshal(string(value)) // a string always has a JSON form
		return escaped[1 : len(escaped)-1]
	}
}

// lookup reads $.a.b[0].c from the event, nil where there is no such field.
func lookup(event []byte, path string) (any, error) {
	v, err := decode(event)
	if err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, fmt.Errorf("read path %q: must begin with $", path)
	}
	rest = strings.NewReplacer("[", ".", "]", "").Replace(rest)
	for _, step := range strings.Split(strings.Trim(rest, "."), ".") {
		if step == "" {
			continue
		}
		switch at := v.(type) {
		case map[string]any:
			v, ok = at[step]
		case []any:
			i, err := strconv.Atoi(step)
			if ok = err == nil && i >= 0 && i < len(at); ok {
				v = at[i]
			}
		default:
			ok = false
		}
		if !ok {
			return nil, nil
		}
	}
	return v, nil
}
