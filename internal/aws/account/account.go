// Package account goes into target accounts: it assumes the deploy or the drift role of a
// target, under the installation's ExternalId.
//
// The installation's list of targets is held to here, whatever a repository asks for. A
// session is named after its application, so that CloudTrail tells whose call it was, and
// is used again until it is about to end.
package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const (
	// longestSession is the longest RoleSessionName (AssumeRole, API reference).
	longestSession = 64
	// expiryWindow is how long before its end a session is no longer used: longer than a
	// step takes.
	expiryWindow = 2 * time.Minute
)

// Target is where the installation may go, and with which roles.
type Target struct {
	Account    string   `json:"account"`
	Regions    []string `json:"regions"` // empty: every region
	DeployRole string   `json:"deployRole"`
	DriftRole  string   `json:"driftRole"`
	ExecRole   string   `json:"execRole"` // what CloudFormation assumes
	// PlanRole and ApplyRole are what Terraform's providers assume, in a build; empty: those that
	// templates/target-role.yaml makes.
	PlanRole  string `json:"planRole,omitempty"`
	ApplyRole string `json:"applyRole,omitempty"`
	// Artefacts are the regions that have an artefact bucket, by the name that
	// templates/target-events.yaml gives it.
	Artefacts []string `json:"artefacts"`
}

// Role says what an account is entered for.
type Role string

// The roles of a target.
const (
	RoleDeploy Role = "deploy"
	RoleDrift  Role = "drift"
)

// Accounts is the accounts that the installation may go to. It is safe for concurrent use.
type Accounts struct {
	base       aws.Config
	client     *sts.Client
	externalID string
	targets    []Target

	mu       sync.Mutex
	sessions map[session]aws.CredentialsProvider
}

type session struct{ role, name string }

// New returns the accounts of the targets, entered from cfg.
func New(cfg aws.Config, externalID string, targets []Target) *Accounts {
	return &Accounts{
		base:       cfg,
		client:     sts.NewFromConfig(cfg),
		externalID: externalID,
		targets:    targets,
		sessions:   map[session]aws.CredentialsProvider{},
	}
}

// Deploy returns the region and the deploy role's credentials for a work's target.
func (a *Accounts) Deploy(ctx context.Context, w reconcile.Work) (aws.Config, error) {
	return a.Config(ctx, w.Application, w.Settings.Target, RoleDeploy)
}

// Drift returns the region and the drift role's credentials for a work's target.
func (a *Accounts) Drift(ctx context.Context, w reconcile.Work) (aws.Config, error) {
	return a.Config(ctx, w.Application, w.Settings.Target, RoleDrift)
}

// Exec returns the role that CloudFormation assumes in a work's target, or "" where the
// target is not allowed or has none.
func (a *Accounts) Exec(w reconcile.Work) string {
	t, err := a.target(w.Settings.Target)
	if err != nil {
		return ""
	}
	return t.ExecRole
}

// Build returns what the providers of a work, or the CDK, enter its target with, in a build of a side.
// ErrDenied, with what is allowed, when the installation may not go there.
func (a *Accounts) Build(w reconcile.Work, side build.Side) (build.Access, error) {
	to := w.Settings.Target
	t, err := a.target(to)
	if err != nil {
		return build.Access{}, err
	}
	role, given := "driftless-terraform-plan", t.PlanRole
	if side == build.SideApply {
		role, given = "driftless-terraform-apply", t.ApplyRole
	}
	if w.Settings.CDK != nil {
		role, given = "driftless-cdk", ""
	}
	if given == "" {
		prefix, _, _ := strings.Cut(t.DeployRole, ":role/")
		given = prefix + ":role/" + role
	}
	return build.Access{Region: to.Region, Role: given, ExternalID: a.externalID}, nil
}

