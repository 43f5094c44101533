package lambda

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// operation is one call of Lambda's API. It writes its answer itself, unless it fails.
type operation func(w http.ResponseWriter, r *http.Request) error

// routes is Lambda's REST API. The date in front of a path is the version of the API in
// which the operation appeared, and tells nothing apart here.
func (s *Service) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, do := range map[string]operation{
		"POST /{date}/functions":                              s.createFunction,
		"GET /{date}/functions":                               s.listFunctions,
		"GET /{date}/functions/{name}":                        s.getFunction,
		"DELETE /{date}/functions/{name}":                     s.deleteFunction,
		"GET /{date}/functions/{name}/configuration":          s.getConfiguration,
		"PUT /{date}/functions/{name}/configuration":          s.updateConfiguration,
		"PUT /{date}/functions/{name}/code":                   s.updateCode,
		"GET /{date}/functions/{name}/code-signing-config":    s.getCodeSigning,
		"POST /{date}/functions/{name}/versions":              s.publishVersion,
		"GET /{date}/functions/{name}/versions":               s.listVersions,
		"POST /{date}/functions/{name}/aliases":               s.createAlias,
		"GET /{date}/functions/{name}/aliases":                s.listAliases,
		"GET /{date}/functions/{name}/aliases/{alias}":        s.getAlias,
		"PUT /{date}/functions/{name}/aliases/{alias}":        s.updateAlias,
		"DELETE /{date}/functions/{name}/aliases/{alias}":     s.deleteAlias,
		"POST /{date}/functions/{name}/policy":                s.addPermission,
		"GET /{date}/functions/{name}/policy":                 s.getPolicy,
		"DELETE /{date}/functions/{name}/policy/{id}":         s.removePermission,
		"POST /{date}/functions/{name}/invocations":           s.invocations,
		"POST /{date}/functions/{name}/url":                   s.createFunctionURL,
		"GET /{date}/functions/{name}/url":                    s.getFunctionURL,
		"PUT /{date}/functions/{name}/url":                    s.updateFunctionURL,
		"DELETE /{date}/functions/{name}/url":                 s.deleteFunctionURL,
		"GET /{date}/functions/{name}/urls":                   s.listFunctionURLs,
		"PUT /{date}/functions/{name}/event-invoke-config":    s.putInvokes,
		"POST /{date}/functions/{name}/event-invoke-config":   s.updateInvokes,
		"GET /{date}/functions/{name}/event-invoke-config":    s.getInvokes,
		"DELETE /{date}/functions/{name}/event-invoke-config": s.deleteInvokes,
		"PUT /{date}/functions/{name}/concurrency":            s.putConcurrency,
		"GET /{date}/functions/{name}/concurrency":            s.getConcurrency,
		"DELETE /{date}/functions/{name}/concurrency":         s.deleteConcurrency,
		"POST /{date}/event-source-mappings":                  s.createEventSourceMapping,
		"GET /{date}/event-source-mappings":                   s.listEventSourceMappings,
		"GET /{date}/event-source-mappings/{uuid}":            s.getEventSourceMapping,
		"PUT /{date}/event-source-mappings/{uuid}":            s.updateEventSourceMapping,
		"DELETE /{date}/event-source-mappings/{uuid}":         s.deleteEventSourceMapping,
		"GET /{date}/tags/{arn}":                              s.listTags,
		"POST /{date}/tags/{arn}":                             s.tag,
		"DELETE /{date}/tags/{arn}":                           s.untag,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := do(w, r); err != nil {
				writeError(w, err)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, &wire.Error{Code: "UnknownOperationException", Message: "the sandbox's Lambda does not have " + r.Method + " " + r.URL.Path, Status: http.StatusNotFound})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The SDKs end some paths with a slash and some not.
		r.URL.Path, r.URL.RawPath = strings.TrimSuffix(r.URL.Path, "/"), strings.TrimSuffix(r.URL.RawPath, "/")
		mux.ServeHTTP(w, r)
	})
}

// named is the function that a path names, with the qualifier from name or query.
func named(r *http.Request) reference {
	return parseReference(r.PathValue("name")).or(r.URL.Query().Get("Qualifier"))
}

// decode reads a request's body.
func decode(r *http.Request, into any) error {
	b, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 70<<20)) // a zip of 50 MB as base64
	if err != nil {
		return &wire.Error{Code: "RequestTooLargeException", Message: "Request must be smaller than 70167211 bytes for this operation", Status: http.StatusRequestEntityTooLarge}
	}
	if len(b) == 0 {
		return nil
	}
	if err := json.Unmarshal(b, into); err != nil {
		return invalidJSON()
	}
	return nil
}

func invalidJSON() error {
	return &wire.Error{Code: "InvalidRequestContentException", Message: "Could not parse request body into json"}
}

func reply(w http.ResponseWriter, status int, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Requestid", wire.NewUUID())
	w.WriteHeader(status)
	w.Write(b) //nolint:errcheck // the caller is gone
	return nil
}

// writeError answers in Lambda's form. What is no refusal is our own trouble.
func writeError(w http.ResponseWriter, err error) {
	var refused *wire.Error
	if !errors.As(err, &refused) {
		refused = &wire.Error{Code: "ServiceException", Message: err.Error(), Status: http.StatusInternalServerError}
	}
	status, kind := refused.Status, "User"
	if status == 0 {
		status = http.StatusBadRequest
	}
	if status >= http.StatusInternalServerError {
		kind = "Service"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", refused.Code)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"Type": kind, "Message": refused.Message, "message": refused.Message}) //nolint:errcheck // the caller is gone
}
