package sandbox

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
)

// Call names a kind of request to an AWS service.
type Call struct {
	By      string // ARN of whose access key signed it; empty when nobody's
	Service string // as in the signature's scope, such as "sqs"
	Action  string // such as "SendMessage"; the method for services that have only paths
}

// Traffic is how many requests of a kind there were, and how many bytes their bodies and
// the answers' had.
type Traffic struct{ N, In, Out int64 }

// Calls returns what came through the gateway since it was last called: everything that
// functions, command lines and people asked for, nothing that the sandbox itself did.
func (s *Sandbox) Calls() map[Call]Traffic { return s.calls.take() }

// SetTiming changes how long CloudFormation takes from now on.
func (s *Sandbox) SetTiming(t cloudformation.Timing) { s.cloudformation.SetTiming(t) }

// calls counts requests, and knows who interferes with them.
type calls struct {
	mu     sync.Mutex
	seen   map[Call]Traffic
	decide atomic.Pointer[func(Request) Fault]
}

func (c *calls) add(call Call, in, out int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[Call]Traffic{}
	}
	t := c.seen[call]
	c.seen[call] = Traffic{t.N + 1, t.In + in, t.Out + out}
}

func (c *calls) take() map[Call]Traffic {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := maps.Clone(c.seen)
	c.seen = nil
	return seen
}

// counting hands requests on and counts those that are signed. What is injected is counted too:
// the function made the call.
func (s *Sandbox) counting(next http.Handler) http.Handler {
	next = s.injecting(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scope, signed := sts.ScopeOf(r)
		if !signed || strings.HasPrefix(r.URL.Path, functionURLPath) {
			next.ServeHTTP(w, r)
			return
		}
		who, _ := s.sts.Identity(scope.AccessKey)
		action, err := actionOf(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		counted := &countedWriter{ResponseWriter: w}
		next.ServeHTTP(counted, r)
		s.calls.add(Call{By: who.ARN, Service: scope.Service, Action: action}, max(r.ContentLength, 0), counted.n)
	})
}

// actionOf reads which of a service's actions a request is: from the header of the JSON
// protocols, from the form of the Query protocol, else it is the HTTP method.
func actionOf(r *http.Request) (string, error) {
	if _, action, found := strings.Cut(r.Header.Get("X-Amz-Target"), "."); found {
		return action, nil
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return r.Method, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, nudgeBody))
	if err != nil {
		return "", err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") == "" {
		return r.Method, nil //nolint:nilerr // whoever answers it says what is wrong with it
	}
	return form.Get("Action"), nil
}

// countedWriter counts the bytes of an answer.
type countedWriter struct {
	http.ResponseWriter
	n int64
}

// Write counts what is written.
func (w *countedWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.n += int64(n)
	return n, err
}

// Unwrap lets the proxy flush.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
