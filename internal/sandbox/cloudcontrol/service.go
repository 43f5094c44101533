package cloudcontrol

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// Service is the name that requests are signed for (SDK model, signingName).
const Service = "cloudcontrolapi"

// target is what the X-Amz-Target header begins with (SDK model, targetPrefix).
const target = "CloudApiService."

// maxRequest is more than a request to read one resource takes.
const maxRequest = 64 << 10

// Config is what a Handler needs.
type Config struct {
	// Caller names the account and region that a request belongs to.
	Caller func(*http.Request) (account, region string)
	// Live returns the live properties of a resource; a *wire.Error is answered as it is.
	Live func(ctx context.Context, account, region, kind, identifier string) (map[string]any, error)
}

// New returns the service.
func New(c Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := c.do(r, http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			wire.Refuse(w, err)
			return
		}
		wire.Answer(w, http.StatusOK, out)
	})
}

// do carries out one request.
func (c Config) do(r *http.Request, body io.Reader) (any, error) {
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), target)
	if action != "GetResource" {
		return nil, &wire.Error{Code: "UnsupportedActionException", Message: "The sandbox's Cloud Control does not have the action " + action}
	}
	var in struct{ TypeName, Identifier string }
	if err := json.NewDecoder(body).Decode(&in); err != nil {
		return nil, &wire.Error{Code: "SerializationException", Message: err.Error()}
	}
	if in.TypeName == "" || in.Identifier == "" {
		return nil, &wire.Error{Code: "ValidationException", Message: "1 validation error detected: TypeName and Identifier must not be null"}
	}
	account, region := c.Caller(r)
	live, err := c.Live(r.Context(), account, region, in.TypeName, in.Identifier)
	if err != nil {
		return nil, err
	}
	properties, err := json.Marshal(live)
	if err != nil {
		return nil, err
	}
	return map[string]any{"TypeName": in.TypeName,
		"ResourceDescription": map[string]string{"Identifier": in.Identifier, "Properties": string(properties)}}, nil
}
