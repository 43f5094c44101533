package codebuild

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ControlPath is where ServeHTTP takes the switches of the sandbox, and where builds get
// their credentials. The gateway may mount the service there too:
//
//	POST /_sandbox/codebuild/hold?on=true      no build leaves the queue, until on=false
//	POST /_sandbox/codebuild/fault?project=P   the next build of a project, or of any, ends as FAULT
//	POST /_sandbox/codebuild/logs?lose=true    builds that start from now on have no logs
//	POST /_sandbox/codebuild/limit?builds=2    how many builds run at once
//	POST /_sandbox/codebuild/timing            for example {"minute":"1s","grace":"10s","session":"1h"}
const ControlPath = "/_sandbox/codebuild/"

// DefaultLimit is how many builds run at once, the quota of a new account for some compute
// types (user guide, "Quotas": "as low as 5"). Five times as many may wait.
const DefaultLimit = 5

// Timing is how long things take.
type Timing struct {
	Minute  time.Duration // what a minute of a project's time-outs lasts
	Grace   time.Duration // between SIGTERM and SIGKILL
	Session time.Duration // how long credentials hold; a build gets new ones as it asks
}

// DefaultTiming is real time. The grace is that of a container that is stopped (Docker's
// reference, "docker container stop"): CodeBuild's own documentation gives none.
var DefaultTiming = Timing{Minute: time.Minute, Grace: 10 * time.Second, Session: time.Hour}

// settings are what switches change.
type settings struct {
	timing   Timing
	limit    int
	held     bool
	loseLogs bool
	faults   []string // projects whose next build faults; empty: any project
}

// SetTiming changes how long things take from now on. What is zero takes its default.
func (s *Service) SetTiming(t Timing) {
	for value, otherwise := range map[*time.Duration]time.Duration{&t.Minute: DefaultTiming.Minute, &t.Grace: DefaultTiming.Grace, &t.Session: DefaultTiming.Session} {
		if *value == 0 {
			*value = otherwise
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings.timing = t
}

// Hold keeps all builds in the queue, until it is switched off.
func (s *Service) Hold(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings.held = on
	s.advanceAll()
}

// Fault lets the next build of a project end as FAULT before it runs anything; of any
// project where none is named.
func (s *Service) Fault(project string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings.faults = append(s.settings.faults, project)
}

// LoseLogs lets builds that start from now on have no logs.
func (s *Service) LoseLogs(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings.loseLogs = on
}

// Limit sets how many builds run at once in an account and region.
func (s *Service) Limit(builds int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings.limit = builds
	s.advanceAll()
}

func (s *Service) control(w http.ResponseWriter, r *http.Request) {
	if id, ok := strings.CutPrefix(r.URL.Path, credentialsPath); ok {
		s.serveCredentials(w, r, id)
		return
	}
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if err := s.switched(r, strings.TrimPrefix(r.URL.Path, ControlPath)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (s *Service) switched(r *http.Request, name string) error {
	q := r.URL.Query()
	switch name {
	case "hold", "logs":
		key := map[string]string{"hold": "on", "logs": "lose"}[name]
		on, err := strconv.ParseBool(q.Get(key))
		if err != nil {
			return fmt.Errorf("%s must be true or false", key)
		}
		map[string]func(bool){"hold": s.Hold, "logs": s.LoseLogs}[name](on)
	case "fault":
		s.Fault(q.Get("project"))
	case "limit":
		n, err := strconv.Atoi(q.Get("builds"))
		if err != nil || n < 1 {
			return fmt.Errorf("builds must be a positive number, not %q", q.Get("builds"))
		}
		s.Limit(n)
	case "timing":
		var in struct{ Minute, Grace, Session span }
		d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			return err
		}
		s.SetTiming(Timing{time.Duration(in.Minute), time.Duration(in.Grace), time.Duration(in.Session)})
	default:
		return fmt.Errorf("no switch %q: there are hold, fault, logs, limit and timing", name)
	}
	return nil
}

// span is a duration as Go writes it: "3s".
type span time.Duration

// UnmarshalJSON takes a positive duration.
func (s *span) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("read duration: %w", err)
	}
	d, err := time.ParseDuration(text)
	if err == nil && d <= 0 {
		err = fmt.Errorf("duration %s is not positive", text)
	}
	*s = span(d)
	return err
}
