package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Names in terraform's directory and in the files of its AWS settings.
const (
	lockFile      = ".terraform.lock.hcl"
	backendFile   = "driftless_override.tf"
	erroredState  = "errored.tfstate"
	targetProfile = "driftless"
	stateProfile  = "driftless-state"
)

// workspace is what a workspace may be called: it is an argument, and a part of a key.
var workspace = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,89}$`)

// prepare makes everything ready for a plan or an apply of the application.
func (s *session) prepare(ctx context.Context) error {
	if err := s.step("fetch", func() error { return s.fetch(ctx) }); err != nil {
		return err
	}
	var err error
	s.lock, err = os.ReadFile(filepath.Join(s.app, lockFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read %s: %w", lockFile, err)
	}
	if s.job.Kind == gitops.OperationApply {
		if err := s.fetchPlan(ctx); err != nil {
			return err
		}
	}
	if s.config, err = inspect(s.app, s.order.Terraform.Flavor); err != nil {
		return err
	}
	if err := s.config.agrees(s.order.Terraform.Backend); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(s.app, erroredState)); err == nil {
		return failed("%s is among the application's files: a state that a backend refused does not belong into git", erroredState)
	}
	if err := s.step("install", func() error { return s.install(ctx) }); err != nil {
		return fmt.Errorf("install %s %s: %w", s.order.Terraform.Flavor, s.order.Terraform.Version, err)
	}
	if err := s.settings(); err != nil {
		return err
	}
	secrets, err := s.secrets(ctx)
	if err != nil {
		return err
	}
	s.env = append(append(s.env, terraformEnvironment(s.Lookup, s.Dir)...), secrets...)
	if s.job.Kind != gitops.OperationDetect { // which takes no lock
		if err := s.own(ctx, s.order, s.job); err != nil {
			return err
		}
	}
	return s.step("init", func() error {
		if err := s.init(ctx); err != nil {
			return err
		}
		s.env = append(s.env, s.providers(ctx)...)
		return nil
	})
}

// settings writes the AWS profiles and makes the environment of what runs.
func (s *session) settings() error {
	profiles, err := s.profiles()
	if err != nil {
		return err
	}
	for name, data := range map[string]string{"aws-config": profiles, "aws-credentials": ""} {
		if err := write(s.path(name), []byte(data)); err != nil {
			return fmt.Errorf("write AWS settings: %w", err)
		}
	}
	if err := os.Mkdir(s.path("home"), 0o700); err != nil {
		return fmt.Errorf("make a home: %w", err)
	}
	if token, ok := s.Lookup("AWS_CONTAINER_AUTHORIZATION_TOKEN"); ok {
		s.conceal(shortest, token) // what runs knows it
	}
	s.env = environment(s.Lookup, s.Dir, s.order.Access.Region)
	return nil
}

// profiles returns AWS settings with two profiles: of the target's role, which the providers use
// and refresh, and of the build's own, which the state's backend uses. The latter asks this very
// program, since no other source gives a profile the container's credentials without a role
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html).
func (s *session) profiles() (string, error) {
	a := s.order.Access
	for _, value := range []string{a.Role, a.ExternalID, a.Region, s.order.State.Region, s.order.Application} {
		if strings.ContainsAny(value, "\n\r[]") {
			return "", failed("the order's access has a value that AWS settings cannot hold: %q", value)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[profile %s]\nregion = %s\n", targetProfile, a.Region)
	if a.Role != "" {
		fmt.Fprintf(&b, "role_arn = %s\nrole_session_name = %s\ncredential_source = EcsContainer\n", a.Role, session64("driftless-"+s.order.Application))
	} else {
		fmt.Fprintf(&b, "credential_process = \"%s\" credentials\n", s.Self)
	}
	if a.ExternalID != "" {
		fmt.Fprintf(&b, "external_id = %s\n", a.ExternalID)
	}
	fmt.Fprintf(&b, "\n[profile %s]\nregion = %s\ncredential_process = \"%s\" credentials\n", stateProfile, cmp.Or(s.order.State.Region, a.Region), s.Self)
	return b.String(), nil
}

// session64 is a session's name, which has 64 characters at most (AssumeRole, API reference).
func session64(name string) string { return name[:min(len(name), 64)] }

// init makes the working directory ready: the backend, the providers, the modules, the workspace.
func (s *session) init(ctx context.Context) error {
	var backend map[string]string
	if !s.order.Terraform.Backend {
		if err := write(filepath.Join(s.app, backendFile), []byte("terraform {\n  backend \"s3\" {}\n}\n")); err != nil {
			return failed("%s cannot be made beside the configuration: %v", backendFile, err)
		}
		backend = map[string]string{"bucket": s.order.State.Bucket, "key": s.order.State.Key, "region": s.order.State.Region,
			"profile": stateProfile, "use_lockfile": "true", "encrypt": "true"}
	}
	_, err := os.Lstat(filepath.Join(s.app, lockFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("find %s: %w", lockFile, err)
	}
	args := initArgs(backend, err == nil)
	reused := s.restore(ctx)
	r, err := s.terraform(ctx, append(args, reused.args...))
	if err == nil && r.code != 0 && reused.some && ctx.Err() == nil {
		s.log.printf("\nOnce more, without what an earlier build downloaded.\n")
		if err := s.forget(); err != nil {
			return err
		}
		r, err = s.terraform(ctx, args)
	}
	if err != nil || r.code != 0 {
		s.fresh = slices.DeleteFunc(s.fresh, func(d download) bool { return d.name != programDir }) // what is there may be a part of it
	}
	if err != nil {
		return err
	}
	if r.code != 0 {
		return s.ended("init", r)
	}
	return s.selectWorkspace(ctx)
}

// selectWorkspace selects the application's workspace, and makes it where there is none.
func (s *session) selectWorkspace(ctx context.Context) error {
	name := s.order.Terraform.Workspace
	if name == "" || name == "default" {
		return nil
	}
	if !workspace.MatchString(name) {
		return failed("workspace %q: letters, digits, _, . and - are allowed, 90 at most", name)
	}
	r, err := s.terraform(ctx, workspaceArgs(name))
	if err != nil {
		return err
	}
	if r.code != 0 {
		return s.ended("workspace select", r)
	}
	return nil
}

// wait is how long terraform waits for the state's lock.
func (s *session) wait() time.Duration { return cmp.Or(s.LockTimeout, time.Minute) }

// passed are the variables of the build's environment that what runs sees too. Nothing of
// Driftless's own is among them. The container's variables say where the build's credentials
// are had, which the target's role is assumed with.
var passed = []string{"PATH", "USER", "LANG", "TMPDIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"}

// environment is that of whatever runs, but for secrets.
func environment(lookup func(string) (string, bool), dir, region string) []string {
	env := given(lookup, passed)
	// Where all of AWS has another address, a profile's role is assumed at the real one all the same,
	// unless that is said apart (seen with hashicorp/aws 5.100.0).
	if _, ok := lookup("AWS_ENDPOINT_URL_STS"); !ok {
		if value, ok := lookup("AWS_ENDPOINT_URL"); ok {
			env = append(env, "AWS_ENDPOINT_URL_STS="+value)
		}
	}
	return append(env, "HOME="+filepath.Join(dir, "home"), "GIT_TERMINAL_PROMPT=0",
		"AWS_CONFIG_FILE="+filepath.Join(dir, "aws-config"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "aws-credentials"),
		"AWS_PROFILE="+targetProfile, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region, "AWS_EC2_METADATA_DISABLED=true")
}

// terraformEnvironment is what terraform's has beside that. A build has gigabytes, and one
// configuration: terraform and its providers collect garbage a quarter as often, which is a
// fifth of their processor time, up to where it would matter.
func terraformEnvironment(lookup func(string) (string, bool), dir string) []string {
	return append(given(lookup, []string{"TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR"}), "GOGC=400", "GOMEMLIMIT=1GiB",
		"TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1", "TF_DATA_DIR="+filepath.Join(dir, "terraform"))
}

// given are those variables of an environment that are there, of some.
func given(lookup func(string) (string, bool), names []string) []string {
	var env []string
	for _, name := range names {
		if value, ok := lookup(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
