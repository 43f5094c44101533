// Package lambda asks a function of an application's account whether all is well: it invokes it,
// waits for its answer and reads pass or fail from it.
//
// Of Lambda's calls it makes Invoke alone, without the SDK's client, whose shapes of hundreds of
// calls every start of the reconciler would read. It never tries one again by itself: a function
// may do more than look, and whoever counts attempts counts this one.
package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Prefix begins the name of every function that may be asked: the deploy role may invoke those
// and no others, so that no repository has a function run that was not made for it.
const Prefix = "driftless-verify-"

// largest is how much of an answer is read; one that is longer is none of the form.
const largest = 64 << 10

// Functions asks functions. It is safe for concurrent use.
type Functions struct {
	config func(context.Context, reconcile.Work) (aws.Config, error)
	now    func() time.Time
	http   aws.HTTPClient
}

var _ reconcile.Checker = (*Functions)(nil)

// New returns what invokes functions in a work's account and region, with the rights that config
// returns. now is the time that signatures carry.
func New(config func(context.Context, reconcile.Work) (aws.Config, error), now func() time.Time) *Functions {
	return &Functions{config, now, awshttp.NewBuildableClient()}
}

// event is what a function is told.
type event struct {
	Application string            `json:"application"`
	Deployment  string            `json:"deployment"`
	Revision    revision          `json:"revision"`
	Outputs     map[string]string `json:"outputs"`
}

type revision struct {
	Branch string `json:"branch"`
	Commit string `json:"commit"`
}

// Check invokes the function once. Its error, and a time limit of ctx that passes while it runs,
// fail the attempt; a function that is not there, and an answer of another form, are final.
func (f *Functions) Check(ctx context.Context, w reconcile.Work, c gitops.Check, outputs map[string]string) (gitops.Verdict, error) {
	if !strings.HasPrefix(c.Lambda, Prefix) {
		return gitops.Verdict{Final: true, Reason: fmt.Sprintf("function %s: only functions whose name begins with %s may be invoked", c.Lambda, Prefix)}, nil
	}
	if outputs == nil {
		outputs = map[string]string{}
	}
	said := event{w.Application, gitops.TokenOf(w.Operation.Token), revision{w.Revision.Branch, w.Revision.Commit}, outputs}
	r, err := f.request(ctx, w, c.Lambda, said)
	if err != nil {
		return gitops.Verdict{}, err
	}
	answer, err := f.http.Do(r)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return late(c.Lambda), nil
	}
	if err != nil {
		return gitops.Verdict{}, fmt.Errorf("invoke function %s: %w", c.Lambda, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, largest+1))
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return late(c.Lambda), nil
	case err != nil:
		return gitops.Verdict{}, fmt.Errorf("read answer of function %s: %w", c.Lambda, err)
	case answer.StatusCode != http.StatusOK:
		return refused(w, c.Lambda, answer, body)
	case answer.Header.Get("X-Amz-Function-Error") != "":
		return gitops.Verdict{Reason: fmt.Sprintf("function %s failed: %s", c.Lambda, failure(body))}, nil
	}
	return judge(c.Lambda, body), nil
}

// request returns the signed request (Invoke, API reference).
func (f *Functions) request(ctx context.Context, w reconcile.Work, function string, said event) (*http.Request, error) {
	cfg, err := f.config(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("enter account %s: %w", w.Settings.Target.Account, err)
	}
	body, err := json.Marshal(said)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	at := jsonrpc.Endpoint(cfg, "lambda", cfg.Region) + "/2015-03-31/functions/" + url.PathEscape(function) + "/invocations"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("invoke function %s: %w", function, err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Amz-Invocation-Type", "RequestResponse")
	if err := jsonrpc.Sign(ctx, v4.NewSigner(), cfg, r, body, "lambda", cfg.Region, f.now()); err != nil {
		return nil, fmt.Errorf("sign invocation of function %s: %w", function, err)
	}
	return r, nil
}

func late(function string) gitops.Verdict {
	return gitops.Verdict{Reason: fmt.Sprintf("function %s did not answer in time", function)}
}

// denials are the codes of answers that stay the same until a person acts.
var denials = []string{"AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId"}

// codeAbsent is that of a function that is not there.
const codeAbsent = "ResourceNotFoundException"

// refused says what an answer means with which Lambda invoked nothing: that there is no such
// function is certain, all else is not known (throttled, a function that is being changed).
func refused(w reconcile.Work, function string, answer *http.Response, body []byte) (gitops.Verdict, error) {
	var said struct{ Message string }
	_ = json.Unmarshal(body, &said) // a proxy's page says nothing
	code, _, _ := strings.Cut(answer.Header.Get("X-Amzn-Errortype"), ":")
	to := w.Settings.Target
	switch {
	case code == codeAbsent:
		return gitops.Verdict{Final: true, Reason: fmt.Sprintf("function %s is not there in %s %s", function, to.Account, to.Region)}, nil
	case slices.Contains(denials, code):
		return gitops.Verdict{}, fmt.Errorf("invoke function %s: %w: %s", function, reconcile.ErrDenied, said.Message)
	}
	return gitops.Verdict{}, fmt.Errorf("invoke function %s: %d %s %s", function, answer.StatusCode, code, said.Message)
}

// failure returns what a function's error says (Lambda developer guide, "Handling errors").
func failure(body []byte) string {
	var said struct{ ErrorMessage, ErrorType string }
	switch err := json.Unmarshal(body, &said); {
	case err == nil && said.ErrorMessage != "":
		return said.ErrorMessage
	case err == nil && said.ErrorType != "":
		return said.ErrorType
	}
	return "it says not why"
}

// judge reads the verdict from an answer: {"pass": true} or {"pass": false, "reason": "…"}.
func judge(function string, body []byte) gitops.Verdict {
	var said struct {
		Pass   *bool  `json:"pass"`
		Reason string `json:"reason"`
	}
	if len(body) > largest || json.Unmarshal(body, &said) != nil || said.Pass == nil {
		return gitops.Verdict{Final: true, Reason: fmt.Sprintf(`function %s answered something else than {"pass": true or false, "reason": "…"}`, function)}
	}
	outcome := map[bool]string{true: "pass", false: "fail"}[*said.Pass]
	reason := fmt.Sprintf("function %s answered %s", function, outcome)
	if said.Reason != "" {
		reason += ": " + said.Reason
	}
	return gitops.Verdict{Passed: *said.Pass, Reason: reason}
}
