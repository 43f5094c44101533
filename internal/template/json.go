package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// jsonReader turns JSON into the nodes that YAML is read into, with lines and columns.
type jsonReader struct {
	file string
	data []byte
	dec  *json.Decoder
	// The last position that was asked for: positions are asked for in order, so that the
	// text is walked once.
	offset, line, column int
}

// parseJSON returns the root of a JSON file.
func parseJSON(file string, data []byte) (*yaml.Node, error) {
	r := &jsonReader{file: file, data: data, dec: json.NewDecoder(bytes.NewReader(data)), line: 1, column: 1}
	r.dec.UseNumber()
	root, err := r.value(0)
	if err != nil {
		return nil, r.translate(err)
	}
	line, column := r.next()
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, &Error{file, line, column, "not JSON: there is more behind its end"}
	}
	return root, nil
}

// value reads one value.
func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	line, column := r.next()
	if depth > maxDepth {
		return nil, &Error{r.file, line, column, fmt.Sprintf("nested more than %d levels deep", maxDepth)}
	}
	token, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: line, Column: column}
	switch v := token.(type) {
	case json.Delim:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if v == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		for r.dec.More() { // a mapping's keys and values come as one value after the other
			child, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		_, err = r.dec.Token()
	case string:
		n.Tag, n.Value = "!!str", v
	case json.Number:
		n.Tag, n.Value = "!!float", v.String()
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(v)
	case nil:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, err
}

// next returns where the next token begins.
func (r *jsonReader) next() (line, column int) {
	at := int(r.dec.InputOffset())
	for at < len(r.data) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[at]) >= 0 {
		at++
	}
	return r.place(at)
}

// place returns the line and column of an offset, which is not before the last one.
func (r *jsonReader) place(at int) (line, column int) {
	for r.offset < min(at, len(r.data)) {
		c, size := utf8.DecodeRune(r.data[r.offset:])
		r.offset += size
		r.column++
		if c == '\n' {
			r.line, r.column = r.line+1, 1
		}
	}
	return r.line, r.column
}

// translate gives a decoder's error its place.
func (r *jsonReader) translate(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line, column := r.place(int(syntax.Offset) - 1) // the offset is behind the byte that is wrong
		return &Error{r.file, line, column, "not JSON: " + syntax.Error()}
	}
	line, column := r.place(len(r.data))
	return &Error{r.file, line, column, "not JSON: it ends too early"}
}