// Bucket returns the artefact bucket of a work's target: what CloudFormation and Lambda read
// templates and code from, which for Lambda must lie in the function's own region
// (CreateFunction, API reference, FunctionCode). "" where the installation knows of none.
func (a *Accounts) Bucket(w reconcile.Work) string {
	to := w.Settings.Target
	t, err := a.target(to)
	if err != nil || !slices.Contains(t.Artefacts, to.Region) {
		return ""
	}
	return "driftless-artefacts-" + to.Account + "-" + to.Region
}

// Config returns the target's region and credentials of the role there. ErrDenied, with
// what is allowed, when the installation may not go there, and when the role cannot be
// assumed.
func (a *Accounts) Config(ctx context.Context, application string, to gitops.Target, r Role) (aws.Config, error) {
	t, err := a.target(to)
	if err != nil {
		return aws.Config{}, err
	}
	role := t.DeployRole
	if r == RoleDrift {
		role = t.DriftRole
	}
	if role == "" {
		return aws.Config{}, fmt.Errorf("target %s has no %s role: %w", to.Account, r, reconcile.ErrDenied)
	}
	provider := a.session(application, role)
	if _, err := provider.Retrieve(ctx); err != nil { // here, so that it is not taken for CloudFormation's refusal
		return aws.Config{}, fmt.Errorf("assume role %s: %w", role, translate(err))
	}
	cfg := a.base.Copy()
	cfg.Region = to.Region
	cfg.Credentials = provider
	return cfg, nil
}

// target returns the installation's target for what an application asks for. A role that
// is asked for by name has to be that target's deploy role; without a region, as where a
// repository is narrowed to an account, the account decides.
func (a *Accounts) target(to gitops.Target) (Target, error) {
	for _, t := range a.targets {
		if t.Account != to.Account || to.Role != "" && to.Role != t.DeployRole {
			continue
		}
		if len(t.Regions) == 0 || to.Region == "" || slices.Contains(t.Regions, to.Region) {
			return t, nil
		}
	}
	asked := to.Account + " " + to.Region
	if to.Role != "" {
		asked += " as " + to.Role
	}
	return Target{}, fmt.Errorf("target %s is not among this installation's targets, which are %s: %w", asked, a.allowed(), reconcile.ErrDenied)
}

// allowed returns the targets in one line.
func (a *Accounts) allowed() string {
	var all []string
	for _, t := range a.targets {
		regions := "every region"
		if len(t.Regions) > 0 {
			regions = strings.Join(t.Regions, " ")
		}
		all = append(all, fmt.Sprintf("%s (%s) as %s", t.Account, regions, t.DeployRole))
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// session returns the credentials of a role in an application's name.
func (a *Accounts) session(application, role string) aws.CredentialsProvider {
	name := "driftless-" + application
	name = name[:min(len(name), longestSession)]
	a.mu.Lock()
	defer a.mu.Unlock()
	key := session{role, name}
	if p, ok := a.sessions[key]; ok {
		return p
	}
	p := aws.NewCredentialsCache(
		stscreds.NewAssumeRoleProvider(a.client, role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = name
			if a.externalID != "" {
				o.ExternalID = &a.externalID
			}
		}),
		func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = expiryWindow },
	)
	a.sessions[key] = p
	return p
}

// translate turns what STS says into reconcile's errors; the rest is transient. The
// ExternalId itself is never told.
func translate(err error) error {
	var apiErr smithy.APIError
	if !errors.As(err, &apiErr) {
		return err
	}
	switch apiErr.ErrorCode() {
	case "AccessDenied", "AccessDeniedException":
		return fmt.Errorf("%w: does its trust policy name Driftless's reconciler role and this installation's ExternalId "+
			"(output ExternalId of the stack Driftless)? %s", reconcile.ErrDenied, apiErr.ErrorMessage())
	case "RegionDisabledException", "InvalidClientTokenId", "UnrecognizedClientException", "ExpiredToken", "ExpiredTokenException":
		return fmt.Errorf("%w: %w", reconcile.ErrDenied, err)
	}
	return err
}

// Allowed returns why an application may not go to a target, nil when it may.
func (a *Accounts) Allowed(to gitops.Target) error {
	_, err := a.target(to)
	return err
}
