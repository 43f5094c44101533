package codebuild

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Statuses (API reference, Build and BuildPhase).
const (
	statusSucceeded  = "SUCCEEDED"
	statusFailed     = "FAILED"
	statusFault      = "FAULT"
	statusTimedOut   = "TIMED_OUT"
	statusInProgress = "IN_PROGRESS"
	statusStopped    = "STOPPED"
)

// Phases, in their order (API reference, BuildPhase).
const (
	phaseSubmitted    = "SUBMITTED"
	phaseQueued       = "QUEUED"
	phaseProvisioning = "PROVISIONING"
	phaseDownload     = "DOWNLOAD_SOURCE"
	phaseInstall      = "INSTALL"
	phasePreBuild     = "PRE_BUILD"
	phaseBuild        = "BUILD"
	phasePostBuild    = "POST_BUILD"
	phaseUpload       = "UPLOAD_ARTIFACTS"
	phaseFinalizing   = "FINALIZING"
	phaseCompleted    = "COMPLETED"
)

// phase is one of a build's phases. The last one has no status.
type phase struct {
	Type     string   `json:"phaseType"`
	Status   string   `json:"phaseStatus,omitempty"`
	Start    epoch    `json:"startTime"`
	End      *epoch   `json:"endTime,omitempty"`
	Seconds  *int64   `json:"durationInSeconds,omitempty"`
	Contexts []reason `json:"contexts,omitempty"`
}

// reason says why a phase failed.
type reason struct {
	StatusCode string `json:"statusCode"`
	Message    string `json:"message"`
}

// view is a build as the API shows it.
type view struct {
	ID             string         `json:"id"`
	ARN            string         `json:"arn"`
	Number         int64          `json:"buildNumber"`
	Start          epoch          `json:"startTime"`
	End            *epoch         `json:"endTime,omitempty"`
	CurrentPhase   string         `json:"currentPhase"`
	Status         string         `json:"buildStatus"`
	Complete       bool           `json:"buildComplete"`
	ProjectName    string         `json:"projectName"`
	Phases         []phase        `json:"phases"`
	Source         source         `json:"source"`
	Artifacts      struct{}       `json:"artifacts"`
	Cache          cache          `json:"cache"`
	Environment    environment    `json:"environment"`
	ServiceRole    string         `json:"serviceRole"`
	Timeout        int            `json:"timeoutInMinutes"`
	QueuedTimeout  int            `json:"queuedTimeoutInMinutes"`
	Initiator      string         `json:"initiator"`
	EncryptionKey  string         `json:"encryptionKey,omitempty"`
	Logs           map[string]any `json:"logs,omitempty"`
	SourceVersions []struct{}     `json:"secondarySourceVersions"`
}

// build is one with what the API does not show.
type build struct {
	view
	project place
	uuid    string
	given   description // the project as the build's request overrides it
	token   string      // of the request; the API never shows it
	request string      // the request's digest

	stop    context.CancelCauseFunc // ends what runs; nil while queued
	key     string                  // the right to fetch credentials
	session Credentials             // the latest
	keys    []string                // all access keys issued to it
	group   atomic.Int64            // process group of the command that runs; 0 while none does
}

// enter ends the current phase as succeeded and begins another. It reports false for a build
// that is over already.
func (s *Service) enter(b *build, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.Complete {
		return false
	}
	s.closePhase(b, statusSucceeded)
	s.openPhase(b, name)
	return true
}

func (s *Service) openPhase(b *build, name string) {
	b.CurrentPhase = name
	b.Phases = append(b.Phases, phase{Type: name, Status: statusInProgress, Start: epoch(s.c.Now())})
}

// closePhase ends the current phase, unless it has been.
func (s *Service) closePhase(b *build, status string, why ...reason) {
	last := &b.Phases[len(b.Phases)-1]
	if last.End != nil {
		return
	}
	now := s.c.Now()
	end, seconds := epoch(now), int64(now.Sub(time.Time(last.Start)).Seconds())
	last.Status, last.End, last.Seconds, last.Contexts = status, &end, &seconds, why
	s.emitPhase(b, *last)
}

// fail ends the current phase otherwise than well; the build goes on.
func (s *Service) fail(b *build, status, code, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !b.Complete {
		s.closePhase(b, status, reason{code, message})
	}
}

// finish ends a build, once.
func (s *Service) finish(b *build, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finishLocked(b, status)
}

func (s *Service) finishLocked(b *build, status string) {
	if b.Complete {
		return
	}
	s.closePhase(b, status)
	s.openPhase(b, phaseCompleted)
	b.Phases[len(b.Phases)-1].Status = ""
	end := epoch(s.c.Now())
	b.End, b.Status, b.Complete = &end, status, true
	s.emitState(b)
}

// show copies what the API answers.
func (b *build) show() view {
	v := b.view
	v.Phases = slices.Clone(b.Phases)
	return v
}

// find returns the build of an id or ARN.
func (s *Service) find(at place, id string) *build {
	if rest, ok := strings.CutPrefix(id, at.arn("build/")); ok {
		id = rest
	}
	for _, b := range s.builds {
		if b.project == at && b.ID == id {
			return b
		}
	}
	return nil
}

func (s *Service) batchGetBuilds(in call) (any, error) {
	var asked struct {
		IDs []string `json:"ids"`
	}
	if err := in.read(&asked); err != nil {
		return nil, err
	}
	if n := len(asked.IDs); n == 0 || n > maxBatch {
		return nil, invalid("ids must have between 1 and %d items, not %d", maxBatch, n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, missing := []view{}, []string{}
	for _, id := range asked.IDs {
		if b := s.find(in.place, id); b != nil {
			found = append(found, b.show())
		} else {
			missing = append(missing, id)
		}
	}
	return map[string]any{"builds": found, "buildsNotFound": missing}, nil
}

// listBuildsForProject lists ids, the newest first unless asked otherwise, a hundred to a page.
func (s *Service) listBuildsForProject(in call) (any, error) {
	var asked struct{ ProjectName, SortOrder, NextToken string }
	if err := in.read(&asked); err != nil {
		return nil, err
	}
	if _, err := s.project(in.place, asked.ProjectName); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []string{}
	for _, b := range s.builds {
		if b.project == in.place && b.ProjectName == asked.ProjectName {
			ids = append(ids, b.ID)
		}
	}
	if asked.SortOrder != "ASCENDING" {
		slices.Reverse(ids)
	}
	from := slices.Index(ids, asked.NextToken) + 1 // the last one of the page before
	if asked.NextToken != "" && from == 0 {
		return nil, invalid("nextToken %q is none of this project's", asked.NextToken)
	}
	out := map[string]any{"ids": ids[from:]}
	if len(ids)-from > maxBatch {
		out["ids"], out["nextToken"] = ids[from:from+maxBatch], ids[from+maxBatch-1]
	}
	return out, nil
}
