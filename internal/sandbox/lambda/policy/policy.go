// Package policy evaluates IAM policy documents as far as calling a Lambda function needs
// it: effects, actions, resources, principals and the usual condition operators. What it
// does not know it takes for the worse: an Allow with it never applies, a Deny always.
//
// It reads no policy from anywhere and imports the standard library only.
package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Request is what is asked of policies.
type Request struct {
	Principals []string          // the caller under all its names: session, role; none for an anonymous one
	Action     string            // for example "lambda:InvokeFunctionUrl"
	Resource   string            // ARN
	Context    map[string]string // condition keys with their values
}

// Document is a policy.
type Document struct {
	Statement []Statement
}

// Statement is one statement of a policy.
type Statement struct {
	Sid          string
	Effect       string
	Action       list
	NotAction    list
	Resource     list
	NotResource  list
	Principal    principal
	NotPrincipal json.RawMessage
	Condition    map[string]map[string]list
}

// list is one string or several.
type list []string

// UnmarshalJSON takes a value, of any scalar type since conditions hold booleans and
// numbers too, or a list of them.
func (l *list) UnmarshalJSON(b []byte) error {
	var raws []json.RawMessage
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '[' {
		if err := json.Unmarshal(b, &raws); err != nil {
			return err
		}
	} else {
		raws = []json.RawMessage{b}
	}
	*l = (*l)[:0]
	for _, r := range raws {
		var s string
		if json.Unmarshal(r, &s) != nil {
			s = string(r)
		}
		*l = append(*l, s)
	}
	return nil
}

// principal is whom a resource's policy speaks of, by kind ("AWS", "Service").
type principal map[string]list

// UnmarshalJSON takes "*" or an object.
func (p *principal) UnmarshalJSON(b []byte) error {
	var all string
	if json.Unmarshal(b, &all) == nil {
		*p = principal{"AWS": {all}}
		return nil
	}
	kinds := map[string]list{}
	if err := json.Unmarshal(b, &kinds); err != nil {
		return err
	}
	*p = kinds
	return nil
}

// Parse reads a policy document; a single statement may stand without a list.
func Parse(document []byte) (Document, error) {
	var d struct{ Statement json.RawMessage }
	if err := json.Unmarshal(document, &d); err != nil {
		return Document{}, fmt.Errorf("read policy: %w", err)
	}
	raw := bytes.TrimSpace(d.Statement)
	if len(raw) > 0 && raw[0] == '{' {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	var out Document
	if err := json.Unmarshal(raw, &out.Statement); err != nil {
		return Document{}, fmt.Errorf("read policy's statements: %w", err)
	}
	return out, nil
}

// Decision is what policies say of a request.
type Decision string

// The decisions. Deny wins over Allow, whichever policy it is in.
const (
	Silent Decision = "silent"
	Allow  Decision = "allow"
	Deny   Decision = "deny"
)

// Identity evaluates the policies of a user or role: their statements name no principal.
func Identity(documents []Document, r Request) Decision {
	return decide(documents, r, func(Statement) bool { return true })
}

// Resource evaluates the policy of a resource: a statement applies to whom it names.
func Resource(document Document, r Request) Decision {
	return decide([]Document{document}, r, func(s Statement) bool {
		for _, who := range s.Principal["AWS"] {
			if who == "*" || slices.Contains(r.Principals, who) {
				return true
			}
		}
		return s.NotPrincipal != nil && s.Effect == "Deny"
	})
}

func decide(documents []Document, r Request, concerns func(Statement) bool) Decision {
	decision := Silent
	for _, d := range documents {
		for _, s := range d.Statement {
			if !concerns(s) || !s.applies(r) {
				continue
			}
			if s.Effect == "Deny" {
				return Deny
			}
			if s.Effect == "Allow" {
				decision = Allow
			}
		}
	}
	return decision
}

func (s Statement) applies(r Request) bool {
	action := strings.ToLower(r.Action)
	named := anyMatch(lower(s.Action), action)
	if s.NotAction != nil {
		named = !anyMatch(lower(s.NotAction), action)
	}
	on := anyMatch(s.Resource, r.Resource)
	if s.NotResource != nil {
		on = !anyMatch(s.NotResource, r.Resource)
	}
	return named && on && s.conditionsHold(r.Context)
}

func lower(l list) list {
	out := make(list, len(l))
	for i, s := range l {
		out[i] = strings.ToLower(s)
	}
	return out
}

func anyMatch(patterns list, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return Match(p, s) })
}

// Match says whether a pattern with * and ? fits the whole string.
func Match(pattern, s string) bool {
	// The classic two pointers: on a mismatch go back to the last star, one further.
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
