// Package trigger turns an event of EventBridge into what to look at, and nothing else.
//
// An event is a hint: it may be late, repeated, out of order, or forged by whoever may
// put events on a bus. So only a key is taken from it, checked for its form; the branch's
// commit is read from git, the stack's state from CloudFormation, and what belongs to
// whom from the table. The package is pure and imports the words of gitops only.
package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Kind is what a Key names.
type Kind string

// The kinds of key.
const (
	KindRepository Kind = "repository"
	KindStack      Kind = "stack"
	KindBuild      Kind = "build"
	KindResource   Kind = "resource" // that somebody changed: whose stack has it is not known yet
)

// Key names what to look at. The zero Key means: nothing.
type Key struct {
	Kind          Kind   `json:"kind,omitempty"`
	RepositoryURL string `json:"repositoryUrl,omitempty"` // as it is registered: codecommit::<region>://<name>
	Ref           string `json:"ref,omitempty"`           // "refs/heads/main", "refs/tags/v1"
	StackARN      string `json:"stackArn,omitempty"`
	Stack         string `json:"stack,omitempty"`       // its name, taken from the ARN
	Application   string `json:"application,omitempty"` // whose build it is
	Account       string `json:"account,omitempty"`
	Region        string `json:"region,omitempty"`
	// Physical are the ids of the resources that were changed, as CloudFormation has them, at most
	// ten; Global says that they are of no region, so that a stack of any may have them.
	Physical []string     `json:"physical,omitempty"`
	Global   bool         `json:"global,omitempty"`
	Touch    gitops.Touch `json:"touch,omitzero"`   // who changed them, how and when
	Reason   string       `json:"reason,omitempty"` // for people
}

// IsZero reports whether there is nothing to look at.
func (k Key) IsZero() bool { return k.Kind == "" }

