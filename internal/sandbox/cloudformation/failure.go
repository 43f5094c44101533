package cloudformation

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// ControlPath is where ServeHTTP takes the switches of the sandbox. The gateway may mount
// the service there too:
//
//	GET    /_sandbox/cloudformation/failures   the failures that wait to happen
//	POST   /_sandbox/cloudformation/failures   one more, a Failure as JSON
//	DELETE /_sandbox/cloudformation/failures   none any more
//	POST   /_sandbox/cloudformation/timing     how long things take, for example
//	                                           {"changeSet": "3s", "stack": "10s"}; what is not named takes no time
const ControlPath = "/_sandbox/cloudformation/"

// Failure makes a resource's next operation fail, or early validation find something.
type Failure struct {
	Stack    string `json:"stack"`            // name; empty: any
	Resource string `json:"resource"`         // logical id; empty: any
	Action   string `json:"action,omitempty"` // CREATE, UPDATE, DELETE, ROLLBACK, READ or VALIDATE; empty: CREATE or UPDATE
	Reason   string `json:"reason"`
	Times    int    `json:"times,omitempty"` // how often; 0: until cleared

	// Of VALIDATE alone, which every change set runs for each of its resources.
	Check string `json:"check,omitempty"` // the validation's name; empty: PROPERTY_VALIDATION
	Mode  string `json:"mode,omitempty"`  // FAIL or WARN; empty: FAIL
	Path  string `json:"path,omitempty"`  // within the resource, for example /Properties/QueueName
}

func (f *Failure) check() string { return cmp.Or(f.Check, propertyValidation) }

// failable are the actions that can be made to fail; READ is drift detection's look at live,
// VALIDATE is early validation.
var failable = []string{"CREATE", "UPDATE", "DELETE", "ROLLBACK", "READ", "VALIDATE"}

// Validate says what is wrong with a failure that could never happen or would say nothing.
func (f Failure) Validate() error {
	if f.Action != "" && !slices.Contains(failable, f.Action) {
		return fmt.Errorf("action %q is none of %s; without one, CREATE and UPDATE fail", f.Action, strings.Join(failable, ", "))
	}
	if f.Reason == "" {
		return errors.New("reason is empty: say what the resource's event shall show")
	}
	if f.Action != "VALIDATE" && (f.Check != "" || f.Mode != "" || f.Path != "") {
		return fmt.Errorf("check, mode and path belong to action VALIDATE, not to %q", f.Action)
	}
	if f.Mode != "" && f.Mode != "FAIL" && f.Mode != "WARN" {
		return fmt.Errorf("mode %q is neither FAIL nor WARN", f.Mode)
	}
	if f.Times < 0 {
		return fmt.Errorf("times is %d: it must be positive, or 0 for until cleared", f.Times)
	}
	return nil
}

// Fail makes the next creation or update of a resource fail with that reason, once.
func (s *Service) Fail(stack, logicalID, reason string) {
	s.Script(Failure{Stack: stack, Resource: logicalID, Reason: reason, Times: 1})
}

// Script adds a failure.
func (s *Service) Script(f Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, &f)
}

// ClearFailures forgets all failures that have not happened.
func (s *Service) ClearFailures() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = nil
}

// scripted returns the error that is due for that operation, if any.
func (s *Service) scripted(stack, resource, action string) error {
	if f := s.due(stack, resource, action); f != nil {
		return &wire.Error{Code: "GeneralServiceException", Message: f.Reason}
	}
	return nil
}

// due returns the failure that is due for that operation, if any, and counts it.
func (s *Service) due(stack, resource, action string) *Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.failures {
		actions := []string{f.Action}
		if f.Action == "" {
			actions = []string{"CREATE", "UPDATE"}
		}
		if (f.Stack != "" && f.Stack != stack) || (f.Resource != "" && f.Resource != resource) || !slices.Contains(actions, action) {
			continue
		}
		if f.Times--; f.Times == 0 {
			s.failures = slices.Delete(s.failures, i, i+1)
		}
		return f
	}
	return nil
}

func (s *Service) control(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case ControlPath + "failures":
		s.controlFailures(w, r)
	case ControlPath + "timing":
		s.controlTiming(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *Service) controlFailures(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		var f Failure
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
		d.DisallowUnknownFields()
		if err := d.Decode(&f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := f.Validate(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Script(f)
	case http.MethodDelete:
		s.ClearFailures()
	case http.MethodGet:
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.failures) // a client that left needs no answer
}
