package template

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// trail is the way to a place: the nodes from the root to it, and where each stands among the
// content of the one before. The last is nil where nothing is there yet.
type trail struct {
	nodes []*yaml.Node
	at    []int
	what  string // for messages
}

func (t trail) node() *yaml.Node   { return t.nodes[len(t.nodes)-1] }
func (t trail) parent() *yaml.Node { return t.nodes[len(t.nodes)-2] }
func (t trail) index() int         { return t.at[len(t.at)-1] }

// walk finds a place that is to be changed. On the way there is nothing that others share and
// no function; its last step may lead to nothing where absent is allowed.
func (s Source) walk(path []string, absent bool) (trail, error) {
	t := trail{nodes: []*yaml.Node{s.root}, what: strings.Join(path, ".")}
	for i, step := range path {
		n := t.node()
		if err := s.shared(n, strings.Join(path[:i], ".")); err != nil {
			return t, err
		}
		if name, _ := function(n); name != "" && i > 0 {
			return t, s.refuse(n, "%s is made by %s", strings.Join(path[:i], "."), name)
		}
		next, at := direct(n, step)
		if at < 0 && raw(n, step) != nil {
			return t, s.refuse(n, "%s comes from another mapping, by <<", t.what)
		}
		if at < 0 && (!absent || i < len(path)-1) {
			return t, s.refuse(n, "%s is not there", t.what)
		}
		t.nodes, t.at = append(t.nodes, next), append(t.at, at)
	}
	if t.node() != nil {
		return t, s.shared(t.node(), t.what)
	}
	return t, nil
}

// direct returns what a key or an index leads to in a node itself, and where that is in its
// content; -1 for nothing.
func direct(n *yaml.Node, step string) (*yaml.Node, int) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == step {
				return n.Content[i+1], i + 1
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], i
		}
	case yaml.DocumentNode, yaml.ScalarNode, yaml.AliasNode:
	}
	return nil, -1
}

// splice is a piece of text in place of another one.
type splice struct {
	start, end int
	text       string
}

// try returns the source with the pieces replaced, if it is read as want then; the pieces are
// in the order of the file. ok is false where it is not.
func (s Source) try(want *yaml.Node, pieces ...splice) (out Source, ok bool) {
	var b bytes.Buffer
	done := 0
	for _, p := range pieces {
		if p.start < done || p.end < p.start || p.end > len(s.data) {
			return s, false
		}
		b.Write(s.data[done:p.start])
		b.WriteString(p.text)
		done = p.end
	}
	b.Write(s.data[done:])
	out, err := ReadSource(s.name, b.Bytes())
	return out, err == nil && out.json == s.json && alike(out.root, want, 0)
}

// alike reports whether two trees are the same but for their places, styles and comments.
func alike(a, b *yaml.Node, depth int) bool {
	if a.Kind != b.Kind || a.Value != b.Value || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) || depth > maxDepth+1 {
		return false
	}
	if (a.Kind == yaml.ScalarNode || custom(a) || custom(b)) && class(a.Tag) != class(b.Tag) {
		return false
	}
	for i := range a.Content {
		if !alike(a.Content[i], b.Content[i], depth+1) {
			return false
		}
	}
	return true
}

// class returns a tag, with those of all numbers taken for one.
func class(tag string) string {
	if tag == "!!int" {
		return "!!float"
	}
	return tag
}

// with returns the tree with a node in place of the one at the end of a trail: put in before
// what is at the index where insert is, left out where it is nil. Nothing is changed in place.
func (t trail) with(n, key *yaml.Node, insert bool) *yaml.Node {
	for depth := len(t.at) - 1; depth >= 0; depth-- {
		parent, at := *t.nodes[depth], t.at[depth]
		parent.Content = slices.Clone(parent.Content)
		last := depth == len(t.at)-1
		switch {
		case last && insert && key != nil:
			parent.Content = slices.Insert(parent.Content, at, key, n)
		case last && insert:
			parent.Content = slices.Insert(parent.Content, at, n)
		case last && n == nil && parent.Kind == yaml.MappingNode:
			parent.Content = slices.Delete(parent.Content, at-1, at+1)
		case last && n == nil:
			parent.Content = slices.Delete(parent.Content, at, at+1)
		default:
			parent.Content[at] = n
		}
		n = &parent
	}
	return n
}

// Set returns the source with another scalar at a path: a text, a json.Number or a bool. How
// it is written follows what stands there: a number stays one where it can, quotes stay, a
// block stays a block. The error is an *Error that says why it cannot be.
func (s Source) Set(path []string, v any) (Source, error) {
	t, err := s.walk(path, false)
	if err != nil {
		return s, err
	}
	n := t.node()
	if name, _ := function(n); name != "" || n.Kind != yaml.ScalarNode {
		return s, s.refuse(n, "%s is no single value", t.what)
	}
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return s.setBlock(t, asText(v))
	}
	start, end, ok := s.extent(n)
	if !ok {
		return s, s.refuse(n, "%s is written in a form that cannot be replaced: write it in one line, without a tag", t.what)
	}
	lead := ""
	if start == end && start > 0 && s.data[start-1] == ':' {
		lead = " "
	}
	for _, c := range s.spellings(n, v) {
		if out, ok := s.try(t.with(c.node, nil, false), splice{start, end, lead + c.text}); ok {
			return out, nil
		}
	}
	return s, s.refuse(n, "%s cannot be replaced where it stands", t.what)
}

