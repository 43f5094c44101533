package access

import (
	"cmp"
	"maps"
	"slices"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
)

// Grant is the smallest part of what a policy allows: one action on one of the resources, for
// one of the partition keys where they are told apart.
type Grant struct {
	Sid, Action, Resource, Key string
	alone                      []policy.Document // the one statement that allows this and nothing else
}

// Grants returns what a policy allows, part by part. What it denies is none.
func Grants(d policy.Document) []Grant {
	var all []Grant
	for _, s := range d.Statement {
		if s.Effect != "Allow" {
			continue
		}
		operator, keys := leading(s)
		for _, action := range or(s.Action, "all but "+cmp.Or(s.NotAction...)) {
			for _, resource := range or(s.Resource, "all but "+cmp.Or(s.NotResource...)) {
				for _, key := range or(keys, "") {
					all = append(all, Grant{s.Sid, action, resource, key, only(s, operator, action, resource, key)})
				}
			}
		}
	}
	return all
}

// Covers reports whether the grant allows a request.
func (g Grant) Covers(r policy.Request) bool { return policy.Identity(g.alone, r) == policy.Allow }

// leading returns the patterns of partition keys that a statement holds for.
func leading(s policy.Statement) (operator string, keys []string) {
	for operator, conditions := range s.Condition {
		if keys, ok := conditions[leadingKeys]; ok {
			return operator, keys
		}
	}
	return "", nil
}

// only narrows a statement to one action, resource and key, its other conditions kept.
func only(s policy.Statement, operator, action, resource, key string) []policy.Document {
	if s.Action != nil {
		s.Action = []string{action}
	}
	if s.Resource != nil {
		s.Resource = []string{resource}
	}
	if operator != "" {
		s.Condition = maps.Clone(s.Condition)
		s.Condition[operator] = maps.Clone(s.Condition[operator])
		s.Condition[operator][leadingKeys] = []string{key}
	}
	return []policy.Document{{Statement: []policy.Statement{s}}}
}

func or(list []string, otherwise string) []string {
	if len(list) == 0 {
		return []string{otherwise}
	}
	return slices.Clone(list)
}
