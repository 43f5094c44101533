package template

import (
	"bytes"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// flow reports whether a mapping or a list is written in brackets.
func (s Source) flow(n *yaml.Node) bool { return s.json || n.Style&yaml.FlowStyle != 0 }

// feed is how the file ends its lines.
func (s Source) feed() string {
	if bytes.Contains(s.data, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// line returns which line, counted from 0, an offset is in.
func (s Source) line(at int) int {
	return sort.SearchInts(s.lines.starts, at+1) - 1
}

// text returns a line without its end.
func (s Source) text(line int) []byte {
	return bytes.TrimRight(s.data[s.lines.starts[line]:s.begin(line+1)], "\r\n")
}

// begin returns where a line begins, the end of the file for the one after the last.
func (s Source) begin(line int) int {
	if line < len(s.lines.starts) {
		return s.lines.starts[line]
	}
	return len(s.data)
}

// indented returns by how many spaces a line begins, and whether there is anything else in it.
func indented(line []byte) (spaces int, more bool) {
	rest := bytes.TrimLeft(line, " ")
	return len(line) - len(rest), len(bytes.TrimSpace(rest)) > 0
}

// end returns where a node ends that is in brackets, or one scalar in one line or in quotes.
func (s Source) end(n *yaml.Node) (int, bool) {
	if n.Kind == yaml.ScalarNode || n.Kind == yaml.AliasNode {
		start, end, ok := s.extent(n)
		return end, ok && end > start
	}
	at, ok := s.lines.offset(n)
	if !ok || !s.flow(n) {
		return 0, false
	}
	closing := byte('}')
	if n.Kind == yaml.SequenceNode {
		closing = ']'
	}
	if at < len(s.data) && s.data[at] == '&' || s.data[at] == '!' {
		at += bytes.IndexAny(s.data[at:], "[{")
	}
	at++
	if len(n.Content) > 0 {
		if at, ok = s.end(n.Content[len(n.Content)-1]); !ok {
			return 0, false
		}
	}
	at = s.skip(at)
	if at < len(s.data) && s.data[at] == ',' {
		at = s.skip(at + 1)
	}
	if at >= len(s.data) || s.data[at] != closing {
		return 0, false
	}
	return at + 1, true
}

// skip returns where the next thing is that is neither space nor a comment.
func (s Source) skip(at int) int {
	for at < len(s.data) {
		switch c := s.data[at]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			at++
		case c == '#' && !s.json:
			next := bytes.IndexByte(s.data[at:], '\n')
			if next < 0 {
				return len(s.data)
			}
			at += next
		default:
			return at
		}
	}
	return at
}

// last returns the last line that a node is known to have something in.
func (s Source) last(n *yaml.Node) int {
	if end, ok := s.end(n); ok {
		return s.line(end - 1)
	}
	line := n.Line - 1
	if n.Kind != yaml.AliasNode {
		for _, child := range n.Content {
			line = max(line, s.last(child))
		}
	}
	return line
}

// after returns the line after a member of a block: one that begins at a column (from 0) and
// has something in the line from. What is indented further belongs to it, and so do dashes at
// its own column, if dashes are its value.
func (s Source) after(from, column int, dashes bool) int {
	end := from + 1
	for line := end; line < len(s.lines.starts); line++ {
		text := s.text(line)
		spaces, more := indented(text)
		switch {
		case !more:
		case spaces > column, dashes && spaces == column && isDash(text[spaces:]):
			end = line + 1
		default:
			return end
		}
	}
	return end
}

func isDash(text []byte) bool {
	return text[0] == '-' && (len(text) == 1 || text[1] == ' ')
}

// dash returns the line in which an element of a block's list has its dash.
func (s Source) dash(list *yaml.Node, i int) (line int, ok bool) {
	column := list.Column - 1
	for line = list.Content[i].Line - 1; line >= list.Line-1 && line >= 0; line-- {
		text := s.text(line)
		if column < len(text) && isDash(text[column:]) && bytes.Trim(text[:column], " -") == nil {
			return line, true
		}
	}
	return 0, false
}

// member returns the line after the key and the value of a block's mapping, or the element of
// its list, at an index of the content.
func (s Source) member(n *yaml.Node, at int) (line int, ok bool) {
	value := n.Content[at]
	from, column, dashes := s.last(value), n.Column-1, false
	if n.Kind == yaml.SequenceNode {
		dash, ok := s.dash(n, at)
		return s.after(max(from, dash), column, false), ok
	}
	key := n.Content[at-1]
	column = key.Column - 1
	dashes = value.Kind == yaml.SequenceNode && !s.flow(value) && value.Column == key.Column
	return s.after(max(from, key.Line-1), column, dashes), true
}

// room returns the piece that puts a member into a mapping or a list, before the one at an
// index of its content.
func (s Source) room(n *yaml.Node, at int, key *yaml.Node, v any) (splice, bool) {
	if s.flow(n) {
		return s.between(n, at, key, v)
	}
	if len(n.Content) == 0 {
		return splice{}, false
	}
	column := n.Column - 1
	if n.Kind == yaml.MappingNode {
		column = n.Content[0].Column - 1
	}
	w := writer{feed: s.feed()}
	if key != nil {
		w.member(key.Value, v, column)
	} else {
		w.element(v, column)
	}
	var line int
	var ok bool
	if at == 0 { // before the first dash, which has to stand alone
		line, ok = s.dash(n, 0)
		spaces, _ := indented(s.text(line))
		ok = ok && spaces == column
	} else {
		line, ok = s.member(n, at-1)
	}
	start, text := s.begin(line), w.String()
	if start == len(s.data) && start > 0 && s.data[start-1] != '\n' {
		text = w.feed + strings.TrimSuffix(text, w.feed)
	}
	return splice{start, start, text}, ok
}

// between puts a member into brackets, with what stands between the others.
func (s Source) between(n *yaml.Node, at int, key *yaml.Node, v any) (splice, bool) {
	text := brackets(v)
	if key != nil {
		text = inBrackets(key.Value) + ": " + text
	}
	if len(n.Content) == 0 {
		start, ok := s.lines.offset(n)
		return splice{start + 1, start + 1, text}, ok && start < len(s.data) && strings.IndexByte("[{", s.data[start]) >= 0
	}
	if at == 0 {
		start, ok := s.lines.offset(n.Content[0])
		return splice{start, start, text + "," + s.gap(n, 0)}, ok
	}
	start, ok := s.end(n.Content[at-1])
	return splice{start, start, "," + s.gap(n, len(n.Content)-1) + text}, ok
}

// gap returns the space before a member of brackets, of which the first has none to copy.
func (s Source) gap(n *yaml.Node, at int) string {
	if n.Kind == yaml.MappingNode {
		at-- // to the key
	}
	first, ok := s.lines.offset(n.Content[max(at, 0)])
	space := s.data[:max(first, 0)]
	space = space[len(bytes.TrimRight(space, " \t\r\n")):]
	if !ok || len(space) == 0 || at <= 0 && bytes.IndexByte(space, '\n') < 0 {
		return " "
	}
	return string(space)
}

// removal returns the pieces that take out what is at the end of a trail.
func (s Source) removal(t trail) ([]splice, bool) {
	n, at := t.parent(), t.index()
	first := 0
	if n.Kind == yaml.MappingNode {
		first = 1
	}
	if s.flow(n) {
		return s.unlink(n, at, first)
	}
	if len(n.Content) == first+1 {
		return s.emptied(t)
	}
	from := n.Content[at-first].Line - 1
	ok := true
	if first == 0 {
		from, ok = s.dash(n, at)
	}
	to, sure := s.member(n, at)
	column := n.Content[0].Column - 1
	if first == 0 {
		column = n.Column - 1
	}
	if spaces, _ := indented(s.text(from)); ok && sure && spaces == column {
		return []splice{{s.begin(from), s.begin(to), ""}}, true
	}
	// It is the first key behind a dash: the next one takes its place, unless a comment stands between.
	if first == 0 || at != 1 || !ok || !sure {
		return nil, false
	}
	start, _ := s.lines.offset(n.Content[0])
	next, _ := s.lines.offset(n.Content[2])
	clean := len(bytes.TrimSpace(s.data[min(s.begin(to), next):next])) == 0
	return []splice{{start, next, ""}}, clean
}

// unlink takes a member out of brackets, with one comma.
func (s Source) unlink(n *yaml.Node, at, first int) ([]splice, bool) {
	start, ok := s.lines.offset(n.Content[at-first])
	end, sure := s.end(n.Content[at])
	switch {
	case !ok || !sure:
		return nil, false
	case at+1 < len(n.Content):
		end, ok = s.lines.offset(n.Content[at+1])
	case at-first > 0:
		start, ok = s.end(n.Content[at-first-1])
	}
	return []splice{{start, end, ""}}, ok
}

// emptied takes the only member out of a block whose own key, or dash, stands in a line of its
// own above: brackets without content come there.
func (s Source) emptied(t trail) ([]splice, bool) {
	if len(t.nodes) < 3 {
		return nil, false
	}
	n, above, at := t.parent(), t.nodes[len(t.nodes)-3], t.at[len(t.at)-2]
	if above.Kind != yaml.MappingNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return nil, false
	}
	key := above.Content[at-1]
	from := key.Line // the line below, counted from 0
	keyEnd, ok := s.end(key)
	colon := s.skip(keyEnd)
	to, sure := s.member(above, at)
	if !ok || !sure || n.Line <= key.Line || colon >= len(s.data) || s.data[colon] != ':' {
		return nil, false
	}
	empty := " {}"
	if n.Kind == yaml.SequenceNode {
		empty = " []"
	}
	return []splice{{colon + 1, colon + 1, empty}, {s.begin(from), s.begin(to), ""}}, true
}

// setBlock replaces a text that is written as a block, "|" or ">", by another block.
func (s Source) setBlock(t trail, text string) (Source, error) {
	n := t.node()
	refused := s.refuse(n, "%s is a block of text that cannot be replaced where it stands", t.what)
	at, ok := s.lines.offset(n)
	if !ok || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 || at >= len(s.data) || strings.IndexByte("|>", s.data[at]) < 0 {
		return s, refused
	}
	header := at + 1
	for header < len(s.data) && strings.IndexByte("+-0123456789", s.data[header]) >= 0 {
		header++
	}
	from := n.Line // the line below, counted from 0
	indent := 0
	to := from
	for line := from; line < len(s.lines.starts); line++ {
		spaces, more := indented(s.text(line))
		if !more {
			continue
		}
		if indent == 0 {
			indent = spaces
		}
		if spaces < indent || indent == 0 {
			break
		}
		to = line + 1
	}
	if indent == 0 || bytes.ContainsAny(s.data[at+1:header], "0123456789") {
		return s, refused
	}
	body, marks := blockOf(text, indent, s.feed())
	if s.begin(to) == len(s.data) && len(s.data) > 0 && s.data[len(s.data)-1] != '\n' {
		body = strings.TrimSuffix(body, s.feed())
	}
	want := t.with(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}, nil, false)
	for _, style := range slices.Compact([]string{string(s.data[at]), "|"}) {
		if out, ok := s.try(want, splice{at, header, style + marks}, splice{s.begin(from), s.begin(to), body}); ok {
			return out, nil
		}
	}
	return s, refused
}

// blockOf returns the lines of a block with a text, and the mark that says how it ends.
func blockOf(text string, indent int, feed string) (body, marks string) {
	lines := strings.TrimRight(text, "\n")
	switch ends := len(text) - len(lines); {
	case ends == 0:
		marks = "-"
	case ends > 1:
		marks = "+"
	}
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if line != "" {
			b.WriteString(strings.Repeat(" ", indent) + line)
		}
		b.WriteString(feed)
	}
	return b.String(), marks
}
