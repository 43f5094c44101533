package codebuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// part is a phase that runs commands.
type part struct {
	phase string
	steps steps
	must  bool // its failure ends the build before the later ones
}

// run carries a build through its phases, unless it is stopped meanwhile.
func (s *Service) run(ctx context.Context, b *build, timing Timing) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(b.Timeout)*timing.Minute, errTimedOut)
	defer cancel()
	if !s.enter(b, phaseProvisioning) {
		return
	}
	if s.faulted(b) {
		s.fail(b, statusFault, "INTERNAL_ERROR", "the sandbox was told to let this build fault")
		s.finish(b, statusFault)
		return
	}
	e, err := s.provision(ctx, b, timing)
	if err != nil {
		s.c.Log.Warn("build not provisioned", "build", b.ID, "error", err)
		s.fail(b, statusFailed, "CLIENT_ERROR", err.Error())
		s.finish(b, statusFailed)
		return
	}
	defer e.close()
	s.enter(b, phaseDownload)
	sp, err := parseSpec(b.given.Source.BuildSpec)
	if err != nil {
		s.fail(b, statusFailed, "YAML_FILE_ERROR", err.Error())
		s.conclude(ctx, b, false)
		return
	}
	s.conclude(ctx, b, s.commands(ctx, b, e, sp))
}

// commands runs the phases that have commands and reports whether all went well. Where
// install or pre_build fail nothing else runs; post_build runs after a build that failed
// (user guide, "Build phase transitions").
func (s *Service) commands(ctx context.Context, b *build, e *executor, sp spec) (succeeding bool) {
	e.shell, e.variables = sp.Env.Shell, sp.Env.Variables
	succeeding = true
	for _, p := range []part{
		{phaseInstall, sp.Phases.Install, true}, {phasePreBuild, sp.Phases.PreBuild, true},
		{phaseBuild, sp.Phases.Build, false}, {phasePostBuild, sp.Phases.PostBuild, false},
	} {
		if !s.enter(b, p.phase) {
			return false
		}
		command, err := e.steps(ctx, p.steps, succeeding)
		if err == nil {
			continue
		}
		succeeding = false
		if ctx.Err() != nil {
			return false
		}
		s.fail(b, statusFailed, "COMMAND_EXECUTION_ERROR", fmt.Sprintf("Error while executing command: %s. Reason: %v", command, err))
		if p.must {
			return false
		}
	}
	return succeeding
}

// conclude ends a build by how it went: stopped, timed out, failed or not.
func (s *Service) conclude(ctx context.Context, b *build, succeeding bool) {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTimedOut):
		s.fail(b, statusTimedOut, "BUILD_TIMED_OUT", "Build has timed out. ")
		s.finish(b, statusTimedOut)
		return
	case cause != nil:
		s.finish(b, statusStopped) // said already, unless the sandbox itself ends
		return
	}
	s.enter(b, phaseUpload)
	s.enter(b, phaseFinalizing)
	status := statusSucceeded
	if !succeeding {
		status = statusFailed
	}
	s.complete(b, status)
}

// complete ends a build whose last phase went well, whatever became of the build.
func (s *Service) complete(b *build, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !b.Complete {
		s.closePhase(b, statusSucceeded)
		s.finishLocked(b, status)
	}
}

// provision makes the directory and the environment that a build runs in, under its role.
func (s *Service) provision(ctx context.Context, b *build, timing Timing) (*executor, error) {
	if _, err := s.renew(ctx, b); err != nil {
		return nil, err
	}
	dir := filepath.Join(s.c.Dir, b.uuid)
	for _, sub := range []string{"src", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make directory of build: %w", err)
		}
	}
	log, err := s.openLog(b)
	if err != nil {
		return nil, err
	}
	return newExecutor(dir, s.environ(b, dir), log, timing.Grace, &b.group)
}

// openLog opens the file of a build's output; one whose logs are lost has none.
func (s *Service) openLog(b *build) (*os.File, error) {
	name := os.DevNull
	if b.Logs != nil {
		dir := filepath.Join(s.c.Dir, "logs", b.ProjectName)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make directory of logs: %w", err)
		}
		name = filepath.Join(dir, b.uuid+".log")
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}

// Log returns what a build has printed so far.
func (s *Service) Log(id string) (string, error) {
	project, uuid, found := strings.Cut(id, ":")
	if !found || filepath.Base(uuid) != uuid || filepath.Base(project) != project {
		return "", fmt.Errorf("read log of %q: not the id of a build", id)
	}
	text, err := os.ReadFile(filepath.Join(s.c.Dir, "logs", project, uuid+".log"))
	if err != nil {
		return "", fmt.Errorf("read log of %s: %w", id, err)
	}
	return string(text), nil
}

// taken is what a build gets of this program's own environment: nothing that is a secret.
var taken = []string{"PATH", "HOME", "TF_CLI_CONFIG_FILE"}

// environ is the environment of a build (user guide, "Environment variables in build
// environments"). Credentials are those of a container; AWS gives their address without host,
// which is not reachable here, and SDKs take a full one of the loopback as well.
func (s *Service) environ(b *build, dir string) []string {
	var env []string
	for _, name := range taken {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for _, v := range b.given.Environment.Variables {
		env = append(env, v.Name+"="+v.Value)
	}
	return append(env,
		"TMPDIR="+filepath.Join(dir, "tmp"),
		"AWS_REGION="+b.project.region, "AWS_DEFAULT_REGION="+b.project.region,
		"AWS_ENDPOINT_URL="+s.c.Endpoint(),
		"AWS_CONTAINER_CREDENTIALS_FULL_URI="+s.c.Endpoint()+credentialsPath+b.uuid,
		"AWS_CONTAINER_AUTHORIZATION_TOKEN="+b.key,
		"AWS_EC2_METADATA_DISABLED=true",
		"CODEBUILD_BUILD_ID="+b.ID, "CODEBUILD_BUILD_ARN="+b.ARN,
		"CODEBUILD_BUILD_NUMBER="+fmt.Sprint(b.Number),
		"CODEBUILD_BUILD_IMAGE="+b.given.Environment.Image,
		"CODEBUILD_INITIATOR="+b.Initiator,
		"CODEBUILD_LOG_PATH="+b.uuid,
		"CODEBUILD_PROJECT_ARN="+b.project.arn("project/"+b.ProjectName),
		"CODEBUILD_SRC_DIR="+filepath.Join(dir, "src"),
		"CODEBUILD_START_TIME="+fmt.Sprint(time.Time(b.Start).UnixMilli()),
	)
}
