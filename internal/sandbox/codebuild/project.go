package codebuild

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// Limits of time-outs in minutes (API reference, CreateProject).
const (
	minTimeout, maxTimeout, defaultTimeout = 5, 2160, 60
	minQueued, maxQueued, defaultQueued    = 5, 480, 480
	maxBatch                               = 100
)

// description is what a person says of a project. Only what a project without a source needs
// is here: every other field is refused by name.
type description struct {
	Name                   string      `json:"name"`
	Description            string      `json:"description,omitempty"`
	Source                 source      `json:"source"`
	Artifacts              artifacts   `json:"artifacts"`
	Cache                  cache       `json:"cache"`
	Environment            environment `json:"environment"`
	ServiceRole            string      `json:"serviceRole"`
	TimeoutInMinutes       int         `json:"timeoutInMinutes"`
	QueuedTimeoutInMinutes int         `json:"queuedTimeoutInMinutes"`
	EncryptionKey          string      `json:"encryptionKey,omitempty"`
	ConcurrentBuildLimit   int         `json:"concurrentBuildLimit,omitempty"`
	LogsConfig             *logsConfig `json:"logsConfig,omitempty"`
	BadgeEnabled           bool        `json:"badgeEnabled,omitempty"`
	Tags                   []tag       `json:"tags"`
}

type source struct {
	Type        string `json:"type"`
	BuildSpec   string `json:"buildspec,omitempty"`
	InsecureSSL bool   `json:"insecureSsl"`
}

type artifacts struct {
	Type string `json:"type"`
}

type cache struct {
	Type string `json:"type"`
}

type environment struct {
	Type                     string     `json:"type"`
	Image                    string     `json:"image"`
	ComputeType              string     `json:"computeType"`
	Variables                []variable `json:"environmentVariables"`
	PrivilegedMode           bool       `json:"privilegedMode"`
	ImagePullCredentialsType string     `json:"imagePullCredentialsType,omitempty"`
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Type  string `json:"type,omitempty"`
}

type logsConfig struct {
	CloudWatchLogs *cloudWatchLogs `json:"cloudWatchLogs,omitempty"`
	S3Logs         *s3Logs         `json:"s3Logs,omitempty"`
}

type cloudWatchLogs struct {
	Status     string `json:"status"`
	GroupName  string `json:"groupName,omitempty"`
	StreamName string `json:"streamName,omitempty"`
}

type s3Logs struct {
	Status string `json:"status"`
}

type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// project is one with its place and history.
type project struct {
	description
	ARN          string `json:"arn"`
	Created      epoch  `json:"created"`
	LastModified epoch  `json:"lastModified"`

	place  place
	builds int64 // started so far
}

var projectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9\-_]{1,149}$`) // API reference, CreateProject

// computeTypes and environments are those that run Linux in a container (API reference,
// ProjectEnvironment).
var (
	computeTypes = []string{"BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE", "BUILD_GENERAL1_XLARGE", "BUILD_GENERAL1_2XLARGE"}
	environments = []string{"LINUX_CONTAINER", "ARM_CONTAINER"}
)

// complete fills in what CodeBuild takes for what is not said, and says what is wrong.
func (d *description) complete() error {
	d.TimeoutInMinutes = cmp.Or(d.TimeoutInMinutes, defaultTimeout)
	d.QueuedTimeoutInMinutes = cmp.Or(d.QueuedTimeoutInMinutes, defaultQueued)
	d.Cache.Type = cmp.Or(d.Cache.Type, "NO_CACHE")
	if d.Tags == nil {
		d.Tags = []tag{}
	}
	if d.Environment.Variables == nil {
		d.Environment.Variables = []variable{}
	}
	if !projectName.MatchString(d.Name) {
		return invalid("Project name %q does not match the pattern %s", d.Name, projectName)
	}
	if d.ServiceRole == "" {
		return invalid("Service role is required")
	}
	if err := d.runnable(); err != nil {
		return err
	}
	return inMinutes(d.TimeoutInMinutes, d.QueuedTimeoutInMinutes)
}

// runnable says what of a project's own settings, or of those that a build overrides, cannot run here.
func (d *description) runnable() error {
	switch {
	case d.Source.Type == "":
		return invalid("Project source type is required")
	case d.Source.Type != "NO_SOURCE":
		return invalid("the sandbox's CodeBuild has no source type %s, only NO_SOURCE", d.Source.Type)
	case d.Source.BuildSpec == "":
		return invalid("Project source NO_SOURCE requires a buildspec") // user guide, "Buildspec file name and storage location"
	case d.Artifacts.Type != "NO_ARTIFACTS":
		return invalid("the sandbox's CodeBuild has no artifacts of type %q, only NO_ARTIFACTS", d.Artifacts.Type)
	case d.Cache.Type != "NO_CACHE":
		return invalid("the sandbox's CodeBuild has no cache of type %s, only NO_CACHE", d.Cache.Type)
	case d.BadgeEnabled:
		return invalid("Badges are not supported for source type NO_SOURCE")
	case d.Environment.Image == "":
		return invalid("Project environment image is required")
	case !slices.Contains(environments, d.Environment.Type):
		return invalid("the sandbox's CodeBuild has no environment of type %q, only %v", d.Environment.Type, environments)
	case !slices.Contains(computeTypes, d.Environment.ComputeType):
		return invalid("the sandbox's CodeBuild has no compute type %q, only %v", d.Environment.ComputeType, computeTypes)
	case d.LogsConfig != nil && d.LogsConfig.S3Logs != nil && d.LogsConfig.S3Logs.Status == "ENABLED":
		return invalid("the sandbox's CodeBuild has no logs in S3")
	}
	for _, v := range d.Environment.Variables {
		if v.Type != "" && v.Type != "PLAINTEXT" {
			return invalid("the sandbox's CodeBuild has no environment variables of type %s (%s), only PLAINTEXT", v.Type, v.Name)
		}
	}
	return nil
}

func inMinutes(timeout, queued int) error {
	if timeout < minTimeout || timeout > maxTimeout {
		return invalid("Timeout in minutes must be between %d and %d, not %d", minTimeout, maxTimeout, timeout)
	}
	if queued < minQueued || queued > maxQueued {
		return invalid("Queued timeout in minutes must be between %d and %d, not %d", minQueued, maxQueued, queued)
	}
	return nil
}

func (s *Service) createProject(ctx context.Context, in call) (any, error) {
	var d description
	if err := in.read(&d); err != nil {
		return nil, err
	}
	p, err := s.create(ctx, in.place, d)
	return map[string]any{"project": p}, err
}

// create makes a project. Its role must trust CodeBuild by then (user guide,
// "Troubleshooting": "CodeBuild is not authorized to perform: sts:AssumeRole").
func (s *Service) create(ctx context.Context, at place, d description) (project, error) {
	if err := d.complete(); err != nil {
		return project{}, err
	}
	arn := at.arn("project/" + d.Name)
	if err := s.trusted(ctx, d.ServiceRole, arn); err != nil {
		return project{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.projects[arn] != nil {
		return project{}, &wire.Error{Code: "ResourceAlreadyExistsException", Message: "Project already exists: " + arn}
	}
	now := epoch(s.c.Now())
	p := &project{description: d, ARN: arn, Created: now, LastModified: now, place: at}
	s.projects[arn] = p
	return *p, nil
}

func (s *Service) trusted(ctx context.Context, role, projectARN string) error {
	if err := s.c.Trusted(ctx, role, projectARN); err != nil {
		s.c.Log.Warn("role not assumed by CodeBuild", "role", role, "error", err)
		return invalid("CodeBuild is not authorized to perform: sts:AssumeRole on %s", role)
	}
	return nil
}

// updateProject changes the fields that the request has, each as a whole.
func (s *Service) updateProject(ctx context.Context, in call) (any, error) {
	var named struct{ Name string }
	var given map[string]json.RawMessage
	if err := json.Unmarshal(in.body, &named); err != nil {
		return nil, &wire.Error{Code: "SerializationException", Message: err.Error()}
	}
	_ = json.Unmarshal(in.body, &given) // an object, as was just seen
	old, err := s.project(in.place, named.Name)
	if err != nil {
		return nil, err
	}
	fields, err := json.Marshal(old.description)
	if err != nil {
		return nil, err
	}
	merged := map[string]json.RawMessage{}
	if err := json.Unmarshal(fields, &merged); err != nil {
		return nil, err
	}
	maps.Copy(merged, given)
	if fields, err = json.Marshal(merged); err != nil {
		return nil, err
	}
	var d description
	if err := strict(fields, &d); err != nil {
		return nil, err
	}
	p, err := s.change(ctx, in.place, d)
	return map[string]any{"project": p}, err
}

// change gives a project another description.
func (s *Service) change(ctx context.Context, at place, d description) (project, error) {
	if err := d.complete(); err != nil {
		return project{}, err
	}
	if err := s.trusted(ctx, d.ServiceRole, at.arn("project/"+d.Name)); err != nil {
		return project{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[at.arn("project/"+d.Name)]
	if p == nil {
		return project{}, noProject(at, d.Name)
	}
	p.description, p.LastModified = d, epoch(s.c.Now())
	return *p, nil
}

// deleteProject takes one that is not there for deleted. Its builds stay.
func (s *Service) deleteProject(in call) (any, error) {
	var named struct{ Name string }
	if err := in.read(&named); err != nil {
		return nil, err
	}
	s.remove(in.place, named.Name)
	return struct{}{}, nil
}

func (s *Service) remove(at place, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.projects, at.arn("project/"+name))
}

func (s *Service) batchGetProjects(in call) (any, error) {
	var asked struct{ Names []string }
	if err := in.read(&asked); err != nil {
		return nil, err
	}
	if n := len(asked.Names); n == 0 || n > maxBatch {
		return nil, invalid("names must have between 1 and %d items, not %d", maxBatch, n)
	}
	found, missing := []project{}, []string{}
	for _, name := range asked.Names {
		if p, err := s.project(in.place, name); err == nil {
			found = append(found, p)
		} else {
			missing = append(missing, name)
		}
	}
	return map[string]any{"projects": found, "projectsNotFound": missing}, nil
}

func (s *Service) listProjects(in call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{}
	for _, p := range s.projects {
		if p.place == in.place {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return map[string]any{"projects": names}, nil
}

// project returns a copy of one.
func (s *Service) project(at place, name string) (project, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.projects[at.arn("project/"+name)]; p != nil {
		return *p, nil
	}
	return project{}, noProject(at, name)
}

func noProject(at place, name string) error {
	return notFound("Project cannot be found: %s", at.arn("project/"+name))
}
