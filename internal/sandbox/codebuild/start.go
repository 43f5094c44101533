package codebuild

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// tokenLife is how long StartBuild remembers an idempotency token (API reference, StartBuild).
const tokenLife = 5 * time.Minute

// start is a request to start a build: the overrides that make sense without a source.
type start struct {
	ProjectName      string     `json:"projectName"`
	IdempotencyToken string     `json:"idempotencyToken"`
	Variables        []variable `json:"environmentVariablesOverride"`

	BuildSpec                *string     `json:"buildspecOverride"`
	ServiceRole              *string     `json:"serviceRoleOverride"`
	SourceType               *string     `json:"sourceTypeOverride"`
	Artifacts                *artifacts  `json:"artifactsOverride"`
	Cache                    *cache      `json:"cacheOverride"`
	Image                    *string     `json:"imageOverride"`
	EnvironmentType          *string     `json:"environmentTypeOverride"`
	ComputeType              *string     `json:"computeTypeOverride"`
	PrivilegedMode           *bool       `json:"privilegedModeOverride"`
	ImagePullCredentialsType *string     `json:"imagePullCredentialsTypeOverride"`
	EncryptionKey            *string     `json:"encryptionKeyOverride"`
	LogsConfig               *logsConfig `json:"logsConfigOverride"`
	TimeoutInMinutes         *int        `json:"timeoutInMinutesOverride"`
	QueuedTimeoutInMinutes   *int        `json:"queuedTimeoutInMinutesOverride"`
}

func set[T any](field *T, override *T) {
	if override != nil {
		*field = *override
	}
}

// over puts the overrides over a project's settings. Variables are merged by name.
func (in start) over(d description) (description, error) {
	set(&d.Source.BuildSpec, in.BuildSpec)
	set(&d.Source.Type, in.SourceType)
	set(&d.ServiceRole, in.ServiceRole)
	set(&d.Artifacts, in.Artifacts)
	set(&d.Cache, in.Cache)
	set(&d.Environment.Image, in.Image)
	set(&d.Environment.Type, in.EnvironmentType)
	set(&d.Environment.ComputeType, in.ComputeType)
	set(&d.Environment.PrivilegedMode, in.PrivilegedMode)
	set(&d.Environment.ImagePullCredentialsType, in.ImagePullCredentialsType)
	set(&d.EncryptionKey, in.EncryptionKey)
	set(&d.TimeoutInMinutes, in.TimeoutInMinutes)
	set(&d.QueuedTimeoutInMinutes, in.QueuedTimeoutInMinutes)
	if in.LogsConfig != nil {
		d.LogsConfig = in.LogsConfig
	}
	d.Environment.Variables = slices.Clone(d.Environment.Variables)
	for _, v := range in.Variables {
		if v.Name == "" {
			return d, invalid("Environment variable name cannot be empty")
		}
		same := func(have variable) bool { return have.Name == v.Name }
		d.Environment.Variables = append(slices.DeleteFunc(d.Environment.Variables, same), v)
	}
	if err := d.runnable(); err != nil {
		return d, err
	}
	return d, inMinutes(d.TimeoutInMinutes, d.QueuedTimeoutInMinutes)
}

// startBuild queues a build. Under a token that it knows, the same request gets the build
// that it made, another one is refused.
func (s *Service) startBuild(in call) (any, error) {
	var asked start
	if err := in.read(&asked); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[in.arn("project/"+asked.ProjectName)]
	if p == nil {
		return nil, noProject(in.place, asked.ProjectName)
	}
	digest, err := digestOf(in.body)
	if err != nil {
		return nil, err
	}
	if b := s.underToken(in.place, asked.IdempotencyToken); b != nil {
		if b.request != digest {
			// The page says "a parameter mismatch error" and names neither code nor words.
			return nil, invalid("Parameter mismatch: idempotency token %s was used with other parameters", asked.IdempotencyToken)
		}
		return map[string]any{"build": b.show()}, nil
	}
	given, err := asked.over(p.description)
	if err != nil {
		return nil, err
	}
	if err := s.room(p); err != nil {
		return nil, err
	}
	p.builds++
	b := s.newBuild(p, given, in.initiator)
	b.token, b.request = asked.IdempotencyToken, digest
	s.submit(b)
	return map[string]any{"build": b.show()}, nil
}

