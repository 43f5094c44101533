// Package api is the command line's way to an installation: it finds the addresses of the
// installation's API, and signs requests to them with the caller's AWS credentials.
//
// It knows nothing of the API's routes. The two addresses are Lambda function URLs with
// IAM authorisation, one for reading and one for writing, since IAM cannot tell the
// routes of one address apart.
package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// The installation's stack, and its outputs with the addresses.
const (
	Stack       = "Driftless"
	OutputRead  = "ApiUrl"
	OutputWrite = "ApiWriteUrl"

	OutputWebhook = "WebhookUrl"
)

// Options say who calls, and where.
type Options struct {
	Region, Profile string           // empty: as the AWS command line would choose
	Read, Write     string           // addresses that are known (DRIFTLESS_API, DRIFTLESS_API_WRITE)
	Now             func() time.Time // the time of a signature
}

// Addresses are where an installation's API answers.
type Addresses struct {
	Read, Write string
	Webhook     string // where GitHub's pushes go; empty where the addresses were given
}

// Client finds the API and signs requests to it: it is an http.RoundTripper.
type Client struct {
	AWS     aws.Config // the caller's
	options Options
}

// New reads the caller's AWS configuration.
func New(ctx context.Context, o Options) (*Client, error) {
	// The SDK warns on standard error of what it tried on the way; what came of it is an error.
	with := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if o.Region != "" {
		with = append(with, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		with = append(with, config.WithSharedConfigProfile(o.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, with...)
	if err != nil {
		return nil, fmt.Errorf("read AWS configuration: %w", err)
	}
	return &Client{AWS: cfg, options: o}, nil
}

// Find returns the installation's addresses: those of the options, else the outputs of the
// stack Driftless. ErrNotFound where there is no installation, ErrDenied where the caller
// may not look; both say with which credentials and where it was looked.
func (c *Client) Find(ctx context.Context) (Addresses, error) {
	found := Addresses{Read: c.options.Read, Write: c.options.Write}
	if found.Read != "" && found.Write != "" {
		return found, nil
	}
	if c.AWS.Region == "" {
		return found, fmt.Errorf("no AWS region: set AWS_REGION or pass --region: %w", reconcile.ErrNotFound)
	}
	out, err := cloudformation.NewFromConfig(c.AWS).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(Stack)})
	if err != nil {
		return found, c.explain(ctx, err)
	}
	for _, s := range out.Stacks {
		for _, o := range s.Outputs {
			switch key, value := aws.ToString(o.OutputKey), aws.ToString(o.OutputValue); {
			case key == OutputRead && found.Read == "":
				found.Read = value
			case key == OutputWrite && found.Write == "":
				found.Write = value
			case key == OutputWebhook:
				found.Webhook = value
			}
		}
	}
	if found.Read == "" || found.Write == "" {
		return found, fmt.Errorf("stack %s in %s has no outputs %s and %s: %w", Stack, c.AWS.Region, OutputRead, OutputWrite, reconcile.ErrNotFound)
	}
	return found, nil
}

// explain says why the stack could not be looked at. CloudFormation answers a stack that
// does not exist with a ValidationError (DescribeStacks, API reference).
func (c *Client) explain(ctx context.Context, err error) error {
	var apiErr smithy.APIError
	if !errors.As(err, &apiErr) {
		return fmt.Errorf("look for stack %s in %s: %w", Stack, c.AWS.Region, err)
	}
	switch code := apiErr.ErrorCode(); {
	case code == "ValidationError" && strings.Contains(apiErr.ErrorMessage(), "does not exist"):
		return fmt.Errorf("no stack %s for %s: is Driftless installed in another region or account? "+
			"(--region, --profile, or DRIFTLESS_API and DRIFTLESS_API_WRITE): %w", Stack, c.caller(ctx), reconcile.ErrNotFound)
	case strings.HasPrefix(code, "AccessDenied"), code == "InvalidClientTokenId", code == "UnrecognizedClientException",
		code == "ExpiredToken", code == "SignatureDoesNotMatch":
		return fmt.Errorf("look for stack %s for %s: %w: %s", Stack, c.caller(ctx), reconcile.ErrDenied, apiErr.ErrorMessage())
	}
	return fmt.Errorf("look for stack %s in %s: %w", Stack, c.AWS.Region, err)
}

// caller says with which credentials and where requests are made. An access key's id is no
// secret.
func (c *Client) caller(ctx context.Context) string {
	where := "region " + c.AWS.Region
	if c.AWS.Region == "" {
		where = "no region"
	}
	if c.options.Profile != "" {
		where += ", profile " + c.options.Profile
	}
	if c.AWS.Credentials == nil {
		return "no credentials, " + where
	}
	credentials, err := c.AWS.Credentials.Retrieve(ctx)
	if err != nil {
		return "no credentials, " + where
	}
	return fmt.Sprintf("access key %s (%s), %s", credentials.AccessKeyID, credentials.Source, where)
}
