package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// Kinds are the resource types that CloudFormation gets made here: all of Lambda's but
// layers, code signing and capacity providers.
func (s *Service) Kinds() map[string]wire.Kind {
	return map[string]wire.Kind{
		"AWS::Lambda::Function":           functionKind{s},
		"AWS::Lambda::Version":            versionKind{s},
		"AWS::Lambda::Alias":              aliasKind{s},
		"AWS::Lambda::Permission":         permissionKind{s},
		"AWS::Lambda::Url":                urlKind{s},
		"AWS::Lambda::EventInvokeConfig":  invokesKind{s},
		"AWS::Lambda::EventSourceMapping": mappingKind{s},
	}
}

// properties reads a resource's properties.
func properties(r wire.Request, into any) error {
	b, err := json.Marshal(r.Properties)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return &wire.Error{Code: "ValidationError", Message: fmt.Sprintf("Properties validation failed for resource %s with message: %v", r.LogicalID, err)}
	}
	return nil
}

// changed says whether one of the properties differs from before, which makes
// CloudFormation replace the resource.
func changed(r wire.Request, names ...string) bool {
	for _, n := range names {
		if fmt.Sprint(r.Properties[n]) != fmt.Sprint(r.Previous[n]) {
			return true
		}
	}
	return false
}

// gone takes a resource that is not there for one that was deleted.
func gone(err error) error {
	var refused *wire.Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// physicalName is the name CloudFormation gives: stack, logical id and a random part.
func physicalName(r wire.Request, limit int) string {
	random := strings.ToUpper(strings.ReplaceAll(wire.NewUUID(), "-", ""))[:12]
	prefix := r.StackName + "-" + r.LogicalID
	if room := limit - len(random) - 1; len(prefix) > room {
		prefix = prefix[:room]
	}
	return prefix + "-" + random
}

type functionKind struct{ s *Service }

// functionProperties differ from the API's request in the tags, and in inline code, which
// is text.
type functionProperties struct {
	createFunction
	Code struct {
		code
		ZipFile string
	}
	Tags []struct{ Key, Value string }
}

func (k functionKind) input(r wire.Request) (createFunction, error) {
	var p functionProperties
	if err := properties(r, &p); err != nil {
		return createFunction{}, err
	}
	in := p.createFunction
	in.Code = p.Code.code
	if p.Code.ZipFile != "" {
		b, err := inlinePackage(p.Runtime, p.Code.ZipFile)
		if err != nil {
			return createFunction{}, err
		}
		in.Code.ZipFile = b
	}
	in.Tags = map[string]string{}
	for key, value := range r.Tags {
		in.Tags[key] = value
	}
	for _, t := range p.Tags {
		in.Tags[t.Key] = t.Value
	}
	return in, nil
}

func (k functionKind) made(c configuration) wire.Made {
	return wire.Made{PhysicalID: c.FunctionName, Attributes: map[string]any{"Arn": c.FunctionArn}}
}

// Create makes the function.
func (k functionKind) Create(ctx context.Context, r wire.Request) (wire.Made, error) {
	in, err := k.input(r)
	if err != nil {
		return wire.Made{}, err
	}
	if in.FunctionName == "" {
		in.FunctionName = physicalName(r, 64)
	}
	c, err := k.s.create(ctx, in)
	return k.made(c), err
}

// Update changes settings, code, tags and concurrency; a new name is a new function.
func (k functionKind) Update(ctx context.Context, r wire.Request) (wire.Made, error) {
	if changed(r, "FunctionName", "PackageType") {
		return k.Create(ctx, r)
	}
	in, err := k.input(r)
	if err != nil {
		return wire.Made{}, err
	}
	f, old, err := k.s.find(reference{name: r.PhysicalID})
	if err != nil {
		return wire.Made{}, err
	}
	c, err := k.s.configure(ctx, f.name, in)
	if err != nil {
		return wire.Made{}, err
	}
	if c.fingerprint() != old.fingerprint() {
		c = k.s.replace(f, c)
	}
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	f.tags, f.reserved = in.Tags, nil
	if n := in.ReservedConcurrentExecutions; n != nil {
		f.reserved = new(int(*n))
	}
	return k.made(c), nil
}

// Delete removes the function.
func (k functionKind) Delete(_ context.Context, r wire.Request) error {
	return gone(k.s.remove(reference{name: r.PhysicalID}))
}

type versionKind struct{ s *Service }

// Create publishes a version. Unlike the API, CloudFormation refuses one that changes
// nothing: its resource would then be another resource's version.
func (k versionKind) Create(_ context.Context, r wire.Request) (wire.Made, error) {
	var p struct{ FunctionName, Description string }
	if err := properties(r, &p); err != nil {
		return wire.Made{}, err
	}
	f, c, err := k.s.find(reference{name: parseReference(p.FunctionName).name})
	if err != nil {
		return wire.Made{}, err
	}
	k.s.mu.Lock()
	before := len(f.versions)
	k.s.mu.Unlock()
	v, err := k.s.publish(c.FunctionName, p.Description)
	if err != nil {
		return wire.Made{}, err
	}
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if len(f.versions) == before {
		return wire.Made{}, &wire.Error{Code: "AlreadyExists", Message: fmt.Sprintf("A version for this Lambda function exists ( %s ). Modify the function to create a new version .", v.Version)}
	}
	return wire.Made{PhysicalID: v.FunctionArn, Attributes: map[string]any{"Version": v.Version, "FunctionArn": v.FunctionArn}}, nil
}

// Update publishes anew where function or description changed.
func (k versionKind) Update(ctx context.Context, r wire.Request) (wire.Made, error) {
	if changed(r, "FunctionName", "Description", "CodeSha256") {
		return k.Create(ctx, r)
	}
	version := lastField(r.PhysicalID)
	return wire.Made{PhysicalID: r.PhysicalID, Attributes: map[string]any{"Version": version, "FunctionArn": r.PhysicalID}}, nil
}

// Delete removes the version.
func (k versionKind) Delete(_ context.Context, r wire.Request) error {
	return gone(k.s.remove(parseReference(r.PhysicalID)))
}

type aliasKind struct{ s *Service }

type aliasProperties struct {
	putAlias
	FunctionName string
}

func (k aliasKind) set(r wire.Request, create bool) (wire.Made, error) {
	var p aliasProperties
	if err := properties(r, &p); err != nil {
		return wire.Made{}, err
	}
	a, err := k.s.setAlias(reference{name: parseReference(p.FunctionName).name}, p.putAlias, create)
	return wire.Made{PhysicalID: a.AliasArn, Attributes: map[string]any{"AliasArn": a.AliasArn}}, err
}

// Create makes the alias.
func (k aliasKind) Create(_ context.Context, r wire.Request) (wire.Made, error) {
	return k.set(r, true)
}

// Update points it elsewhere; a new name or function is a new alias.
func (k aliasKind) Update(_ context.Context, r wire.Request) (wire.Made, error) {
	return k.set(r, changed(r, "Name", "FunctionName"))
}

// Delete removes the alias.
func (k aliasKind) Delete(_ context.Context, r wire.Request) error {
	ref := parseReference(r.PhysicalID)
	k.s.removeAlias(reference{name: ref.name}, ref.qualifier)
	return nil
}

type permissionKind struct{ s *Service }

type permissionProperties struct {
	addPermission
	FunctionName string
}

// Create adds the statement; its id is the physical id.
func (k permissionKind) Create(_ context.Context, r wire.Request) (wire.Made, error) {
	var p permissionProperties
	if err := properties(r, &p); err != nil {
		return wire.Made{}, err
	}
	p.StatementId = physicalName(r, 100)
	if _, err := k.s.permit(parseReference(p.FunctionName), p.addPermission); err != nil {
		return wire.Made{}, err
	}
	return wire.Made{PhysicalID: p.StatementId, Attributes: map[string]any{"Id": p.StatementId}}, nil
}

// Update is a replacement, whatever changes.
func (k permissionKind) Update(ctx context.Context, r wire.Request) (wire.Made, error) {
	return k.Create(ctx, r)
}

// Delete removes the statement, wherever it is: a permission whose function was replaced
// may be deleted after its properties changed.
func (k permissionKind) Delete(_ context.Context, r wire.Request) error {
	k.s.mu.Lock()
	var where []reference
	for _, f := range k.s.functions {
		for qualifier := range f.policies {
			where = append(where, reference{f.name, qualifier})
		}
	}
	k.s.mu.Unlock()
	for _, ref := range where {
		if err := gone(k.s.forbid(ref, r.PhysicalID)); err != nil {
			return err
		}
	}
	return nil
}
