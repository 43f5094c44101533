package bootstrap

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// MaxPayload is what a synchronous request or answer may hold (Lambda quotas: 6 MB; the
// service's own message names 6291556 bytes).
const MaxPayload = 6291556

// routes is the runtime API that the process speaks (Lambda developer guide, "Using the
// Lambda runtime API for custom runtimes").
func (p *Process) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", p.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", p.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", p.failed)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", p.initFailed)
	return mux
}

func (p *Process) next(w http.ResponseWriter, r *http.Request) {
	p.ask()
	select {
	case j := <-p.work:
		p.hand(w, j)
	case <-p.exited:
	case <-r.Context().Done():
	}
}

func (p *Process) hand(w http.ResponseWriter, j *job) {
	select {
	case <-p.asked: // no longer idle
	default:
	}
	p.mark()
	p.mu.Lock()
	p.current = j
	p.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", j.ID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(p.spec.Now().Add(p.spec.Timeout).UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", j.ARN)
	h.Set("Lambda-Runtime-Trace-Id", j.TraceID)
	if j.ClientContext != "" {
		h.Set("Lambda-Runtime-Client-Context", j.ClientContext)
	}
	w.Write(j.Payload) //nolint:errcheck // a process that hung up exits or times out
}

func (p *Process) response(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Lambda-Runtime-Function-Response-Mode") == "streaming" {
		p.finish(w, r, failure("Runtime.StreamingNotSupported", "the sandbox's Lambda answers buffered only"))
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload+1))
	if err != nil {
		p.finish(w, r, failure("Runtime.TruncatedResponse", "read response: %v", err))
		return
	}
	if len(body) > MaxPayload {
		p.finish(w, r, failure("Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (%d bytes).", MaxPayload))
		return
	}
	p.finish(w, r, Result{Payload: body})
}

func (p *Process) failed(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload))
	if err != nil || len(body) == 0 {
		p.finish(w, r, failure("Runtime.Unknown", "the function reported an error without a body"))
		return
	}
	p.finish(w, r, Result{Payload: body, Failed: true})
}

// finish ends the current invocation, if it is the one named.
func (p *Process) finish(w http.ResponseWriter, r *http.Request, result Result) {
	p.mu.Lock()
	j := p.current
	if j != nil && j.ID == r.PathValue("id") {
		p.current = nil
	} else {
		j = nil
	}
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if j == nil {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}`)
		return
	}
	j.done <- result
	w.WriteHeader(http.StatusAccepted)
	_, _ = fmt.Fprint(w, `{"status":"OK"}`)
}

func (p *Process) initFailed(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload))
	if err != nil || len(body) == 0 {
		body = failure("Runtime.Unknown", "the function's start failed without a reason").Payload
	}
	p.mu.Lock()
	p.initErr = body
	p.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
	_, _ = fmt.Fprint(w, `{"status":"OK"}`)
}
