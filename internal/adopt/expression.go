package adopt

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// expression edits a value in the expression of an attribute, or says in the change why it
// cannot be.
type expression struct {
	*adopter
	file      *hclFile
	change    *Change
	key       string // of the attribute in the file, for its check
	attribute *hclsyntax.Attribute
	last      bool // variables are not followed from here
}

func (e *expression) leave(format string, args ...any) {
	e.change.Reason = fmt.Sprintf(format, args...)
}

// edit goes down to the value at a path.
func (e *expression) edit(x hclsyntax.Expression, path []string) {
	x = unwrap(x)
	declared, live := sides(*e.change)
	if len(path) > 1 && indexOf(path[0]) >= 0 && (declared == nil || live == nil) {
		e.leave("it is a part of an element of a list, of which there are more or fewer now")
		return
	}
	switch x := x.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		if name := variableOf(x); name != "" && len(x.Traversal) == 2 && len(path) == 0 && !e.last {
			e.variable(e.change, name)
			return
		}
	case *hclsyntax.ObjectConsExpr:
		if len(path) > 0 {
			e.object(x, path, declared)
			return
		}
	case *hclsyntax.TupleConsExpr:
		if len(path) > 0 {
			e.tuple(x, path, declared)
			return
		}
	}
	value, diagnostics := x.Value(nil)
	if diagnostics.HasErrors() || !value.IsWhollyKnown() || len(path) > 0 {
		e.leave("an expression decides it: %s", cut(string(x.Range().SliceBytes(e.file.now))))
		return
	}
	e.replace(x, value, declared, live)
}

// replace puts a literal in the place of one that says what was declared.
func (e *expression) replace(x hclsyntax.Expression, value cty.Value, declared, live any) {
	there := plain(value)
	r := x.Range()
	switch {
	case same(there, live):
		e.leave("git says so already: it is not deployed yet")
	case !same(there, declared) && e.last: // it is not shown: it may be secret by now
		e.leave("git has changed the variable %s since what is deployed", e.key)
	case !same(there, declared):
		e.leave("git has changed there since what is deployed, or it is in another order: it says %s", cut(shown(there)))
	case live == nil && len(e.key) > 0 && x == unwrap(e.attribute.Expr) && !e.last:
		e.removeAttribute()
	case live == nil:
		e.leave("live has none, and what gives it holds it for a reason of its own")
	case value.Type().IsPrimitiveType() && !isPlain(live):
		e.leave("a single value stands there, and live has a mapping or a list")
	case strings.HasPrefix(string(r.SliceBytes(e.file.now)), "<<"):
		e.leave("it is written as a heredoc, which is not edited")
	default:
		e.splice(piece{r.Start.Byte, r.End.Byte, literalOf(live, value.Type())})
	}
}

// isPlain reports whether a value is neither a mapping nor a list.
func isPlain(v any) bool {
	_, mapping := v.(map[string]any)
	_, list := v.([]any)
	return !mapping && !list
}

// unwrap returns an expression without the parentheses around it.
func unwrap(x hclsyntax.Expression) hclsyntax.Expression {
	for {
		inner, ok := x.(*hclsyntax.ParenthesesExpr)
		if !ok {
			return x
		}
		x = inner.Expression
	}
}

// object goes into, puts an item into, or takes one out of, an object.
func (e *expression) object(x *hclsyntax.ObjectConsExpr, path []string, declared any) {
	var items []item
	var values []hclsyntax.Expression
	found := -1
	for i, it := range x.Items {
		items = append(items, item{it.KeyExpr.Range().Start.Byte, it.ValueExpr.Range().End.Byte})
		values = append(values, it.ValueExpr)
		if key, diagnostics := it.KeyExpr.Value(nil); !diagnostics.HasErrors() && plain(key) == any(path[0]) {
			found = i
		} else if diagnostics.HasErrors() {
			e.leave("an expression makes a key beside it")
			return
		}
	}
	_, live := sides(*e.change)
	switch {
	case found < 0 && declared == nil && len(path) == 1:
		key := path[0]
		if !hclsyntax.ValidIdentifier(key) {
			key = literalOf(key, cty.String)
		}
		e.splice(e.file.inserted(x.SrcRange, items, key, literalOf(live, typeOf(values)))...)
	case found < 0:
		e.leave("it does not stand in the file: what was deployed had it from elsewhere, or git has changed since")
	case live == nil && len(path) == 1:
		e.remove(x.Items[found].ValueExpr, declared, items, found)
	default:
		e.edit(x.Items[found].ValueExpr, path[1:])
	}
}

