package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
	"github.com/driftless-gitops/driftless/internal/sandbox/codebuild"
	"github.com/driftless-gitops/driftless/internal/sandbox/events"
)

// Health is what GET /_sandbox/health answers.
type Health struct {
	URL     string            `json:"url"`
	Moto    string            `json:"moto"` // version
	Account string            `json:"account"`
	Region  string            `json:"region"`
	Speeds  map[string]string `json:"speeds"`
}

// control serves the switches of the sandbox:
//
//	GET  /_sandbox/health              that it answers, and with what
//	GET  /_sandbox/events              the latest events, and whether events are dropped
//	POST /_sandbox/events?drop=true    lose every AWS service's event, or no longer
//	POST /_sandbox/fire?rule=NAME      fire a scheduled rule now
//	POST /_sandbox/sessions?lifetime=D sessions that are assumed from now on end after D; 0s: as asked
//	GET  /_sandbox/git?repository=NAME a repository's URL with a fresh credential in it
//
// and those of CloudFormation and CodeBuild, which their own packages name.
func (s *Sandbox) control() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET "+controlPath+"health", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusOK, s.health())
	})
	m.HandleFunc("GET "+controlPath+"events", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusOK, s.events.Stats())
	})
	m.Handle(cloudformation.ControlPath, s.cloudformation)
	m.Handle(codebuild.ControlPath, s.builds)
	m.HandleFunc("POST "+controlPath+"events", s.postEvents)
	m.HandleFunc("POST "+controlPath+"fire", s.postFire)
	m.HandleFunc("POST "+controlPath+"sessions", s.postSessions)
	m.HandleFunc("GET "+controlPath+"git", func(w http.ResponseWriter, r *http.Request) {
		tell(w, http.StatusOK, map[string]string{"url": s.GitURL(r.URL.Query().Get("repository"))})
	})
	return m
}

func (s *Sandbox) health() Health {
	speed := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	return Health{URL: s.url, Moto: s.moto.Version(), Account: Account, Region: Region,
		Speeds: map[string]string{"schedule": speed(s.o.ScheduleSpeed), "visibility": speed(s.o.VisibilitySpeed)}}
}

func (s *Sandbox) postEvents(w http.ResponseWriter, r *http.Request) {
	on, err := strconv.ParseBool(r.URL.Query().Get("drop"))
	if err != nil {
		tell(w, http.StatusBadRequest, map[string]string{"error": "drop must be true or false"})
		return
	}
	s.DropEvents(on)
	tell(w, http.StatusOK, events.Stats{Dropping: on})
}

func (s *Sandbox) postFire(w http.ResponseWriter, r *http.Request) {
	rule, err := s.Fire(r.Context(), r.URL.Query().Get("rule"))
	if err != nil {
		tell(w, http.StatusNotFound, map[string]string{"error": err.Error()})
		return
	}
	tell(w, http.StatusOK, map[string]string{"fired": rule})
}

func (s *Sandbox) postSessions(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.URL.Query().Get("lifetime"))
	if err != nil || d < 0 {
		tell(w, http.StatusBadRequest, map[string]string{"error": "lifetime must be a duration such as 3s, or 0s"})
		return
	}
	s.sts.SetLifetime(d)
	tell(w, http.StatusOK, map[string]string{"lifetime": d.String()})
}

func tell(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that left needs no answer
}
