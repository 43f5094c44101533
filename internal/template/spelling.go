package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// spelling is a way to write a scalar, and what it is read as.
type spelling struct {
	text string
	node *yaml.Node
}

func as(tag, value, text string) spelling {
	return spelling{text, &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}}
}

// exact are numbers that every parser reads as they are written: CloudFormation's, of YAML 1.1,
// reads 010 as eight, and shows 111122223333 as 1.11122223333E11.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
var exact = lazily(`^-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?$`)

// plainly are texts that need no quotes in YAML, wherever they stand, unless they are loose.
var plainly = lazily(`^[A-Za-z_/][A-Za-z0-9_./:@+=-]*( [A-Za-z0-9_./:@+=-]+)*$`)

// needsQuotes reports whether a text without quotes might be read as something else than a
// text. What begins as a number is none if it has a slash, as the address of a network has.
func needsQuotes(text string) bool {
	return text == "" || slices.Contains(loose, strings.ToLower(text)) ||
		strings.IndexByte("0123456789+-.~", text[0]) >= 0 && !strings.Contains(text, "/")
}

// spellings returns the ways to write a scalar in place of one that is there, the best first.
// They are tried in turn: whether a text can do without quotes the parser knows best.
func (s Source) spellings(old *yaml.Node, v any) []spelling {
	text := asText(v)
	plain, double := as("!!str", text, text), as("!!str", text, inBrackets(text))
	number := as("!!float", text, text)
	if s.json {
		double.text = quotedJSON(text)
	}
	truth := as("!!bool", text, text)
	isTruth := text == "true" || text == "false"
	switch tag := old.Tag; {
	case old.Style&yaml.SingleQuotedStyle != 0:
		return []spelling{as("!!str", text, "'"+strings.ReplaceAll(text, "'", "''")+"'"), double}
	case old.Style&yaml.DoubleQuotedStyle != 0, s.json && tag == "!!str":
		return []spelling{double}
	case class(tag) == "!!float" && exact().MatchString(text):
		return []spelling{number, double}
	case (tag == "!!bool" || slices.Contains(loose, strings.ToLower(old.Value))) && isTruth:
		return []spelling{truth, double}
	case tag == "!!null" && !s.json:
		n := nodeOf(v)
		return []spelling{{brackets(v), n}}
	case s.json || needsQuotes(text):
		return []spelling{double}
	}
	return []spelling{plain, double}
}

// asText returns a scalar as text.
func asText(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// quotedJSON returns a text in JSON's quotes, which YAML reads as well.
func quotedJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be
	return strings.TrimSuffix(b.String(), "\n")
}

// inBrackets returns a text in quotes.
func inBrackets(s string) string { return quotedJSON(s) }

// brackets returns a value in the flow style that JSON and YAML share.
func brackets(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, quotedJSON(key)+": "+brackets(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, brackets(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case json.Number:
		if exact().MatchString(v.String()) {
			return v.String()
		}
		return quotedJSON(v.String())
	case bool:
		return asText(v)
	case nil:
		return "null"
	}
	return quotedJSON(asText(v))
}

// nodeOf returns what a value is read as once it is written.
func nodeOf(v any) *yaml.Node {
	switch v := v.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, nodeOf(key), nodeOf(v[key]))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, item := range v {
			n.Content = append(n.Content, nodeOf(item))
		}
		return n
	case json.Number:
		if exact().MatchString(v.String()) {
			return as("!!float", v.String(), "").node
		}
	case bool:
		return as("!!bool", asText(v), "").node
	case nil:
		return as("!!null", "null", "").node
	}
	return as("!!str", asText(v), "").node
}

// writer writes values in YAML's block style.
type writer struct {
	strings.Builder
	feed string
}

// member writes a key with its value, in lines of their own.
func (w *writer) member(key string, v any, column int) {
	w.WriteString(strings.Repeat(" ", column))
	w.pair(key, v, column)
}

// pair writes a key with its value; what does not fit into the line comes below, indented.
func (w *writer) pair(key string, v any, column int) {
	w.WriteString(simply(key) + ":")
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			break
		}
		w.WriteString(w.feed)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			w.member(name, v[name], column+2)
		}
		return
	case []any:
		if len(v) == 0 {
			break
		}
		w.WriteString(w.feed)
		for _, item := range v {
			w.element(item, column+2)
		}
		return
	case string:
		w.WriteString(" " + simply(v) + w.feed)
		return
	}
	w.WriteString(" " + brackets(v) + w.feed)
}

// element writes an element of a list.
func (w *writer) element(v any, column int) {
	w.WriteString(strings.Repeat(" ", column) + "- ")
	switch v := v.(type) {
	case map[string]any:
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				w.WriteString(strings.Repeat(" ", column+2))
			}
			w.pair(key, v[key], column+2)
		}
		if len(v) > 0 {
			return
		}
	case string:
		w.WriteString(simply(v) + w.feed)
		return
	}
	w.WriteString(brackets(v) + w.feed)
}

// simply returns a text without quotes where it needs none.
func simply(s string) string {
	if plainly().MatchString(s) && !needsQuotes(s) && !strings.Contains(s+" ", ": ") {
		return s
	}
	return quotedJSON(s)
}
