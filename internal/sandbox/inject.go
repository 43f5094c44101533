package sandbox

import (
	"encoding/json"
	"encoding/xml"
	"net"
	"net/http"
	"path"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
)

// Request is a call that a function or a build makes, before anybody has seen it.
type Request struct {
	Call
	Function string // whose process makes it; empty for a build's
	Event    []byte // what that process was invoked with: of a build its variables, a JSON object
	Build    string // the build's id; empty for a function's
	Path     string // of the URL, for services that have only paths
	// ID is the same for every attempt that the SDK makes at one call, and empty for git.
	ID string
}

// Fault is what happens to a request.
type Fault string

// The faults. One that is "after" happens when the effect is done and the answer is there.
const (
	FaultNone        Fault = ""
	FaultUnavailable Fault = "unavailable" // the service answers that it cannot, in its own form
	FaultThrottled   Fault = "throttled"   // the service answers that there are too many calls, in its own form
	FaultDenied      Fault = "denied"      // the service answers that the caller may not, in its own form
	FaultReset       Fault = "reset before"
	FaultLost        Fault = "reset after"
	FaultKill        Fault = "SIGKILL before" // the process of the function that makes the call, or all that the build runs
	FaultKillAfter   Fault = "SIGKILL after"
)

// Inject has every call that a function or a build makes shown to decide, which says what happens to it.
// It is called in the goroutine of the request, so that it holds the request for as long as it
// does not return. Nil ends it. Calls of people and of the sandbox itself are not shown.
func (s *Sandbox) Inject(decide func(Request) Fault) {
	if decide == nil {
		s.calls.decide.Store(nil)
		return
	}
	s.calls.decide.Store(&decide)
}

// injecting lets what was injected happen.
func (s *Sandbox) injecting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		decide := s.calls.decide.Load()
		if decide == nil || strings.HasPrefix(r.URL.Path, functionURLPath) {
			next.ServeHTTP(w, r)
			return
		}
		request, kill, ok := s.requestOf(r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		switch fault := (*decide)(request); fault {
		case FaultUnavailable, FaultThrottled, FaultDenied:
			answerFault(w, r, request.Service, fault)
		case FaultReset, FaultKill:
			if fault == FaultKill {
				kill()
			}
			reset(w)
		case FaultLost, FaultKillAfter:
			next.ServeHTTP(unheard{}, r)
			if fault == FaultKillAfter {
				kill()
			}
			reset(w)
		case FaultNone:
			next.ServeHTTP(w, r)
		}
	})
}

// requestOf reads which function or build asks for what; ok is false where none does.
func (s *Sandbox) requestOf(r *http.Request) (request Request, kill func(), ok bool) {
	scope, signed := sts.ScopeOf(r)
	if user, _, basic := r.BasicAuth(); !signed && basic && strings.HasPrefix(r.URL.Path, gitPath) {
		scope.AccessKey, _, _ = strings.Cut(user, "%")
		scope.Service, signed = "codecommit", true
	}
	origin := s.sts.Origin(scope.AccessKey)
	running, ok := s.lambda.Running(origin)
	building, builds := s.builds.Running(origin)
	if !signed || !ok && !builds {
		return Request{}, nil, false
	}
	if builds {
		running.Kill = building.Kill
		running.Event, _ = json.Marshal(building.Variables) // strings alone: it cannot fail
	}
	who, _ := s.sts.Identity(scope.AccessKey)
	action, err := actionOf(r)
	if err != nil {
		return Request{}, nil, false // it is refused further on
	}
	if strings.HasPrefix(r.URL.Path, gitPath) {
		action = "git " + path.Base(r.URL.Path)
	}
	return Request{Call: Call{By: who.ARN, Service: scope.Service, Action: action}, Function: running.Function,
		Build: building.ID, Event: running.Event, Path: r.URL.Path, ID: r.Header.Get("Amz-Sdk-Invocation-Id")}, running.Kill, true
}

