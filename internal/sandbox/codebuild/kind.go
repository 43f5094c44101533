package codebuild

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// Type is the CloudFormation type that Kind makes.
const Type = "AWS::CodeBuild::Project"

type kind struct{ s *Service }

// Kind makes the projects of CloudFormation stacks, as far as CreateProject does.
func (s *Service) Kind() wire.Kind { return kind{s} }

// Create implements wire.Kind.
func (k kind) Create(ctx context.Context, r wire.Request) (wire.Made, error) {
	d, err := describe(r)
	if err != nil {
		return wire.Made{}, err
	}
	if d.Name == "" {
		d.Name = r.LogicalID + "-" + rand.Text()[:12] // CloudFormation user guide, "Name type": unique
	}
	p, err := k.s.create(ctx, place{r.Account, r.Region}, d)
	return made(p), err
}

// Update implements wire.Kind. A new name is a new project.
func (k kind) Update(ctx context.Context, r wire.Request) (wire.Made, error) {
	d, err := describe(r)
	if err != nil {
		return wire.Made{}, err
	}
	at := place{r.Account, r.Region}
	if d.Name != "" && d.Name != r.PhysicalID {
		p, err := k.s.create(ctx, at, d)
		return made(p), err
	}
	d.Name = r.PhysicalID
	p, err := k.s.change(ctx, at, d)
	return made(p), err
}

// Delete implements wire.Kind.
func (k kind) Delete(_ context.Context, r wire.Request) error {
	k.s.remove(place{r.Account, r.Region}, r.PhysicalID)
	return nil
}

func made(p project) wire.Made {
	return wire.Made{PhysicalID: p.Name, Attributes: map[string]any{"Arn": p.ARN, "Id": p.Name}}
}

// describe reads a resource's properties, which are the API's fields in upper case but for
// tags and logs. Values that CloudFormation was given as text are numbers and booleans too.
func describe(r wire.Request) (description, error) {
	properties := untext(r.Properties).(map[string]any) //nolint:forcetypeassert // a map stays one
	var own struct{ Tags []tag }
	if text, err := json.Marshal(map[string]any{"Tags": properties["Tags"]}); err != nil || json.Unmarshal(text, &own) != nil {
		return description{}, &wire.Error{Code: "ValidationError", Message: fmt.Sprintf("Properties validation failed for resource %s with message: Tags is no list of keys and values", r.LogicalID)}
	}
	delete(properties, "Tags")
	if properties["Visibility"] == "PRIVATE" {
		delete(properties, "Visibility")
	}
	if logs, ok := properties["LogsConfig"].(map[string]any); ok && logs["S3Logs"] == nil && logs["S3"] != nil {
		logs["S3Logs"] = logs["S3"]
		delete(logs, "S3")
	}
	text, err := json.Marshal(properties)
	if err != nil {
		return description{}, fmt.Errorf("read properties: %w", err)
	}
	var d description
	if err := strict(text, &d); err != nil {
		refused := new(wire.Error)
		if errors.As(err, &refused) {
			return description{}, &wire.Error{Code: "ValidationError", Message: fmt.Sprintf("Properties validation failed for resource %s with message: %s", r.LogicalID, refused.Message)}
		}
		return description{}, err
	}
	d.Tags = own.Tags
	for key, value := range r.Tags {
		if !slices.ContainsFunc(d.Tags, func(t tag) bool { return t.Key == key }) {
			d.Tags = append(d.Tags, tag{key, value})
		}
	}
	return d, nil
}

// untexted are the properties that are no text.
var untexted = map[string]bool{"timeoutinminutes": true, "queuedtimeoutinminutes": true, "concurrentbuildlimit": true,
	"privilegedmode": true, "badgeenabled": true, "insecuressl": true}

// untext makes numbers and booleans of the text that parameters and mappings hold.
func untext(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			text, ok := value.(string)
			if ok && untexted[strings.ToLower(key)] {
				if n, err := strconv.Atoi(text); err == nil {
					value = n
				} else if b, err := strconv.ParseBool(text); err == nil {
					value = b
				}
			}
			out[key] = untext(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = untext(v[i])
		}
		return out
	}
	return v
}
