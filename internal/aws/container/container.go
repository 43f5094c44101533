// Package container has the credentials of the role that a container runs with, as in a build
// of CodeBuild, from where its environment says that they are had.
//
// It reads no profile: the environment that it runs in may name one of somebody else's role.
package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
)

// host answers for the relative form of the address ("Container credential provider", AWS SDKs
// and Tools Reference Guide).
const host = "http://169.254.170.2"

// Config returns a configuration whose clients act as the container's role; lookup reads a
// variable of the environment.
func Config(lookup func(string) (string, bool)) (aws.Config, error) {
	provider, err := provider(lookup)
	if err != nil {
		return aws.Config{}, err
	}
	region, _ := lookup("AWS_REGION")
	if region == "" {
		return aws.Config{}, errors.New("AWS_REGION is missing")
	}
	cfg := aws.Config{
		Region:                     region,
		Credentials:                aws.NewCredentialsCache(provider),
		RetryMode:                  aws.RetryModeAdaptive,
		RetryMaxAttempts:           5, // a build that gives up loses minutes of work
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	if endpoint, _ := lookup("AWS_ENDPOINT_URL"); endpoint != "" {
		cfg.BaseEndpoint = &endpoint
	}
	return cfg, nil
}

// Print writes the credentials as a process does that a profile names as its source
// ("Process credential provider", AWS SDKs and Tools Reference Guide).
func Print(ctx context.Context, lookup func(string) (string, bool), out io.Writer) error {
	p, err := provider(lookup)
	if err != nil {
		return err
	}
	c, err := p.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("retrieve the container's credentials: %w", err)
	}
	said := map[string]any{"Version": 1, "AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "SessionToken": c.SessionToken}
	if c.CanExpire {
		said["Expiration"] = c.Expires.UTC().Format(time.RFC3339)
	}
	if err := json.NewEncoder(out).Encode(said); err != nil {
		return fmt.Errorf("print credentials: %w", err)
	}
	return nil
}

// provider asks where the environment says.
func provider(lookup func(string) (string, bool)) (aws.CredentialsProvider, error) {
	address, _ := lookup("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if relative, _ := lookup("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); relative != "" {
		address = host + relative
	}
	if address == "" {
		return nil, errors.New("neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set: this program runs in a build")
	}
	token, _ := lookup("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	if file, _ := lookup("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the token for the container's credentials: %w", err)
		}
		token = strings.TrimSpace(string(data))
	}
	return endpointcreds.New(address, func(o *endpointcreds.Options) { o.AuthorizationToken = token }), nil
}