// tuple does the same with a list. A set has no order: an element is found by its value.
func (e *expression) tuple(x *hclsyntax.TupleConsExpr, path []string, declared any) {
	var items []item
	at, others := indexOf(path[0]), []int{}
	for i, element := range x.Exprs {
		items = append(items, item{element.Range().Start.Byte, element.Range().End.Byte})
		if declared != nil && says(element, declared) {
			others = append(others, i)
		}
	}
	if len(path) == 1 && len(others) == 1 {
		at = others[0]
	}
	_, live := sides(*e.change)
	switch {
	case declared == nil && len(path) == 1 && slices.ContainsFunc(x.Exprs, func(x hclsyntax.Expression) bool { return says(x, live) }):
		e.leave("git says so already: it is not deployed yet")
	case at < 0:
		e.leave("a list stands there, and %s is no index", cut(path[0]))
	case declared == nil && len(path) == 1 && at >= len(items):
		e.splice(e.file.inserted(x.SrcRange, items, "", literalOf(live, typeOf(x.Exprs)))...)
	case declared == nil || at >= len(items):
		e.leave("the list has %d elements in git: it is another one", len(items))
	case live == nil && len(path) == 1:
		e.remove(x.Exprs[at], declared, items, at)
	default:
		e.edit(x.Exprs[at], path[1:])
	}
}

// remove takes an item out that says what was declared.
func (e *expression) remove(x hclsyntax.Expression, declared any, items []item, at int) {
	value, diagnostics := x.Value(nil)
	switch {
	case diagnostics.HasErrors():
		e.leave("an expression decides it: %s", cut(string(x.Range().SliceBytes(e.file.now))))
	case !same(plain(value), declared):
		e.leave("git has changed there since what is deployed: it says %s", cut(shown(plain(value))))
	default:
		e.splice(e.file.removed(items, at))
	}
}

// removeAttribute takes out the whole attribute, which has to stand in lines of its own.
func (e *expression) removeAttribute() {
	r := e.attribute.SrcRange
	from, to, alone := e.file.lines(item{r.Start.Byte, r.End.Byte})
	if !alone {
		e.leave("it does not stand in a line of its own, out of which it could be taken")
		return
	}
	e.splice(piece{from, to, ""})
}

// splice edits the file, or says why it would not be read any more.
func (e *expression) splice(pieces ...piece) {
	if err := e.file.edit(e.key, pieces...); err != nil {
		e.leave("it is written in a form that cannot be edited: %s", err)
	}
}

// says reports whether an expression is a literal that says just this.
func says(x hclsyntax.Expression, v any) bool {
	value, diagnostics := x.Value(nil)
	return !diagnostics.HasErrors() && same(plain(value), v)
}

// typeOf returns string where all of some expressions are literal texts, else no type.
func typeOf(all []hclsyntax.Expression) cty.Type {
	for _, x := range all {
		if value, diagnostics := x.Value(nil); !diagnostics.HasErrors() && value.Type() != cty.String {
			return cty.NilType
		}
	}
	if len(all) == 0 {
		return cty.NilType
	}
	return cty.String
}

// plain returns a value as encoding/json decodes it.
func plain(v cty.Value) any {
	v, _ = v.UnmarkDeep()
	if v.IsNull() || !v.IsWhollyKnown() {
		return nil
	}
	if v.Type() == cty.String {
		return v.AsString()
	}
	data, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	var out any
	if d.Decode(&out) != nil {
		return nil
	}
	return out
}

// literalOf writes a value in HCL, of the type that was there where that fits.
func literalOf(v any, was cty.Type) string {
	text, isText := v.(string)
	if number, err := cty.ParseNumberVal(text); isText && was == cty.Number && err == nil {
		return string(hclwrite.TokensForValue(number).Bytes())
	}
	if isText && (was == cty.NilType || was == cty.Bool && (text == "true" || text == "false")) {
		v = literal(text)
	}
	if was == cty.String && isPlain(v) {
		v = shown(v)
	}
	return string(hclwrite.TokensForValue(ctyOf(v)).Bytes())
}

// ctyOf returns what encoding/json decoded as a value of HCL.
func ctyOf(v any) cty.Value {
	switch v := v.(type) {
	case nil:
		return cty.NullVal(cty.DynamicPseudoType)
	case bool:
		return cty.BoolVal(v)
	case json.Number:
		if n, err := cty.ParseNumberVal(v.String()); err == nil {
			return n
		}
	case []any:
		var all []cty.Value
		for _, item := range v {
			all = append(all, ctyOf(item))
		}
		return cty.TupleVal(all)
	case map[string]any:
		all := map[string]cty.Value{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all[key] = ctyOf(v[key])
		}
		return cty.ObjectVal(all)
	}
	return cty.StringVal(shown(v))
}