// digestOf tells requests apart, whatever the order of their fields.
func digestOf(body []byte) (string, error) {
	var fields map[string]any
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&fields); err != nil {
		return "", fmt.Errorf("read request: %w", err)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("read request: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func (s *Service) underToken(at place, token string) *build {
	since := s.c.Now().Add(-tokenLife)
	for _, b := range s.builds {
		if token != "" && b.project == at && b.token == token && time.Time(b.Start).After(since) {
			return b
		}
	}
	return nil
}

// newBuild makes a build of a project, which nobody sees yet.
func (s *Service) newBuild(p *project, given description, initiator string) *build {
	uuid := wire.NewUUID()
	id := p.Name + ":" + uuid
	b := &build{project: p.place, uuid: uuid, given: given}
	b.view = view{
		ID: id, ARN: p.place.arn("build/" + id), Number: p.builds, Start: epoch(s.c.Now()),
		CurrentPhase: phaseSubmitted, Status: statusInProgress, ProjectName: p.Name,
		Source: given.Source, Cache: given.Cache, Environment: given.Environment, ServiceRole: given.ServiceRole,
		Timeout: given.TimeoutInMinutes, QueuedTimeout: given.QueuedTimeoutInMinutes,
		Initiator: initiatorOf(initiator), EncryptionKey: given.EncryptionKey,
		Logs: logsOf(given, p.place, p.Name, uuid), SourceVersions: []struct{}{},
	}
	if s.settings.loseLogs {
		b.Logs = nil
	}
	return b
}

// initiatorOf is the user's name, or the role's with its session (API reference, Build).
func initiatorOf(arn string) string {
	_, name, _ := strings.Cut(arn, "/")
	return name
}

// logsOf says where the logs of a build would be on AWS.
func logsOf(d description, at place, project, uuid string) map[string]any {
	group, stream := "/aws/codebuild/"+project, uuid
	if d.LogsConfig != nil && d.LogsConfig.CloudWatchLogs != nil {
		l := d.LogsConfig.CloudWatchLogs
		if l.Status == "DISABLED" {
			return nil
		}
		if l.GroupName != "" {
			group = l.GroupName
		}
		if l.StreamName != "" {
			stream = l.StreamName + "/" + uuid
		}
	}
	return map[string]any{
		"groupName": group, "streamName": stream,
		"cloudWatchLogsArn": "arn:aws:logs:" + at.region + ":" + at.account + ":log-group:" + group + ":log-stream:" + stream,
		"cloudWatchLogs":    cloudWatchLogs{Status: "ENABLED", GroupName: group},
	}
}

// stopBuild stops a build: it is over at once for whoever asks (AWS CLI reference, stop-build,
// whose answer is COMPLETED and STOPPED), and its process has the grace to end. Stopping one
// that is over changes nothing.
func (s *Service) stopBuild(in call) (any, error) {
	var asked struct {
		ID string `json:"id"`
	}
	if err := in.read(&asked); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.find(in.place, asked.ID)
	if b == nil {
		return nil, notFound("Build %s cannot be found", asked.ID)
	}
	s.finishLocked(b, statusStopped)
	if b.stop != nil {
		b.stop(errStopped)
	} else {
		s.line(b.project).drop(b)
	}
	return map[string]any{"build": b.show()}, nil
}

// room refuses a build that would neither run nor wait (user guide, "Builds": a project's own
// limit is an error at once, the account's a queue of five times that).
func (s *Service) room(p *project) error {
	if limit := p.ConcurrentBuildLimit; limit > 0 {
		n := 0
		for _, b := range s.builds {
			if b.project == p.place && b.ProjectName == p.Name && !b.Complete {
				n++
			}
		}
		if n >= limit {
			return &wire.Error{Code: "AccountLimitExceededException", Message: fmt.Sprintf("Cannot have more than %d active builds for the project", limit)}
		}
	}
	l := s.line(p.place)
	if (s.settings.held || l.active >= s.settings.limit) && len(l.queue) >= queuedPerRunning*s.settings.limit {
		return &wire.Error{Code: "AccountLimitExceededException", Message: fmt.Sprintf("Cannot have more than %d builds in queue for the account", queuedPerRunning*s.settings.limit)}
	}
	return nil
}