// unheard takes an answer that nobody gets.
type unheard struct{}

func (unheard) Header() http.Header         { return http.Header{} }
func (unheard) Write(b []byte) (int, error) { return len(b), nil }
func (unheard) WriteHeader(int)             {}

// reset ends the connection as a host does that is gone: with a reset, not with an end.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // what is not sent yet is dropped
	}
	_ = connection.Close()
}

// refusal is a service's error.
type refusal struct {
	code, message string
	status        int
}

// Throttling, by service, from the API references' errors: SQS, SendMessage ("RequestThrottled");
// DynamoDB, "Error handling" (ProvisionedThroughputExceededException); S3, "Error responses"
// (SlowDown, 503). The others say Throttling or ThrottlingException ("Common errors").
var throttling = map[string]refusal{
	"s3":             {"SlowDown", "Please reduce your request rate.", http.StatusServiceUnavailable},
	"sqs":            {"RequestThrottled", "Request is throttled.", http.StatusBadRequest},
	"dynamodb":       {"ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.", http.StatusBadRequest},
	"cloudformation": {"Throttling", "Rate exceeded", http.StatusBadRequest},
	"sts":            {"Throttling", "Rate exceeded", http.StatusBadRequest},
}

// Unavailability, by service, from the same pages. The others say ServiceUnavailable.
var unavailability = map[string]refusal{
	"s3":       {"InternalError", "We encountered an internal error. Please try again.", http.StatusInternalServerError},
	"dynamodb": {"InternalServerError", "Internal server error", http.StatusInternalServerError},
	"ssm":      {"InternalServerError", "An error occurred on the server side.", http.StatusInternalServerError},
}

// refusalOf is what a service says of a fault.
func refusalOf(r *http.Request, service string, f Fault) refusal {
	query := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	switch {
	case f == FaultDenied && (service == "s3" || query):
		return refusal{"AccessDenied", "Access Denied", http.StatusForbidden}
	case f == FaultDenied:
		return refusal{"AccessDeniedException", "The caller is not authorized to perform this action", http.StatusBadRequest}
	case f == FaultThrottled:
		if is, ok := throttling[service]; ok {
			return is
		}
		return refusal{"ThrottlingException", "Rate exceeded", http.StatusBadRequest}
	}
	if is, ok := unavailability[service]; ok {
		return is
	}
	return refusal{"ServiceUnavailable", "The request has failed due to a temporary failure of the server.", http.StatusServiceUnavailable}
}

// answerFault answers with what a service says of a fault.
func answerFault(w http.ResponseWriter, r *http.Request, service string, f Fault) {
	is := refusalOf(r, service, f)
	if strings.HasPrefix(r.URL.Path, gitPath) {
		is.status = map[Fault]int{FaultUnavailable: http.StatusServiceUnavailable, FaultThrottled: http.StatusTooManyRequests, FaultDenied: http.StatusForbidden}[f]
	}
	answerRefusal(w, r, service, is)
}

// answerRefusal answers in the form of the protocol that was asked in: REST XML for S3, Query
// XML for forms, JSON otherwise; a git host says no more than a status.
func answerRefusal(w http.ResponseWriter, r *http.Request, service string, is refusal) {
	var body []byte
	contentType := "text/xml"
	switch {
	case strings.HasPrefix(r.URL.Path, gitPath):
		contentType, body = "text/plain", []byte(is.message)
	case service == "s3":
		contentType = "application/xml"
		body = []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + is.code + "</Code><Message>" + is.message + "</Message></Error>")
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		body, _ = xml.Marshal(queryError{Error: queryFault{"Receiver", is.code, is.message}}) // strings alone: it cannot fail
	default:
		contentType = r.Header.Get("Content-Type")
		body, _ = json.Marshal(map[string]string{"__type": is.code, "message": is.message}) // strings alone: it cannot fail
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(is.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that left needs no answer
	}
}

type queryFault struct{ Type, Code, Message string }

type queryError struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	Error   queryFault
}
