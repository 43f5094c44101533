package resource

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// call is one request on its way to moto.
type call struct {
	wire.Request
	ctx   context.Context
	whole bool // of a read: what others than the resource itself declared too
	*Client
}

// verbs are what a kind does. A nil update refuses, a nil remove has nothing to do.
type verbs struct {
	create func(*call) (wire.Made, error)
	update func(*call) (wire.Made, error)
	remove func(*call) error
	read   func(*call) (map[string]any, bool, error)
}

// kind is a wire.Kind made of verbs.
type kind struct {
	client *Client
	verbs
}

// readable is a kind whose live properties can be read.
type readable struct{ kind }

func (k kind) call(ctx context.Context, r wire.Request) *call {
	return &call{Request: r, ctx: ctx, Client: k.client}
}

// Create makes the resource.
func (k kind) Create(ctx context.Context, r wire.Request) (wire.Made, error) {
	return k.create(k.call(ctx, r))
}

// Update changes it in place.
func (k kind) Update(ctx context.Context, r wire.Request) (wire.Made, error) {
	if k.update == nil {
		return wire.Made{}, &wire.Error{Code: "NotUpdatable", Message: fmt.Sprintf("the sandbox cannot update %s in place", r.Type)}
	}
	return k.update(k.call(ctx, r))
}

// Delete removes it.
func (k kind) Delete(ctx context.Context, r wire.Request) error {
	if k.remove == nil {
		return nil
	}
	return gone(k.remove(k.call(ctx, r)))
}

// Read returns the live properties.
func (k readable) Read(ctx context.Context, r wire.Request) (map[string]any, bool, error) {
	live, found, err := k.read(k.call(ctx, r))
	if missing(err) {
		return nil, false, nil
	}
	return live, found, err
}

// ReadWhole returns all live properties, whoever declared them or nobody, as Cloud Control does.
func (k readable) ReadWhole(ctx context.Context, r wire.Request) (map[string]any, bool, error) {
	c := k.call(ctx, r)
	c.whole = true
	live, found, err := k.read(c)
	if missing(err) {
		return nil, false, nil
	}
	return live, found, err
}

// Builtin returns the kinds of this package by type.
func Builtin(c *Client) map[string]wire.Kind {
	out := map[string]wire.Kind{}
	for _, group := range []map[string]verbs{
		ec2Kinds(), gatewayKinds(), routeKinds(), aclKinds(), securityKinds(), messageKinds(), tableKinds(), bucketKinds(), iamKinds(), policyKinds(),
		eventKinds(), operationKinds(), parameterKinds(), deliveryKinds(), recordKinds(), apiKinds(),
	} {
		for name, v := range group {
			if v.read != nil {
				out[name] = readable{kind{c, v}}
			} else {
				out[name] = kind{c, v}
			}
		}
	}
	for name, v := range stackKinds() {
		if _, own := out[name]; !own {
			out[name] = kind{c, v}
		}
	}
	return out
}

func (c *call) scope() Scope { return Scope{c.Account, c.Region} }

func (c *call) query(service, action string, params map[string]any) (*Node, error) {
	return c.Query(c.ctx, c.scope(), service, action, params)
}

func (c *call) json(service, operation string, in any) (map[string]any, error) {
	return c.JSON(c.ctx, c.scope(), service, operation, in)
}

func (c *call) rest(service, method, path string, in any) (map[string]any, error) {
	return c.REST(c.ctx, c.scope(), service, method, path, in)
}

// has says whether the property is given.
func (c *call) has(name string) bool { _, ok := c.Properties[name]; return ok }

// text is a scalar property, empty where it is not given.
func (c *call) text(name string) string { return text(c.Properties[name]) }

func (c *call) list(name string) []any { l, _ := c.Properties[name].([]any); return l }

func (c *call) strings(name string) []string { return template.Strings(c.Properties[name]) }

func (c *call) object(name string) map[string]any {
	m, _ := c.Properties[name].(map[string]any)
	return m
}

// changed says whether the property differs from what it was before the update. Within an
// update that mends drift, every property counts as changed.
func (c *call) changed(name string) bool {
	return !template.Equal(c.Properties[name], c.Previous[name])
}

// pick returns the given properties of those names.
func (c *call) pick(names ...string) map[string]any {
	out := map[string]any{}
	for _, n := range names {
		if v, ok := c.Properties[n]; ok {
			out[n] = v
		}
	}
	return out
}

// tags are the resource's own tags and the stack's, the former first where both name a key.
func (c *call) tags() map[string]string {
	out := maps.Clone(c.Tags)
	if out == nil {
		out = map[string]string{}
	}
	for k, v := range tagMap(c.Properties["Tags"]) {
		out[k] = v
	}
	return out
}

// tagMap reads tags in either of CloudFormation's shapes.
func tagMap(v any) map[string]string {
	out := map[string]string{}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if t, ok := e.(map[string]any); ok {
				out[text(t["Key"])] = text(t["Value"])
			}
		}
	case map[string]any:
		for k, e := range v {
			out[k] = text(e)
		}
	}
	return out
}

// tagList writes tags as a list of {key, value} under the given names.
func tagList(tags map[string]string, key, value string) []any {
	out := []any{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, map[string]any{key: k, value: tags[k]})
	}
	return out
}

// ownTags removes from live tags what the stack and AWS put there, but of a whole read.
func (c *call) ownTags(live map[string]string) any {
	if c.whole {
		return tagList(live, "Key", "Value")
	}
	declared := tagMap(c.Properties["Tags"])
	kept := map[string]string{}
	for k, v := range live {
		if own, ok := c.Tags[k]; ok && own == v {
			if _, both := declared[k]; !both {
				continue
			}
		}
		if !strings.HasPrefix(k, "aws:") {
			kept[k] = v
		}
	}
	return tagList(kept, "Key", "Value")
}

// staleTags are keys set before that are not wanted any more.
func staleTags(live, wanted map[string]string) []any {
	out := []any{}
	for _, k := range slices.Sorted(maps.Keys(live)) {
		if _, ok := wanted[k]; !ok && !strings.HasPrefix(k, "aws:") {
			out = append(out, k)
		}
	}
	return out
}

func text(v any) string { return template.Text(v) }

// typed turns the numeric text of the named keys, at any depth, into numbers, and
// booleans that of others: templates may quote both, the services' JSON may not.
func typed(v any, integers, booleans []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			s, isText := e.(string)
			switch {
			case isText && slices.Contains(integers, k):
				if i, err := strconv.ParseInt(s, 10, 64); err == nil {
					out[k] = i
					continue
				}
			case isText && slices.Contains(booleans, k):
				out[k] = strings.EqualFold(s, "true")
				continue
			}
			out[k] = typed(e, integers, booleans)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = typed(e, integers, booleans)
		}
		return out
	}
	return v
}

// camel lowers the first letter of every key, as some services spell their JSON.
func camel(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			if k != "" {
				k = strings.ToLower(k[:1]) + k[1:]
			}
			out[k] = camel(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = camel(e)
		}
		return out
	}
	return v
}

// arn writes an ARN of the call's account and region.
func (c *call) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + c.Region + ":" + c.Account + ":" + resource
}
