package sandbox

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/driftless-gitops/driftless/internal/sandbox/access"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
)

// Exchange is a request that came through the gateway, and its answer.
type Exchange struct {
	By      sts.Identity // whose key signed it; zero when nobody's
	Service string       // of the signature's scope; "git" for CodeCommit's repositories, "url" for function URLs
	Action  string       // as Call has it
	Method  string
	Path    string
	Asked   []policy.Request // what it asks of IAM
	Known   bool             // whether that is known
	Denied  string           // why it was refused before anybody saw it; empty where it was not
	In, Out []byte           // the bodies, up to watchedBody of each
	Status  int
}

// watchedBody is how much of a body an Exchange holds.
const watchedBody = 32 << 20

// watching refuses what the role behind a session has no right to, and shows every exchange
// to whoever watches. People's keys are not held to their rights, and neither is who may
// assume a role: that is the role's to say (see package sts).
func (s *Sandbox) watching(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, controlPath) {
			next.ServeHTTP(w, r)
			return
		}
		x, err := s.exchange(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		if scope, signed := sts.ScopeOf(r); signed && s.sts.Expired(scope.AccessKey) {
			expired(w, r, x.Service)
			return
		}
		in := &kept{left: watchedBody - len(x.In)}
		if s.o.Watch != nil && x.In == nil {
			r.Body = tee{io.TeeReader(r.Body, in), r.Body}
		}
		out := &watchedWriter{ResponseWriter: w, status: http.StatusOK, keep: s.o.Watch != nil, body: kept{left: watchedBody}}
		if x.Denied = s.denied(r, x, x.Asked); x.Denied != "" {
			refuse(out, r, x)
		} else {
			if missing, ok := access.Missing(x.Asked); ok {
				out.onMissing = func() bool {
					x.Asked = append(x.Asked, missing)
					return s.denied(r, x, []policy.Request{missing}) == ""
				}
			}
			next.ServeHTTP(out, r)
		}
		if s.o.Watch != nil {
			x.In, x.Out, x.Status = append(x.In, in.bytes()...), out.body.bytes(), out.status
			s.o.Watch(x)
		}
	})
}

// exchange reads who asks for what. Bodies are read where they tell: not those of S3 and git,
// which may be large.
func (s *Sandbox) exchange(r *http.Request) (Exchange, error) {
	x := Exchange{Method: r.Method, Path: r.URL.Path}
	scope, signed := sts.ScopeOf(r)
	switch {
	case strings.HasPrefix(r.URL.Path, functionURLPath):
		x.Service = "url"
		return x, nil
	case !signed && strings.HasPrefix(r.URL.Path, gitPath):
		user, _, _ := r.BasicAuth()
		key, _, _ := strings.Cut(user, "%")
		x.By, _ = s.sts.Identity(key)
		x.Service, scope.Region = "git", Region
	case signed:
		x.By, _ = s.sts.Identity(scope.AccessKey)
		x.Service = scope.Service
	default:
		return x, nil
	}
	var err error
	if x.Service != "s3" && x.Service != "git" {
		if x.Action, err = actionOf(r); err != nil {
			return x, err
		}
		if x.In, err = io.ReadAll(http.MaxBytesReader(nil, r.Body, nudgeBody)); err != nil {
			return x, err
		}
		r.Body = io.NopCloser(bytes.NewReader(x.In))
	}
	x.Asked, x.Known = access.Of(access.Call{Service: x.Service, Action: x.Action, Account: x.By.Account, Region: scope.Region,
		Method: r.Method, URL: r.URL, Body: x.In},
		func(table, index string) string { return s.keys.of(r.Context(), table, index) })
	return x, nil
}

// denied says why a session of a role is refused, nothing where it is not. Who may assume a role
// of the own account that names him needs no right for it (IAM user guide, "Policy evaluation
// logic"); here he does: whoever has it is refused nothing.
func (s *Sandbox) denied(r *http.Request, x Exchange, asked []policy.Request) string {
	if x.By.RoleARN == "" || x.By.Account != Account {
		return ""
	}
	for _, q := range asked {
		decision, err := s.rights.Decide(context.WithoutCancel(r.Context()), x.By.RoleARN, q)
		if err != nil { // moto is no longer there, or the role is not: nobody is refused for that
			s.o.Log.Warn("rights not known", "role", x.By.RoleARN, "error", err)
			continue
		}
		if decision == policy.Allow {
			continue
		}
		why := "User: " + x.By.ARN + " is not authorized to perform: " + q.Action + " on resource: " + q.Resource +
			" because no identity-based policy allows the " + q.Action + " action"
		s.o.Log.Warn("refused", "why", why, "context", q.Context)
		return why
	}
	return ""
}

// tee is a body that is kept as it is read.
type tee struct {
	io.Reader
	io.Closer
}

// kept holds the first bytes of what is written to it. A body may still be read when its
// answer is there already.
type kept struct {
	mu   sync.Mutex
	held []byte
	left int
}

// Write keeps what there is room for, and takes all.
func (k *kept) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := min(len(b), k.left)
	k.left -= n
	k.held = append(k.held, b[:n]...)
	return len(b), nil
}

func (k *kept) bytes() []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.held)
}

// watchedWriter keeps an answer. An object that is not there is only told to whom onMissing
// allows to know.
type watchedWriter struct {
	http.ResponseWriter
	status    int
	keep      bool
	hidden    bool
	body      kept
	onMissing func() bool
}

// WriteHeader keeps the status.
func (w *watchedWriter) WriteHeader(status int) {
	if status == http.StatusNotFound && w.onMissing != nil && !w.onMissing() {
		w.hidden, status = true, http.StatusForbidden
		w.Header().Del("Content-Length")
	}
	w.status = status
	w.ResponseWriter.WriteHeader(status)
	if w.hidden {
		_, _ = w.ResponseWriter.Write(deniedS3) // a client that left needs no answer
	}
}

// Write keeps what is written.
func (w *watchedWriter) Write(b []byte) (int, error) {
	if w.hidden {
		return len(b), nil
	}
	if w.keep {
		_, _ = w.body.Write(b) // never fails
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets the proxy flush.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
