package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// service is what function URLs are signed for (Lambda developer guide, "Invoking function
// URLs").
const service = "lambda"

// largestRefusal is how much of a refusal is read.
const largestRefusal = 4 << 10

var _ http.RoundTripper = (*Client)(nil)

// RoundTrip signs a request and sends it. A refusal by AWS, as against one by the API, is
// an ErrDenied that says with which credentials and where the request was made.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := read(r)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	signed, err := c.sign(r, body)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultTransport.RoundTrip(signed)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusForbidden || resp.Header.Get("X-Amzn-Errortype") == "" {
		return resp, nil
	}
	defer resp.Body.Close()
	why, _ := io.ReadAll(io.LimitReader(resp.Body, largestRefusal)) // what cannot be read is left out
	return nil, fmt.Errorf("%s refused %s: %w: %s (a caller needs lambda:InvokeFunctionUrl and lambda:InvokeFunction)",
		r.URL.Host, c.caller(r.Context()), reconcile.ErrDenied, strings.TrimSpace(string(why)))
}

// sign returns the request with its signature. The request itself is left as it is.
func (c *Client) sign(r *http.Request, body []byte) (*http.Request, error) {
	if c.AWS.Credentials == nil {
		return nil, fmt.Errorf("sign request: no AWS credentials: %w", reconcile.ErrDenied)
	}
	credentials, err := c.AWS.Credentials.Retrieve(r.Context())
	if err != nil {
		return nil, fmt.Errorf("sign request: no AWS credentials: %w: %w", reconcile.ErrDenied, err)
	}
	signed := r.Clone(r.Context())
	signed.Body, signed.ContentLength = http.NoBody, int64(len(body))
	if len(body) > 0 {
		signed.Body = io.NopCloser(bytes.NewReader(body))
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	signed.Header.Set("X-Amz-Content-Sha256", hash)
	err = v4.NewSigner().SignHTTP(r.Context(), credentials, signed, hash, service, c.region(r.URL.Hostname()), c.options.Now())
	if err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	return signed, nil
}

// region returns the region that a function URL names, "<id>.lambda-url.<region>.on.aws",
// else the caller's.
func (c *Client) region(host string) string {
	if _, rest, ok := strings.Cut(host, ".lambda-url."); ok {
		region, _, _ := strings.Cut(rest, ".")
		return region
	}
	return c.AWS.Region
}

func read(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}
