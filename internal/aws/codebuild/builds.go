package codebuild

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Build is what CodeBuild says of one.
type Build struct {
	ID     string `json:"id"`
	Status Status `json:"buildStatus"`
	Phase  string `json:"currentPhase"`
	// Complete says that the build has ended, whatever its status (Build, API reference,
	// "buildComplete"): one that is being stopped may have a status and still clean up.
	Complete bool `json:"buildComplete"`
	Phases   []struct {
		Type     string `json:"phaseType"`
		Status   string `json:"phaseStatus"`
		Contexts []struct {
			Message string `json:"message"`
		} `json:"contexts"`
	} `json:"phases"`
	Started float64 `json:"startTime"` // seconds since 1970
}

// Status is a build's status (Build, API reference, "buildStatus").
type Status string

// The statuses.
const (
	StatusSucceeded  Status = "SUCCEEDED"
	StatusFailed     Status = "FAILED"
	StatusFault      Status = "FAULT"
	StatusTimedOut   Status = "TIMED_OUT"
	StatusInProgress Status = "IN_PROGRESS"
	StatusStopped    Status = "STOPPED"
	StatusUnknown    Status = "" // CodeBuild knows no such build: it keeps them for a year
)

// over reports whether the build is proven to run no more. A status that is not known here is
// none that proves it.
func (b Build) over() bool {
	switch b.Status {
	case StatusUnknown:
		return true
	case StatusSucceeded, StatusFailed, StatusFault, StatusTimedOut, StatusStopped:
		return b.Complete
	case StatusInProgress:
		return false
	}
	return false
}

// queued reports whether the build waits for its turn, or waited in vain.
func (b Build) queued() bool {
	if b.Phase == "SUBMITTED" || b.Phase == "QUEUED" {
		return true
	}
	for _, p := range b.Phases {
		if p.Type == "QUEUED" && p.Status == "TIMED_OUT" {
			return true
		}
	}
	return false
}

// end says how the build ended, with the first cause that CodeBuild tells.
func (b Build) end() string {
	if b.Status == StatusUnknown {
		return fmt.Sprintf("build %s is not known to CodeBuild", b.ID)
	}
	text := fmt.Sprintf("build %s ended %s", b.ID, b.Status)
	for _, p := range b.Phases {
		if p.Status == "" || p.Status == "SUCCEEDED" {
			continue
		}
		text += " in " + p.Type
		for _, c := range p.Contexts {
			if c.Message != "" {
				return text + ": " + gitops.Printable(c.Message)
			}
		}
		return text
	}
	return text
}

// Builds is CodeBuild.
type Builds interface {
	// Start starts a build of a project with variables, under an idempotency token, and returns
	// its id. *gitops.Busy: there is no room for it. reconcile.ErrDenied.
	Start(ctx context.Context, project, token string, variables map[string]string) (id string, err error)
	// Build returns a build; of one that is not there, its id alone.
	Build(ctx context.Context, id string) (Build, error)
	// Stop stops a build; one that is over stays as it is.
	Stop(ctx context.Context, id string) error
}

// Client is Builds, by CodeBuild's API.
type Client struct {
	api    *jsonrpc.Client
	region string
}

var _ Builds = (*Client)(nil)

// NewClient returns the builds of a region.
func NewClient(api *jsonrpc.Client, region string) *Client { return &Client{api, region} }

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Type  string `json:"type"`
}

// Start implements Builds. It sends the project, the token and the variables, and overrides
// nothing.
func (c *Client) Start(ctx context.Context, project, token string, variables map[string]string) (string, error) {
	in := struct {
		Project   string     `json:"projectName"`
		Token     string     `json:"idempotencyToken"`
		Variables []variable `json:"environmentVariablesOverride"`
	}{Project: project, Token: token}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		in.Variables = append(in.Variables, variable{name, variables[name], "PLAINTEXT"})
	}
	var out struct {
		Build Build `json:"build"`
	}
	if err := c.api.Call(ctx, c.region, "StartBuild", in, &out); err != nil {
		return "", translate("start a build of "+project, err)
	}
	if out.Build.ID == "" {
		return "", fmt.Errorf("start a build of %s: the answer has no id", project)
	}
	return out.Build.ID, nil
}

// Build implements Builds.
func (c *Client) Build(ctx context.Context, id string) (Build, error) {
	var out struct {
		Builds []Build `json:"builds"`
	}
	if err := c.api.Call(ctx, c.region, "BatchGetBuilds", map[string][]string{"ids": {id}}, &out); err != nil {
		return Build{}, translate("read build "+id, err)
	}
	for _, b := range out.Builds {
		if b.ID == id {
			return b, nil
		}
	}
	return Build{ID: id}, nil
}

// Stop implements Builds.
func (c *Client) Stop(ctx context.Context, id string) error {
	var out struct{}
	return translate("stop build "+id, c.api.Call(ctx, c.region, "StopBuild", map[string]string{"id": id}, &out))
}

// translate says what an error of CodeBuild means; what is left is transient, or unknown. The
// codes are those of StartBuild, BatchGetBuilds and StopBuild (API reference).
func translate(doing string, err error) error {
	if err == nil {
		return nil
	}
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch answer.ErrorCode() {
	case "AccountLimitExceededException":
		return &gitops.Busy{Reason: "CodeBuild has no room: " + gitops.Printable(answer.ErrorMessage())}
	case "AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired", "ResourceNotFoundException":
		return fmt.Errorf("%s: %w: %s", doing, reconcile.ErrDenied, answer.ErrorMessage())
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// at returns the time of a number of seconds since 1970.
func at(seconds float64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC()
}
