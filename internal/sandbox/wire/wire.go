// Package wire holds what the sandbox's parts hand to each other: events for the event bus,
// and resource types that one part makes for another; and the forms that several of them
// answer in. It knows no part by name and imports the standard library only, so that the
// parts can be built and tested alone.
package wire

import (
	"context"
	"encoding/json"
	"fmt"
)

// Event is what an AWS service of the sandbox puts on the account's default event bus.
// The bus adds version, id, time, account and region.
type Event struct {
	Source     string          // for example "aws.cloudformation"
	DetailType string          // for example "CloudFormation Stack Status Change"
	Resources  []string        // ARNs
	Detail     json.RawMessage // the service's own part
	Account    string          // empty: the sandbox's account
	Region     string          // empty: the sandbox's region
}

// Emit puts an event on the default bus. It does not wait for deliveries and is safe
// to call from several goroutines.
type Emit func(ctx context.Context, e Event)

// Request is what CloudFormation asks of a Kind: everything about one resource of one
// stack, with all intrinsic functions already resolved.
type Request struct {
	Account, Region string
	StackID         string // ARN of the stack
	StackName       string
	LogicalID       string
	Type            string         // for example "AWS::Lambda::Url"
	Properties      map[string]any // as JSON decodes them, functions resolved
	PhysicalID      string         // empty for a creation
	Previous        map[string]any // the properties before, for an update
	Tags            map[string]string
}

// Made is a resource as it stands: what Ref and Fn::GetAtt answer.
type Made struct {
	PhysicalID string
	Attributes map[string]any // by the name used in Fn::GetAtt
}

// Kind makes the resources of one CloudFormation type.
type Kind interface {
	// Create makes the resource. A *Error is shown as the resource's status reason.
	Create(ctx context.Context, r Request) (Made, error)
	// Update changes it in place; a changed PhysicalID means that it was replaced.
	Update(ctx context.Context, r Request) (Made, error)
	// Delete removes it; a resource that is gone already is no error.
	Delete(ctx context.Context, r Request) error
}

// Reader is a Kind whose live properties can be read, which is what drift detection needs.
type Reader interface {
	// Read returns the live properties under the template's names, found false when the
	// resource is gone.
	Read(ctx context.Context, r Request) (live map[string]any, found bool, err error)
}

// Error is an AWS error: what a client of the service sees.
type Error struct {
	Code    string // for example "ValidationError"
	Message string
	Status  int // HTTP status, 400 when zero
}

// Error returns the code and the message.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Message) }
