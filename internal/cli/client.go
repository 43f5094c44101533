package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/api"
	"github.com/driftless-gitops/driftless/internal/aws/ssm"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// client calls the API of an installation.
type client struct {
	http    *http.Client
	at      api.Addresses
	secrets *ssm.Secrets
}

// connect finds the API with the caller's AWS credentials.
func connect(ctx context.Context, f *flags) (*client, error) {
	if f.Connect != nil {
		return f.Connect(ctx, f)
	}
	a, err := api.New(ctx, api.Options{Region: f.region, Profile: f.profile, Now: f.Now,
		Read: f.Env("DRIFTLESS_API"), Write: f.Env("DRIFTLESS_API_WRITE")})
	if err != nil {
		return nil, err
	}
	at, err := a.Find(ctx)
	if err != nil {
		return nil, err
	}
	return &client{http: &http.Client{Transport: a, Timeout: 30 * time.Second}, at: at, secrets: ssm.New(a.AWS, f.Now)}, nil
}

// get reads from the API.
func (c *client) get(ctx context.Context, path string, into any) error {
	return c.call(ctx, http.MethodGet, c.at.Read, path, nil, into)
}

// post changes something through the API.
func (c *client) post(ctx context.Context, path string, body, into any) error {
	return c.call(ctx, http.MethodPost, c.at.Write, path, body, into)
}

// maxAnswer is what is read of an answer at most: what a function URL can answer.
const maxAnswer = 6 << 20

func (c *client) call(ctx context.Context, method, base, path string, body, into any) error {
	payload := []byte{}
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(base, "/")+path, bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("call %s %s: %w", method, path, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s %s: %w", method, path, err)
	}
	if response.StatusCode != http.StatusOK {
		return refused(response.StatusCode, data)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("decode the answer of %s %s: %w", method, path, err)
	}
	return nil
}

// refused turns an answer that is no result into an error.
func refused(status int, body []byte) error {
	var failure struct {
		Error   string `json:"error"`
		Message string `json:"Message"` // what Lambda itself says
	}
	_ = json.Unmarshal(body, &failure) // what is not JSON is told by its status alone
	switch {
	case failure.Error != "" && status == http.StatusNotFound:
		return fmt.Errorf("%s", failure.Error)
	case failure.Error != "":
		return fmt.Errorf("%s", failure.Error)
	case status == http.StatusForbidden:
		return fmt.Errorf("AWS refused the call (%s): does your principal have lambda:InvokeFunctionUrl and lambda:InvokeFunction "+
			"on the aliases of driftless-api? templates/policies has examples: %w", failure.Message, reconcile.ErrDenied)
	}
	return fmt.Errorf("the API answered %d %s", status, failure.Message)
}

// application reads one application.
func (c *client) application(ctx context.Context, name string) (v gitops.View, err error) {
	return v, c.get(ctx, "/v1/applications/"+name, &v)
}