// event is the envelope of every event (EventBridge user guide, "Event structure").
type event struct {
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Account    string          `json:"account"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// kinds are the events that are looked at, by source and detail type together: anybody may
// send a detail type under a source of their own, but only AWS a source that begins with
// "aws." (EventBridge API reference, PutEventsRequestEntry).
var kinds = map[[2]string]func(event) (Key, error){
	{"aws.codecommit", "CodeCommit Repository State Change"}:               repository,
	{"aws.cloudformation", "CloudFormation Stack Status Change"}:           stack,
	{"aws.cloudformation", "CloudFormation Drift Detection Status Change"}: drift,
	{"aws.codebuild", "CodeBuild Build State Change"}:                      build,
}

// Parse returns what an event asks to look at. An event of another source or detail type
// is the zero Key and no error; one that contradicts itself is an error.
func Parse(raw json.RawMessage) (Key, error) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return Key{}, fmt.Errorf("read event: %w", err)
	}
	parse, ok := kinds[[2]string{e.Source, e.DetailType}]
	if called(e) {
		parse, ok = call, true
	}
	if !ok {
		return Key{}, nil
	}
	if !isAccount(e.Account) || !isRegion(e.Region) {
		return Key{}, fmt.Errorf("read %s: account %q, region %q: not those of an event", e.DetailType, e.Account, e.Region)
	}
	key, err := parse(e)
	if err != nil {
		return Key{}, fmt.Errorf("read %s: %w", e.DetailType, err)
	}
	return key, nil
}

// What the parts of events look like. The expressions are compiled when first used: every
// function's start would pay for it.
var (
	isAccount = matches(`^[0-9]{12}$`)
	isRegion  = matches(`^[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}$`)
	// isRepository: CodeCommit API reference, RepositoryMetadata.repositoryName.
	isRepository = matches(`^[A-Za-z0-9_.-]{1,100}$`)
	// isApplication: docs/configuration.md, "name".
	isApplication = matches(`^[a-z][a-z0-9-]{0,62}$`)
	isStatus      = matches(`^[A-Z][A-Z_]{0,63}$`)
	// stackResource: CloudFormation API reference, Stack.StackId and CreateStack.StackName.
	stackResource = compiled(`^stack/([a-zA-Z][-a-zA-Z0-9]{0,127})/([-a-zA-Z0-9]{1,64})$`)
)

func matches(expression string) func(string) bool {
	pattern := compiled(expression)
	return func(s string) bool { return pattern().MatchString(s) }
}

func compiled(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// repository reads "CodeCommit Repository State Change" (CodeCommit user guide,
// "Monitoring CodeCommit events"): a branch or tag was created, updated or deleted.
func repository(e event) (Key, error) {
	var detail struct {
		Event          string `json:"event"`
		RepositoryName string `json:"repositoryName"`
		ReferenceType  string `json:"referenceType"`
		ReferenceName  string `json:"referenceName"`
		FullName       string `json:"referenceFullName"`
	}
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		return Key{}, fmt.Errorf("read detail: %w", err)
	}
	reason, ok := map[string]string{
		"referenceCreated": "created in CodeCommit",
		"referenceUpdated": "pushed to CodeCommit",
		"referenceDeleted": "deleted in CodeCommit",
	}[detail.Event]
	prefix, known := map[string]string{"branch": "refs/heads/", "tag": "refs/tags/"}[detail.ReferenceType]
	if !ok || !known {
		return Key{}, nil
	}
	if len(e.Resources) != 1 {
		return Key{}, fmt.Errorf("%d resources, want the repository", len(e.Resources))
	}
	name, err := resource(e, e.Resources[0], "codecommit")
	if err != nil {
		return Key{}, err
	}
	if !isRepository(name) || name != detail.RepositoryName {
		return Key{}, fmt.Errorf("repository %q of the resource is not %q of the detail", name, detail.RepositoryName)
	}
	ref := prefix + detail.ReferenceName
	if detail.ReferenceName == "" || detail.FullName != "" && detail.FullName != ref {
		return Key{}, fmt.Errorf("%s %q is not the reference %q", detail.ReferenceType, detail.ReferenceName, detail.FullName)
	}
	return Key{
		Kind: KindRepository, RepositoryURL: "codecommit::" + e.Region + "://" + name, Ref: ref,
		Account: e.Account, Region: e.Region, Reason: detail.ReferenceType + " " + reason,
	}, nil
}

// stackDetail is what the events of a stack have in common (CloudFormation user guide,
// "EventBridge event detail reference").
type stackDetail struct {
	StackID       string `json:"stack-id"`
	StatusDetails struct {
		Status    string `json:"status"`
		Detection string `json:"detection-status"`
	} `json:"status-details"`
}

// stack reads "CloudFormation Stack Status Change". Its siblings of single resources have
// another detail type and are not looked at: there are many, and they decide nothing.
func stack(e event) (Key, error) {
	return stackKey(e, func(d stackDetail) string { return "stack is " + d.StatusDetails.Status })
}

// drift reads "CloudFormation Drift Detection Status Change".
func drift(e event) (Key, error) {
	return stackKey(e, func(d stackDetail) string { return "drift detection is " + d.StatusDetails.Detection })
}

func stackKey(e event, reason func(stackDetail) string) (Key, error) {
	var detail stackDetail
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		return Key{}, fmt.Errorf("read detail: %w", err)
	}
	for _, status := range []string{detail.StatusDetails.Status, detail.StatusDetails.Detection} {
		if status != "" && !isStatus(status) {
			return Key{}, errors.New("a status that is none")
		}
	}
	name, err := resource(e, detail.StackID, "cloudformation")
	if err != nil {
		return Key{}, err
	}
	parts := stackResource().FindStringSubmatch(name)
	if parts == nil {
		return Key{}, fmt.Errorf("%q is not the ARN of a stack", detail.StackID)
	}
	return Key{Kind: KindStack, StackARN: detail.StackID, Stack: parts[1], Account: e.Account, Region: e.Region, Reason: reason(detail)}, nil
}

// variable is the one of a build's environment that says whose build it is. StartBuild was
// given it, and the event carries what a build was given (CodeBuild user guide, "Build
// notifications sample", "additional-information").
const variable = "DRIFTLESS_APPLICATION"

// build reads "CodeBuild Build State Change". A build that has only begun changes nothing.
func build(e event) (Key, error) {
	var detail struct {
		Status string `json:"build-status"`
		More   struct {
			Environment struct {
				Variables []struct {
					Name  string `json:"name"`
					Value string `json:"value"`
				} `json:"environment-variables"`
			} `json:"environment"`
		} `json:"additional-information"`
	}
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		return Key{}, fmt.Errorf("read detail: %w", err)
	}
	if !isStatus(detail.Status) {
		return Key{}, errors.New("a status that is none")
	}
	if detail.Status == "IN_PROGRESS" {
		return Key{}, nil
	}
	for _, v := range detail.More.Environment.Variables {
		if v.Name == variable && isApplication(v.Value) {
			return Key{Kind: KindBuild, Application: v.Value, Account: e.Account, Region: e.Region, Reason: "build is " + detail.Status}, nil
		}
	}
	return Key{}, nil // somebody else's build
}

// resource returns the last part of an ARN, arn:partition:service:region:account:resource,
// if it is of that service and of the event's own account and region.
func resource(e event, arn, service string) (string, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !strings.HasPrefix(parts[1], "aws") || parts[2] != service {
		return "", fmt.Errorf("%q is not an ARN of %s", arn, service)
	}
	if parts[3] != e.Region || parts[4] != e.Account {
		return "", fmt.Errorf("%q is not of account %s and region %s, which the event is of", arn, e.Account, e.Region)
	}
	return parts[5], nil
}
