package api

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Toolkit is the stack that "cdk bootstrap" makes: without it the CDK cannot deploy what
// has assets (CDK developer guide, "Bootstrapping").
const Toolkit = "CDKToolkit"

// Place is an account and a region.
type Place struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

// Bootstrapped says where the caller's credentials would install, and whether the CDK can
// deploy there. ErrDenied where there are no credentials, or refused ones.
func (c *Client) Bootstrapped(ctx context.Context) (Place, bool, error) {
	at := Place{Region: c.AWS.Region}
	if at.Region == "" {
		return at, false, fmt.Errorf("no AWS region: set AWS_REGION or pass --region: %w", reconcile.ErrDenied)
	}
	who, err := sts.NewFromConfig(c.AWS).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return at, false, fmt.Errorf("find out whose credentials these are (%s): %w: %w", c.caller(ctx), reconcile.ErrDenied, err)
	}
	at.Account = aws.ToString(who.Account)
	_, err = cloudformation.NewFromConfig(c.AWS).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(Toolkit)})
	var apiErr smithy.APIError
	if errors.As(err, &apiErr) && apiErr.ErrorCode() == "ValidationError" && strings.Contains(apiErr.ErrorMessage(), "does not exist") {
		return at, false, nil
	}
	if err != nil {
		return at, false, fmt.Errorf("look for stack %s: %w", Toolkit, err)
	}
	return at, true, nil
}
