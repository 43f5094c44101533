package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/driftless-gitops/driftless/internal/config/nearest"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// decoder fills a Document from a syntax tree, keeps where every value stands, and
// collects what is wrong instead of stopping at it.
type decoder struct {
	file     string
	dir      string              // of the file, which its paths are relative to
	root     *decoder            // of the root's file, nil for itself
	at       map[string]position // of every value, by its path
	problems []gitops.Problem
	between  []gitops.Problem // with another file
	dropped  int              // problems that were too many to keep
	defaults Defaults
	settings []gitops.Settings
}

// maxKept caps the problems in hand, which are searched for every application.
const maxKept = 500

// refuse notes a problem with the value at a path.
func (d *decoder) refuse(path string, at position, format string, args ...any) {
	if len(d.problems) >= maxKept {
		d.dropped++
		return
	}
	d.problems = append(d.problems, gitops.Problem{
		File: d.file, Line: at.line, Column: at.column, Path: path, Message: fmt.Sprintf(format, args...),
	})
}

// refused reports whether the value at a path, or one inside it, has a problem already. The
// root's defaults are those of the files that it includes.
func (d *decoder) refused(path string) bool {
	if d.root != nil && within(path, "defaults") && d.root.refused(path) {
		return true
	}
	return slices.ContainsFunc(d.problems, func(p gitops.Problem) bool { return within(p.Path, path) })
}

// within reports whether a value's path is another's or lies inside it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// decode stores what a node says in v, whose type says what it may say.
func (d *decoder) decode(path string, n ast.Node, v reflect.Value) {
	d.at[path] = place(n)
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch v.Kind() { // the kinds that a Document is made of; a test walks them all
	case reflect.Struct:
		d.structure(path, n, v)
	case reflect.Slice:
		d.list(path, n, v)
	case reflect.Map:
		d.texts(path, n, v)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.mismatch(path, n, "true or false")
			return
		}
		v.SetBool(b.Value)
	case reflect.Int:
		i, ok := n.(*ast.IntegerNode)
		if !ok {
			d.mismatch(path, n, "a number")
			return
		}
		number, err := strconv.Atoi(i.Token.Value)
		if err != nil || !d.allowed(path, i.Token.Value, v.Type()) {
			return
		}
		v.SetInt(int64(number))
	case reflect.String:
		d.text(path, n, v)
	}
}

// structure decodes a mapping whose keys are the fields of a struct.
func (d *decoder) structure(path string, n ast.Node, v reflect.Value) {
	entries, ok := pairs(n)
	if !ok {
		if _, list := n.(*ast.SequenceNode); list && v.Type() == reflect.TypeFor[Verify]() {
			d.refuse(path, place(n), "a list of checks stands under checks; allowed here: %s", strings.Join(keys(v.Type()), ", "))
			return
		}
		d.mismatch(path, n, "a mapping")
		return
	}
	seen, meant := map[string]position{}, map[string]bool{}
	for _, e := range entries {
		key := keyText(e.Key)
		if !d.once(join(path, key), key, place(e.Key), seen) {
			continue
		}
		i := field(v.Type(), key)
		if i < 0 {
			meant[d.unknown(join(path, key), key, place(e.Key), v.Type())] = true
			continue
		}
		d.decode(join(path, key), e.Value, v.Field(i))
	}
	for i := range v.NumField() {
		key, required := tag(v.Type().Field(i))
		if _, there := seen[key]; required && !there && !meant[key] {
			d.refuse(join(path, key), place(n), "%s is missing", key)
		}
	}
	group := atLeast[v.Type()]
	has := func(key string) bool { _, there := seen[key]; return there || meant[key] }
	if len(group) > 0 && !slices.ContainsFunc(group, has) {
		d.refuse(join(path, group[len(group)-1]), place(n), "%s is missing", strings.Join(group, " or "))
	}
}

// once notes a key of a mapping, and refuses it the second time.
func (d *decoder) once(path, key string, at position, seen map[string]position) bool {
	if first, twice := seen[key]; twice {
		d.refuse(path, at, "%s is there twice, first in line %d", quote(key), first.line)
		return false
	}
	seen[key] = at
	return true
}

// unknown refuses a key that a type does not have, and returns the key that stands for
// what was meant, which is then not missed as well: one problem for one mistake.
func (d *decoder) unknown(path, key string, at position, t reflect.Type) (meant string) {
	known := keys(t)
	if why, ok := never[t][key]; ok {
		d.refuse(path, at, "%s %s", key, why)
		return ""
	}
	if slices.Contains(unsupported[t], key) {
		d.refuse(path, at, "%s is %s", key, notSupported)
		return ""
	}
	if near := nearest.Of(key, append(slices.Clone(known), unsupported[t]...)); slices.Contains(known, near) {
		d.refuse(path, at, "unknown key %s; did you mean %q?", quote(key), near)
		return near
	}
	d.refuse(path, at, "unknown key %s; allowed: %s", quote(key), strings.Join(known, ", "))
	return ""
}

