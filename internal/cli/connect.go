package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/api"
	"github.com/driftless-gitops/driftless/internal/aws/vault"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// patience is how long one answer of the API may take: as long as a function may run.
const patience = 60 * time.Second

const (
	credentialsHelp = "Driftless uses your AWS credentials as the AWS command line does: log in ('aws sso login', 'aws configure'), " +
		"choose a profile (--profile, AWS_PROFILE), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	installHelp = "To install Driftless there, run 'make deploy' in a clone of https://github.com/driftless-gitops/driftless; " +
		"to try it without an AWS account, 'make demo'"
	rightsHelp = "templates/policies of https://github.com/driftless-gitops/driftless has the rights that a caller needs"
)

// connect finds the API with the caller's AWS credentials.
func connect(ctx context.Context, f *flags) (*client, error) {
	if f.Connect != nil {
		return f.Connect(ctx, f)
	}
	a, err := signIn(ctx, f)
	if err != nil {
		return nil, err
	}
	at, err := a.Find(ctx)
	switch {
	case errors.Is(err, reconcile.ErrNotFound):
		return nil, fmt.Errorf("%w\n%s", err, installHelp)
	case errors.Is(err, reconcile.ErrDenied):
		return nil, fmt.Errorf("%w\n%s", err, rightsHelp)
	case err != nil:
		return nil, err
	}
	return &client{http: &http.Client{Transport: a, Timeout: patience}, at: at, secrets: vault.New(a.AWS, f.Now)}, nil
}

// signIn reads the caller's AWS configuration, and looks for credentials before any call is
// made. The region has to be known unless both addresses are.
func signIn(ctx context.Context, f *flags) (*api.Client, error) {
	o := api.Options{Region: f.region, Profile: f.profile, Now: f.Now, Read: f.Env("DRIFTLESS_API"), Write: f.Env("DRIFTLESS_API_WRITE")}
	a, err := api.New(ctx, o)
	if err == nil && a.AWS.Credentials == nil {
		err = errors.New("no AWS credentials")
	}
	if err != nil {
		return nil, &exitError{ExitCredentials, fmt.Errorf("%w\n%s", err, credentialsHelp)}
	}
	if _, err := a.AWS.Credentials.Retrieve(ctx); err != nil {
		return nil, &exitError{ExitCredentials, fmt.Errorf("no AWS credentials: %w\n%s", err, credentialsHelp)}
	}
	if a.AWS.Region == "" && (o.Read == "" || o.Write == "") {
		return nil, usage(errors.New("no AWS region: pass --region, set AWS_REGION, or give your profile one"))
	}
	return a, nil
}