// extent is that of places, and of quoted text of several lines.
func (s Source) extent(n *yaml.Node) (start, end int, ok bool) {
	if start, end, ok = s.lines.extent(n); ok || n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 || n.Style&yaml.TaggedStyle != 0 {
		return start, end, ok
	}
	at, found := s.lines.offset(n)
	if !found || at >= len(s.data) || s.data[at] != '"' && s.data[at] != '\'' {
		return 0, 0, false
	}
	for i := at + 1; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '\\' && s.data[at] == '"':
			i++
		case c == '\'' && s.data[at] == c && i+1 < len(s.data) && s.data[i+1] == c:
			i++
		case c == s.data[at]:
			return at, i + 1, true
		}
	}
	return 0, 0, false
}

// Insert returns the source with a value at a path that has none yet: a new key of a mapping,
// at its end, or a new element of a list, before the one that has its index or at the end.
// The value is as encoding/json decodes it; steps that are missing on the way are made. The
// error is an *Error that says why it cannot be.
func (s Source) Insert(path []string, v any) (Source, error) {
	for s.At(path...).Missing > 1 {
		v = wrapped(path[len(path)-1], v)
		path = path[:len(path)-1]
	}
	t, err := s.walk(path[:len(path)-1], false)
	if err != nil {
		return s, err
	}
	n, name := t.node(), path[len(path)-1]
	if by, _ := function(n); by != "" || custom(n) {
		return s, s.refuse(n, "%s is made by %s", t.what, by)
	}
	var key *yaml.Node
	var at int
	switch index, err := strconv.Atoi(name); {
	case n.Kind == yaml.MappingNode && raw(n, name) == nil:
		key, at = nodeOf(name), len(n.Content)
	case n.Kind == yaml.SequenceNode && err == nil && index >= 0:
		at = min(index, len(n.Content))
	default:
		return s, s.refuse(n, "%s has no room for %s", t.what, quote(name))
	}
	t.nodes, t.at = append(t.nodes, nil), append(t.at, at)
	want := t.with(nodeOf(v), key, true)
	piece, ok := s.room(n, at, key, v)
	if ok {
		if out, ok := s.try(want, piece); ok {
			return out, nil
		}
	}
	return s, s.refuse(n, "%s is written in a form that nothing can be put into", t.what)
}

// wrapped returns a value as the only one of what its step needs: a list for an index.
func wrapped(step string, v any) any {
	if _, err := strconv.Atoi(step); err == nil {
		return []any{v}
	}
	return map[string]any{step: v}
}

// Remove returns the source without the key, or the element, at a path. What held it alone is
// left empty. The error is an *Error that says why it cannot be.
func (s Source) Remove(path []string) (Source, error) {
	t, err := s.walk(path, false)
	if err != nil {
		return s, err
	}
	if pieces, ok := s.removal(t); ok {
		if out, ok := s.try(t.with(nil, nil, false), pieces...); ok {
			return out, nil
		}
	}
	return s, s.refuse(t.node(), "%s is written in a form that it cannot be taken out of", t.what)
}

// Differs returns the paths at which two sources say something else: of a list whose length
// differs, the list's.
func (s Source) Differs(other Source) [][]string {
	var all [][]string
	compare(follow(s.root), follow(other.root), nil, &all)
	return all
}

func compare(a, b *yaml.Node, at []string, all *[][]string) {
	below := func(step string) []string { return append(slices.Clone(at), step) }
	switch {
	case a.Kind != b.Kind || a.Value != b.Value || class(a.Tag) != class(b.Tag) && (a.Kind == yaml.ScalarNode || custom(a) || custom(b)):
		*all = append(*all, at)
	case a.Kind == yaml.SequenceNode && len(a.Content) != len(b.Content):
		*all = append(*all, at)
	case a.Kind == yaml.SequenceNode:
		for i := range a.Content {
			compare(follow(a.Content[i]), follow(b.Content[i]), below(strconv.Itoa(i)), all)
		}
	case a.Kind == yaml.MappingNode:
		for _, e := range entries(a) {
			if other := get(b, e.key.Value); other != nil {
				compare(e.value, other, below(e.key.Value), all)
			} else {
				*all = append(*all, below(e.key.Value))
			}
		}
		for _, e := range entries(b) {
			if get(a, e.key.Value) == nil {
				*all = append(*all, below(e.key.Value))
			}
		}
	}
}
