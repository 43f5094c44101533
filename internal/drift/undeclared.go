package drift

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Resource is a resource of a stack as it is declared, and live.
type Resource struct {
	Type       string
	PhysicalID string
	Declared   map[string]any // as CloudFormation resolved it
	Live       map[string]any // all of it, as Cloud Control reads it
	Schema     Schema
}

// Stack is what lies around a resource whose undeclared properties are looked for.
type Stack struct {
	Tags   map[string]string // the stack's own, which its resources inherit
	Others []Resource        // its resources, some of which are children of others
}

// Undeclared returns what is set in live and is neither declared, by the resource itself or by
// another one of its stack, nor in the baseline, sorted by path. Within a list that the
// template declares it finds nothing: a detection compares that as a whole. What AWS sets, what
// nobody can change after the creation, what is empty and what is the default are no finding.
func Undeclared(r Resource, in Stack, baseline map[string]any) []gitops.Difference {
	l := look{Resource: r, stack: in, baseline: baseline, meaning: about(r.Type)}
	l.within("", "", r.Declared, r.Live)
	slices.SortFunc(l.found, func(a, b gitops.Difference) int { return strings.Compare(a.Path, b.Path) })
	return l.found
}

// look is one search for what is undeclared. Its paths come in two: with positions, and with
// "*" for them.
type look struct {
	Resource
	stack    Stack
	baseline map[string]any
	meaning  meaning
	found    []gitops.Difference
}

// within looks at what live has at a place at which something is declared.
func (l *look) within(path, at string, declared, live map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(live)) {
		path, at, v := step(path, name), step(at, name), live[name]
		said, is := declared[name]
		if !is {
			l.outside(path, at, v)
			continue
		}
		d, isMap := said.(map[string]any)
		m, both := v.(map[string]any)
		if isMap && both && !l.meaning.whole(at) {
			l.within(path, at, d, m)
		}
	}
}

// outside looks at a value that nothing is declared of.
func (l *look) outside(path, at string, v any) {
	v = l.told(at, v)
	if v == nil {
		return
	}
	list, ok := v.([]any)
	if !ok {
		l.add(path, at, v)
		return
	}
	for i, child := range list {
		if !l.expected(at, child) {
			l.add(fmt.Sprintf("%s/%d", path, i), at+"/*", child)
		}
	}
}

// told returns a value without what is no finding, nil where nothing is left.
func (l *look) told(at string, v any) any {
	if said(l.Schema.ReadOnly, at) || said(l.Schema.CreateOnly, at) || said(l.Schema.WriteOnly, at) || l.meaning.isDefault(at, v) {
		return nil
	}
	if d, ok := l.Schema.Defaults[at]; ok && l.meaning.equal(at, d, v) {
		return nil
	}
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
	case map[string]any:
		out := map[string]any{}
		for name, e := range v {
			if e = l.told(step(at, name), e); e != nil {
				out[name] = e
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	return v
}

// expected reports whether an element of an undeclared list is there with good reason: AWS or
// CloudFormation put it there, or another resource of the stack did.
func (l *look) expected(at string, child any) bool {
	m, _ := child.(map[string]any)
	if strings.HasSuffix(at, "/Tags") {
		key, _ := m["Key"].(string)
		inherited, ok := l.stack.Tags[key]
		return strings.HasPrefix(key, "aws:") || ok && shown(m["Value"]) == inherited
	}
	if l.Type == "AWS::EC2::SecurityGroup" && at == "/SecurityGroupEgress" && everywhere(m) {
		return true
	}
	for _, f := range childrenOf()[l.Type] {
		if f.list == at && slices.ContainsFunc(l.stack.Others, func(o Resource) bool { return o.Type == f.kind && f.is(l.Resource, o, child) }) {
			return true
		}
	}
	return false
}

// everywhere reports whether a rule is the one that EC2 gives every new security group:
// all traffic may leave (VPC user guide, "Default security group rules").
func everywhere(rule map[string]any) bool {
	return shown(rule["IpProtocol"]) == "-1" && (shown(rule["CidrIp"]) == "0.0.0.0/0" || shown(rule["CidrIpv6"]) == "::/0")
}

// add keeps a finding that the baseline does not have.
func (l *look) add(path, at string, v any) {
	if known, ok := l.baseline[path]; ok && l.meaning.equal(at, known, v) {
		return
	}
	parent, _, _ := cutLast(path)
	if list, ok := l.baseline[parent].([]any); ok && slices.ContainsFunc(list, func(known any) bool { return l.meaning.equal(at, known, v) }) {
		return
	}
	l.found = append(l.found, gitops.Difference{Path: path, Live: shown(v), Kind: gitops.Undeclared})
}

// cutLast returns a path without its last name, and that name.
func cutLast(path string) (parent, name string, ok bool) {
	i := strings.LastIndex(path, "/")
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}
