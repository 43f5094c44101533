package config

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// pairs returns the entries of a mapping in their order; false when it is none.
func pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// keyText returns a mapping's key as it is written.
func keyText(n ast.MapKeyNode) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.MappingKeyNode:
		if s, ok := n.Value.(*ast.StringNode); ok {
			return s.Value
		}
	}
	return n.GetToken().Value
}

// tag returns the key of a field, and whether it has to be there.
func tag(f reflect.StructField) (key string, required bool) {
	key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return key, options != "omitempty"
}

// keys returns the keys of a type in the order of its fields.
func keys(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _ = tag(t.Field(i))
	}
	return names
}

// field returns the index of the field with a key, -1 when there is none.
func field(t reflect.Type, key string) int {
	for i := range t.NumField() {
		if name, _ := tag(t.Field(i)); name == key {
			return i
		}
	}
	return -1
}

// join returns the path of a key in the value at a path. A key that would read as a path
// itself, such as a tag's, is quoted.
func join(path, key string) string {
	name := short(key)
	if quoted := strconv.Quote(name); strings.ContainsAny(name, ".[] ") || quoted != `"`+name+`"` || name == "" {
		name = quoted
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// quote returns what was found in the file in quotes, escaped and cut to a length that a
// message can carry: it may hold anything.
func quote(s string) string { return strconv.Quote(short(s)) }

// short cuts a text to what a message can carry.
func short(s string) string {
	const most = 80
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most]) + "…"
}
