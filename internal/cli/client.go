package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/aws/api"
	"github.com/driftless-gitops/driftless/internal/config/nearest"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/secret"
)

// client calls the API of an installation.
type client struct {
	http    *http.Client
	at      api.Addresses
	secrets secrets
}

// secrets is where the caller's rights may read and write secrets, by reference.
type secrets interface {
	// Read returns what is kept under a reference; reconcile.ErrNotFound.
	Read(ctx context.Context, reference string) (secret.Secret, error)
	// Put keeps a value under a reference, in place of what is there.
	Put(ctx context.Context, reference string, value secret.Secret) error
}

// refusal is an answer of the API that is no result.
type refusal struct {
	status int
	text   string
	denied bool // by AWS, not by the API
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() error {
	switch {
	case r.denied:
		return reconcile.ErrDenied
	case r.status == http.StatusNotFound:
		return reconcile.ErrNotFound
	}
	return nil
}

// final reports whether asking again would be answered the same.
func (r *refusal) final() bool { return r.status < 500 && r.status != http.StatusTooManyRequests }

// get reads from the API.
func (c *client) get(ctx context.Context, path string, into any) error {
	return c.call(ctx, http.MethodGet, c.at.Read, path, nil, into)
}

// post changes something through the API.
func (c *client) post(ctx context.Context, path string, body, into any) error {
	return c.call(ctx, http.MethodPost, c.at.Write, path, body, into)
}

// getOf reads what belongs to one application.
func (c *client) getOf(ctx context.Context, app, what string, into any) error {
	return c.explain(ctx, app, c.get(ctx, "/v1/applications/"+app+what, into))
}

// postOf changes one application.
func (c *client) postOf(ctx context.Context, app, verb string, body, into any) error {
	return c.explain(ctx, app, c.post(ctx, "/v1/applications/"+app+"/"+verb, body, into))
}

// maxListed is how many names a message lists.
const maxListed = 10

// explain says which applications there are where there is none of the name.
func (c *client) explain(ctx context.Context, app string, err error) error {
	if !errors.Is(err, reconcile.ErrNotFound) {
		return err
	}
	var views []gitops.View
	if listing := c.get(ctx, "/v1/applications", &views); listing != nil {
		return err
	}
	var names []string
	for _, v := range views {
		names = append(names, v.Application.ID)
	}
	near := nearest.Of(app, names)
	switch {
	case slices.Contains(names, app):
		return err
	case near != "":
		return fmt.Errorf("there is no application %q; did you mean %q?", app, near)
	case len(names) == 0:
		return fmt.Errorf("there is no application %q; there is none at all yet: 'driftless repository add URL' watches a repository", app)
	case len(names) > maxListed:
		names = append(names[:maxListed], fmt.Sprintf("and %d more", len(names)-maxListed))
	}
	return fmt.Errorf("there is no application %q; there are: %s", app, strings.Join(names, ", "))
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
	defer func() { _ = response.Body.Close() }() // it was read
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s %s: %w", method, path, err)
	}
	if response.StatusCode != http.StatusOK {
		return refused(response.StatusCode, data)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("decode the answer of %s %s%s: %w", method, base, path, err)
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
	case failure.Error != "":
		return &refusal{status: status, text: failure.Error}
	case status == http.StatusForbidden:
		return &refusal{status: status, denied: true, text: fmt.Sprintf("AWS refused the call (%s): your principal needs "+
			"lambda:InvokeFunctionUrl and lambda:InvokeFunction on the aliases of the function driftless-api\n%s", failure.Message, rightsHelp)}
	case status == http.StatusTooManyRequests:
		return &refusal{status: status, text: "the function driftless-api is throttled: try again in a moment"}
	}
	return &refusal{status: status, text: strings.TrimSpace(fmt.Sprintf("the API answered %d %s %s", status, http.StatusText(status), failure.Message))}
}

// application reads one application.
func (c *client) application(ctx context.Context, name string) (v gitops.View, err error) {
	return v, c.getOf(ctx, name, "", &v)
}
