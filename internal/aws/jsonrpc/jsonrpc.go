// Package jsonrpc calls AWS's services of the JSON protocols of which Driftless uses one call
// or three: CodeCommit, CodeBuild and CloudWatch. The SDK's clients of those bring the shapes of
// hundreds of calls, which every start of the reconciler would read and every idle one hold:
// a megabyte for each. Signing, retries, rates and errors are the SDK's own here too.
package jsonrpc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// largest is how many bytes are read of an answer.
const largest = 10 << 20

// Service is what is called: the name that its addresses and signatures have, what its
// operations' names follow in the header X-Amz-Target, and the protocol's version.
type Service struct{ Name, Target, Version string }

// The services, as their models in botocore have them (endpointPrefix, targetPrefix, jsonVersion).
var (
	CodeCommit = Service{"codecommit", "CodeCommit_20150413", "1.1"}
	CodeBuild  = Service{"codebuild", "CodeBuild_20161006", "1.1"}
	CloudWatch = Service{"monitoring", "GraniteServiceVersion20100801", "1.0"}
)

// Client calls one service. It is safe for concurrent use.
type Client struct {
	cfg     aws.Config
	service Service
	now     func() time.Time
	http    aws.HTTPClient
	retryer aws.RetryerV2
	signer  *v4.Signer
}

// New returns a client that calls with cfg's credentials, at cfg's endpoint where it has one.
// now is the time that signatures carry.
func New(cfg aws.Config, s Service, now func() time.Time) *Client {
	c := &Client{cfg: cfg, service: s, now: now, http: cfg.HTTPClient, signer: v4.NewSigner()}
	if c.http == nil {
		c.http = awshttp.NewBuildableClient()
	}
	if cfg.Retryer != nil {
		c.retryer, _ = cfg.Retryer().(aws.RetryerV2)
	}
	if c.retryer == nil {
		c.retryer = retry.NewAdaptiveMode()
	}
	return c
}

// Call makes an operation in a region, and decodes its answer into out. What AWS refuses is a
// smithy.APIError, as with the SDK's clients; what may pass is tried again as often as the
// configuration says.
func (c *Client) Call(ctx context.Context, region, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode %s: %w", operation, err)
	}
	for attempt := 1; ; attempt++ {
		release, err := c.retryer.GetAttemptToken(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", operation, err)
		}
		err = c.once(ctx, region, operation, body, out)
		_ = release(err) // of an adaptive retryer it only counts
		if err == nil {
			return nil
		}
		if attempt >= c.retryer.MaxAttempts() || ctx.Err() != nil || !c.retryer.IsErrorRetryable(err) {
			return err
		}
		if _, full := c.retryer.GetRetryToken(ctx, err); full != nil {
			return err // too many calls failed lately
		}
		delay, limit := c.retryer.RetryDelay(attempt, err)
		if limit != nil || pause(ctx, delay) != nil {
			return err
		}
	}
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// once makes one request.
func (c *Client) once(ctx context.Context, region, operation string, body []byte, out any) error {
	r, err := c.request(ctx, region, operation, body)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, &smithyhttp.RequestSendError{Err: err})
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, largest))
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", operation, &smithyhttp.RequestSendError{Err: err})
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %w", operation, refusal(response, answer))
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decode answer of %s: %w", operation, err)
	}
	return nil
}

// request returns the signed request.
func (c *Client) request(ctx context.Context, region, operation string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, Endpoint(c.cfg, c.service.Name, region)+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-"+c.service.Version)
	r.Header.Set("X-Amz-Target", c.service.Target+"."+operation)
	return r, Sign(ctx, c.signer, c.cfg, r, body, c.service.Name, region, c.now())
}

// Sign signs a request to a service in a region with cfg's credentials. A signer that is kept
// derives a day's key once.
func Sign(ctx context.Context, signer *v4.Signer, cfg aws.Config, r *http.Request, body []byte, service, region string, now time.Time) error {
	if cfg.Credentials == nil {
		return errors.New("no AWS credentials")
	}
	keys, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("retrieve AWS credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	return signer.SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), service, region, now)
}

// Endpoint returns where a service is called in a region, without a slash at its end: at cfg's
// endpoint where it has one.
func Endpoint(cfg aws.Config, service, region string) string {
	if cfg.BaseEndpoint != nil {
		return strings.TrimSuffix(*cfg.BaseEndpoint, "/")
	}
	return "https://" + service + "." + region + "." + suffix(region)
}

// suffix returns the domain of a region's partition (AWS General Reference, "Service
// endpoints"; the SDK's partitions.json).
func suffix(region string) string {
	for prefix, domain := range map[string]string{"cn-": "amazonaws.com.cn", "eusc-": "amazonaws.eu", "us-iso-": "c2s.ic.gov", "us-isob-": "sc2s.sgov.gov"} {
		if strings.HasPrefix(region, prefix) {
			return domain
		}
	}
	return "amazonaws.com"
}

// refusal returns what an answer that is no success says, in the protocol's form: the error's
// code in a header or in __type, after a namespace and before a colon (Smithy, "AWS JSON 1.1
// protocol", "Operation error serialization").
func refusal(r *http.Response, answer []byte) error {
	var said struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"`
		Capital string `json:"Message"` // as some services write it; encoding/json takes either for either
	}
	_ = json.Unmarshal(answer, &said) // a proxy's page has no code
	code := r.Header.Get("X-Amzn-Errortype")
	for _, other := range []string{said.Type, said.Code} {
		if code == "" {
			code = other
		}
	}
	code, _, _ = strings.Cut(code, ":")
	code = code[strings.LastIndexByte(code, '#')+1:]
	if code == "" {
		code = "UnknownError"
	}
	fault := smithy.FaultClient
	if r.StatusCode >= http.StatusInternalServerError {
		fault = smithy.FaultServer
	}
	return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: r},
		Err: &smithy.GenericAPIError{Code: code, Message: said.Message + said.Capital, Fault: fault}}
}
