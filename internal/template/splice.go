package template

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Object is where a file lies in S3.
type Object struct{ Bucket, Key, URL string }

// Rewrite returns the template with each of its Locals replaced by the object of the same
// index, and every other byte as it was. The template that is written is one that was read.
func (t Template) Rewrite(objects []Object) []byte {
	order := make([]int, len(t.Locals))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return t.Locals[a].start - t.Locals[b].start })
	var out bytes.Buffer
	done := 0
	for _, i := range order {
		l := t.Locals[i]
		out.Write(t.Body[done:l.start])
		out.WriteString(l.lead + l.value(objects[i]) + l.tail)
		done = l.end
	}
	out.Write(t.Body[done:])
	return out.Bytes()
}

// value returns what stands for an object: in the flow style that JSON and YAML share.
func (l Local) value(o Object) string {
	version := ""
	if l.Object != "" {
		o, version = written(l.Object)
	}
	switch {
	case l.Nested:
		return inJSON(o.URL)
	case l.rule.key == "":
		return inJSON("s3://" + o.Bucket + "/" + o.Key)
	}
	s := "{" + inJSON(l.rule.bucket) + ": " + inJSON(o.Bucket) + ", " + inJSON(l.rule.key) + ": " + inJSON(o.Key)
	if version != "" && l.rule.version != "" {
		s += ", " + inJSON(l.rule.version) + ": " + inJSON(version)
	}
	return s + "}"
}

// written divides "s3://bucket/key?versionId=…" as the CLI does.
func written(address string) (o Object, version string) {
	rest, query, _ := strings.Cut(strings.TrimPrefix(address, "s3://"), "?")
	o.Bucket, o.Key, _ = strings.Cut(rest, "/")
	if values, err := url.ParseQuery(query); err == nil {
		version = values.Get("versionId")
	}
	return o, version
}

func inJSON(s string) string {
	data, _ := json.Marshal(s) // a string always can be
	return string(data)
}

// places turns the lines and columns of a file into offsets.
type places struct {
	data   []byte
	starts []int // of each line
}

// newPlaces divides a file into lines as its parser does. YAML ends a line with more than
// the line feed; in JSON nothing else counts.
func newPlaces(data []byte) places {
	begin := len(data) - len(bytes.TrimPrefix(data, bom))
	p := places{data, []int{begin}}
	start := bytes.TrimLeft(data[begin:], " \t\r\n")
	feeds := len(start) > 0 && looksLikeJSON(start)
	for i := begin; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		i += size
		switch c {
		case '\n':
			p.starts = append(p.starts, i)
		case '\r', '\u0085', '\u2028', '\u2029':
			crlf := c == '\r' && i < len(data) && data[i] == '\n'
			if !feeds && !crlf {
				p.starts = append(p.starts, i)
			}
		}
	}
	return p
}

// offset returns where a node begins.
func (p places) offset(n *yaml.Node) (int, bool) {
	if n.Line < 1 || n.Line > len(p.starts) {
		return 0, false
	}
	at := p.starts[n.Line-1]
	for range n.Column - 1 {
		if at >= len(p.data) {
			return 0, false
		}
		_, size := utf8.DecodeRune(p.data[at:])
		at += size
	}
	return at, true
}

// extent returns the bytes of a scalar or an alias, and false where it is not certain which
// they are: for a text of several lines, or with an anchor that others look at.
func (p places) extent(n *yaml.Node) (start, end int, ok bool) {
	at, ok := p.offset(n)
	if !ok {
		return 0, 0, false
	}
	rest := p.data[at:]
	switch {
	case n.Kind == yaml.AliasNode:
		return at, at + 1 + len(n.Value), bytes.HasPrefix(rest, []byte("*"+n.Value))
	case n.Anchor != "" || n.Style&(yaml.TaggedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return 0, 0, false
	case n.Value == "" && n.Style == 0: // nothing is written: it must be where a value goes
		before := bytes.TrimRight(p.data[:at], " \t")
		return at, at, bytes.HasSuffix(before, []byte(":"))
	case len(rest) > 0 && (rest[0] == '"' || rest[0] == '\''):
		length := quoted(rest)
		return at, at + length, length > 0
	}
	return at, at + len(n.Value), bytes.HasPrefix(rest, []byte(n.Value))
}

// quoted returns the length of the quoted text that data begins with, 0 where it has no end
// or goes on in another line.
func quoted(data []byte) int {
	for i := 1; i < len(data); i++ {
		switch c := data[i]; {
		case c == '\n' || c == '\r':
			return 0
		case c == '\\' && data[0] == '"':
			i++
		case c == data[0] && c == '\'' && i+1 < len(data) && data[i+1] == '\'':
			i++
		case c == data[0]:
			return i + 1
		}
	}
	return 0
}

// opening returns where a key is put in as a mapping's first, and what stands around its value.
func (p places) opening(n *yaml.Node, name string) (at int, lead, tail string, ok bool) {
	if n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return 0, "", "", false // what is shared by an anchor is others' too
	}
	at, ok = p.offset(n)
	if !ok || at >= len(p.data) {
		return 0, "", "", false
	}
	if p.data[at] == '{' {
		if len(n.Content) > 0 {
			tail = ", "
		}
		return at + 1, inJSON(name) + ": ", tail, true
	}
	line := p.starts[n.Line-1]
	indent := p.data[line:at]
	if len(n.Content) == 0 || n.Content[0].Line != n.Line || len(bytes.Trim(indent, " ")) > 0 {
		return 0, "", "", false
	}
	return at, name + ": ", "\n" + string(indent), true
}