// list decodes a sequence.
func (d *decoder) list(path string, n ast.Node, v reflect.Value) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		d.mismatch(path, n, "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values)))
	for i, e := range s.Values {
		d.decode(fmt.Sprintf("%s[%d]", path, i), e, v.Index(i))
	}
}

// texts decodes a mapping of text to text, whose keys are free.
func (d *decoder) texts(path string, n ast.Node, v reflect.Value) {
	entries, ok := pairs(n)
	if !ok {
		d.mismatch(path, n, "a mapping")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	seen := map[string]position{}
	for _, e := range entries {
		key := keyText(e.Key)
		if !d.once(join(path, key), key, place(e.Key), seen) {
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		d.decode(join(path, key), e.Value, value)
		v.SetMapIndex(reflect.ValueOf(key), value)
	}
}

// text decodes a scalar that is text.
func (d *decoder) text(path string, n ast.Node, v reflect.Value) {
	var s string
	switch n := n.(type) {
	case *ast.StringNode:
		s = n.Value
	case *ast.LiteralNode:
		s = n.Value.Value
	case *ast.IntegerNode:
		if r := rules()[v.Type()]; r.zero && n.Token.Value == "0" {
			s = "0"
			break
		} else if r.zero {
			d.refuse(path, place(n), "found the number %s; allowed: %s", short(n.Token.Value), r)
			return
		}
		d.refuse(path, place(n), "found the number %s where text is needed; put it in quotes", short(n.Token.Value))
		return
	case *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		d.refuse(path, place(n), "found %s where text is needed; put it in quotes", short(n.GetToken().Value))
		return
	default:
		var ok bool
		if s, ok = coloned(n); !ok {
			d.mismatch(path, n, "text")
			return
		}
	}
	if d.allowed(path, s, v.Type()) {
		v.SetString(s)
	}
}

// coloned returns the text that YAML means by AWS::Include where it stands within braces.
// There the parser takes the first colon for the end of a key, though no space follows it
// (YAML 1.2.2, 7.3.3: a plain scalar holds ":" before what is no space).
func coloned(n ast.Node) (string, bool) {
	entries, ok := pairs(n)
	if !ok || len(entries) != 1 {
		return "", false
	}
	rest, ok := entries[0].Value.(*ast.StringNode)
	key := entries[0].Key.GetToken()
	if !ok || !strings.HasPrefix(rest.Value, ":") || rest.Token.Position.Line != key.Position.Line {
		return "", false
	}
	if rest.Token.Position.Column != key.Position.Column+len([]rune(key.Value))+1 {
		return "", false // there are quotes or spaces between
	}
	return key.Value + ":" + rest.Value, true
}

// allowed holds a scalar against its type's rule.
func (d *decoder) allowed(path, s string, t reflect.Type) bool {
	r, ok := rules()[t]
	if !ok {
		return true
	}
	found := quote(s)
	switch {
	case t.Kind() == reflect.Int:
		found = short(s)
	case r.hidden:
		found = "something else"
	}
	switch {
	case s == "":
		d.refuse(path, d.at[path], "is empty; allowed: %s", r)
	case slices.Contains(unsupported[t], s):
		d.refuse(path, d.at[path], "%s is %s; allowed: %s", s, notSupported, r)
	case r.pattern != nil && !r.pattern().MatchString(s):
		d.refuse(path, d.at[path], "found %s; allowed: %s", found, r)
	case r.most > 0 && !r.counts(s):
		d.refuse(path, d.at[path], "found %s; allowed: %s", found, r)
	case r.oneOf != nil && !slices.Contains(r.oneOf, s):
		d.refuse(path, d.at[path], "found %s; allowed: %s", found, r)
	default:
		return true
	}
	return false
}

// counts reports whether a number is within the rule's bounds.
func (r rule) counts(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= r.least && n <= r.most
}

// String says what the rule allows.
func (r rule) String() string {
	if r.allowed != "" {
		return r.allowed
	}
	return strings.Join(r.oneOf, ", ")
}

// mismatch refuses a value of the wrong kind.
func (d *decoder) mismatch(path string, n ast.Node, needed string) {
	found := "something else"
	switch n := n.(type) {
	case *ast.NullNode:
		d.refuse(path, place(n), "has no value; %s is needed", needed)
		return
	case *ast.MappingNode, *ast.MappingValueNode:
		found = "a mapping"
	case *ast.SequenceNode:
		found = "a list"
	case *ast.StringNode:
		found = "the text " + quote(n.Value)
	case *ast.LiteralNode:
		found = "the text " + quote(n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode:
		found = "the number " + short(n.GetToken().Value)
	case *ast.BoolNode:
		found = n.GetToken().Value
	}
	d.refuse(path, place(n), "found %s where %s is needed", found, needed)
}
