package lambda

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/bootstrap"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// invocations is Lambda's Invoke.
func (s *Service) invocations(w http.ResponseWriter, r *http.Request) error {
	ref := named(r)
	body, err := io.ReadAll(io.LimitReader(r.Body, bootstrap.MaxPayload+1))
	if err != nil {
		return invalid("read payload: %v", err)
	}
	if len(body) > 0 && !json.Valid(body) {
		return invalidJSON()
	}
	_, config, err := s.find(ref)
	if err != nil {
		return err
	}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
		return s.synchronous(w, r, ref, config, body)
	case "Event":
		if len(body) > asyncLimit {
			return tooLarge(len(body), asyncLimit)
		}
		if err := runnable(config); err != nil {
			return err
		}
		s.InvokeAsync(r.Context(), s.arn(ref.name, ref.qualifier), body)
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		return invalid("1 validation error detected: Value '%s' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]", kind)
	}
	return nil
}

func (s *Service) synchronous(w http.ResponseWriter, r *http.Request, ref reference, c configuration, body []byte) error {
	id := wire.NewUUID()
	result, err := s.run(r.Context(), call{ref: ref, id: id, payload: body, clientContext: clientContext(r)})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amzn-Requestid", id)
	h.Set("X-Amz-Executed-Version", c.Version)
	if result.Failed {
		h.Set("X-Amz-Function-Error", "Unhandled")
	}
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(result.Log))
	}
	w.Write(result.Payload) //nolint:errcheck // the caller is gone
	return nil
}

// clientContext arrives as base64 and is handed on as JSON.
func clientContext(r *http.Request) string {
	b, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Amz-Client-Context"))
	if err != nil {
		return ""
	}
	return string(b)
}
