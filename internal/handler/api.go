package handler

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// API answers the command line and the dashboard. Two aliases of one function, "read" and
// "write", have an IAM-signed URL each, since IAM cannot tell the routes of one URL apart:
// a route that changes something is refused on any alias but "write".
type API struct {
	Operator *reconcile.Operator
	Store    reconcile.Store
	Log      *slog.Logger
}

// maxHistory is how many deployments one answer holds at most.
const maxHistory = 100

// call is one request, decoded.
type call struct {
	by    string // ARN of the caller, as IAM authenticated it
	id    string // the path's {id}
	query url.Values
	body  []byte
}

// route is one entry of the table of routes.
type route struct {
	method, path string
	writes       bool
	handle       func(a *API, ctx context.Context, c call) (any, error)
}

// routes is every route there is. All need credentials: the URLs are IAM-signed.
var routes = []route{
	{"GET", "/v1/applications", false, (*API).applications},
	{"GET", "/v1/applications/{id}", false, (*API).application},
	{"GET", "/v1/applications/{id}/deployments", false, (*API).deployments},
	{"GET", "/v1/applications/{id}/diff", false, (*API).diff},
	{"GET", "/v1/applications/{id}/drift", false, (*API).drift},
	{"GET", "/v1/applications/{id}/log", false, (*API).log},
	{"GET", "/v1/repositories", false, (*API).repositories},
	{"POST", "/v1/applications/{id}/sync", true, (*API).sync},
	{"POST", "/v1/applications/{id}/drift", true, (*API).detect},
	{"POST", "/v1/applications/{id}/heal", true, (*API).heal},
	{"POST", "/v1/applications/{id}/rollback", true, (*API).rollback},
	{"POST", "/v1/applications/{id}/recover", true, (*API).recover},
	{"POST", "/v1/applications/{id}/approve", true, (*API).approve},
	{"POST", "/v1/applications/{id}/reject", true, (*API).reject},
	{"POST", "/v1/applications/{id}/suspend", true, (*API).suspend},
	{"POST", "/v1/applications/{id}/resume", true, (*API).resume},
	{"POST", "/v1/repositories", true, (*API).addRepository},
	{"DELETE", "/v1/repositories/{id}", true, (*API).removeRepository},
}

// Handle answers one request of a function URL.
func (a *API) Handle(ctx context.Context, r events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
	c := call{by: caller(r), query: url.Values{}}
	for k, v := range r.QueryStringParameters {
		c.query.Set(k, v)
	}
	var err error
	if c.body, err = body(r); err != nil {
		return answer(http.StatusBadRequest, failure{err.Error()}), nil
	}
	method, path := r.RequestContext.HTTP.Method, r.RawPath
	found, id, ok := match(method, path)
	switch {
	case c.by == "":
		return answer(http.StatusForbidden, failure{"the request carries no IAM identity"}), nil
	case !ok:
		return answer(http.StatusNotFound, failure{"there is no route " + method + " " + path}), nil
	case found.writes && !writable(ctx):
		return answer(http.StatusForbidden, failure{method + " " + path + " changes something: use the address ApiWriteUrl"}), nil
	}
	c.id = id
	result, err := found.handle(a, ctx, c)
	if err != nil {
		return a.refuse(found, err), nil
	}
	return answer(http.StatusOK, result), nil
}

// match finds the route of a method and a path, and the path's id.
func match(method, path string) (route, string, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for _, r := range routes {
		want := strings.Split(strings.Trim(r.path, "/"), "/")
		if r.method != method || len(want) != len(parts) {
			continue
		}
		id, ok := "", true
		for i, w := range want {
			if w == "{id}" {
				id = parts[i]
			} else if w != parts[i] {
				ok = false
			}
		}
		if ok {
			return r, id, true
		}
	}
	return route{}, "", false
}

// writable reports whether the function was reached through its alias "write". The alias
// is the last part of the ARN it was invoked by.
func writable(ctx context.Context) bool {
	lc, ok := lambdacontext.FromContext(ctx)
	return ok && strings.HasSuffix(lc.InvokedFunctionArn, ":write")
}

// caller returns the ARN that IAM authenticated.
func caller(r events.LambdaFunctionURLRequest) string {
	if r.RequestContext.Authorizer == nil || r.RequestContext.Authorizer.IAM == nil {
		return ""
	}
	return r.RequestContext.Authorizer.IAM.UserARN
}

// body returns the bytes that were sent: a function URL encodes what it takes for binary.
func body(r events.LambdaFunctionURLRequest) ([]byte, error) {
	if !r.IsBase64Encoded {
		return []byte(r.Body), nil
	}
	data, err := base64.StdEncoding.DecodeString(r.Body)
	if err != nil {
		return nil, errors.New("the body is not base64")
	}
	return data, nil
}

// failure is the body of every answer that is not a result.
type failure struct {
	Error string `json:"error"`
}

// refuse turns an error into an answer. What is nobody's mistake is logged, not shown.
func (a *API) refuse(r route, err error) events.LambdaFunctionURLResponse {
	var refusal *gitops.Refusal
	switch {
	case errors.As(err, &refusal):
		return answer(http.StatusConflict, failure{refusal.Reason})
	case errors.Is(err, reconcile.ErrNotFound):
		return answer(http.StatusNotFound, failure{err.Error()})
	case errors.Is(err, reconcile.ErrConflict):
		return answer(http.StatusConflict, failure{"somebody else changed it at the same time: try again"})
	}
	a.Log.Error("api", "route", r.method+" "+r.path, "error", err.Error())
	return answer(http.StatusInternalServerError, failure{"Driftless could not answer; the log of function driftless-api says why"})
}

// maxAnswer is what a buffered answer of a function URL may hold: 6 MB (Lambda quotas).
const maxAnswer = 6_000_000

func answer(status int, body any) events.LambdaFunctionURLResponse {
	data, err := json.Marshal(body)
	if err != nil || len(data) > maxAnswer {
		status, data = http.StatusInternalServerError, []byte(`{"error":"the answer is too large"}`)
	}
	return events.LambdaFunctionURLResponse{StatusCode: status, Body: string(data), Headers: map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	}}
}

// decode reads a request's body strictly.
func decode(c call, into any) error {
	d := json.NewDecoder(strings.NewReader(string(c.body)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &gitops.Refusal{Reason: "the request's body: " + err.Error()}
	}
	return nil
}

func limit(q url.Values) int {
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil || n < 1 || n > maxHistory {
		return maxHistory
	}
	return n
}

// Route is one entry of the table of routes, for those who walk it.
type Route struct {
	Method, Path string
	Writes       bool
}

// Routes returns every route there is.
func Routes() []Route {
	var out []Route
	for _, r := range routes {
		out = append(out, Route{r.method, r.path, r.writes})
	}
	return out
}
