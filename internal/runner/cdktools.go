package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// exactly is a version of the CDK's command line: it becomes an argument, and a range would be
// another program some day.
var exactly = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)

// others are the languages of CDK apps that a build does not run, by the program that runs such
// an app and by the files that it begins with.
var others = []other{
	{"Python", []string{"python", "pipenv", "poetry", "uv"}, []string{"requirements.txt", "pyproject.toml", "setup.py", "Pipfile"}},
	{"Java", []string{"mvn", "gradle", "java"}, []string{"pom.xml", "build.gradle", "build.gradle.kts"}},
	{".NET", []string{"dotnet"}, []string{"*.sln", "*.csproj", "src/*.sln"}},
}

type other struct {
	language        string
	programs, files []string
}

// suited refuses an app that a build cannot run.
func suited(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "cdk.json"))
	if errors.Is(err, os.ErrNotExist) {
		return failed("the application's path has no cdk.json, which says how its app is run")
	}
	if err != nil {
		return fmt.Errorf("read cdk.json: %w", err)
	}
	var said struct {
		App json.RawMessage `json:"app"`
	}
	if err := json.Unmarshal(data, &said); err != nil {
		return failed("cdk.json: %s", gitops.Printable(err.Error()))
	}
	var command string
	_ = json.Unmarshal(said.App, &command) // what is no text the CDK's command line refuses
	for _, o := range others {
		if by := o.foundIn(dir, command); by != "" {
			return failed("the app is one of %s (%s): builds run apps of TypeScript, JavaScript and Go", o.language, by)
		}
	}
	return nil
}

// foundIn returns by what an app is one of a language; empty where it is none.
func (o other) foundIn(dir, command string) string {
	if words := strings.Fields(command); len(words) > 0 {
		program := filepath.Base(words[0])
		if slices.ContainsFunc(o.programs, func(p string) bool { return strings.HasPrefix(program, p) }) {
			return "cdk.json runs " + gitops.Printable(program)
		}
	}
	if there(dir, "package.json") || there(dir, "go.mod") {
		return "" // another language's files are something else of the repository's
	}
	for _, pattern := range o.files {
		if found, err := filepath.Glob(filepath.Join(dir, pattern)); err == nil && len(found) > 0 {
			return gitops.Printable(filepath.Base(found[0]))
		}
	}
	return ""
}

func there(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular()
}

// installCDK installs what the app needs, and finds the CDK's command line.
func (s *session) installCDK(ctx context.Context) error {
	if err := s.dependencies(ctx); err != nil {
		return err
	}
	own := filepath.Join(s.app, "node_modules", ".bin", "cdk")
	if _, err := os.Stat(own); err == nil {
		s.program = own
		return nil
	}
	version := s.order.CDK.Version
	if !exactly.MatchString(version) {
		return failed("cdk.version is %q: one exact version is allowed, such as 2.1148.1", gitops.Printable(version))
	}
	if s.program = find("cdk", s.variable("PATH")); s.program != "" && s.versionOf(ctx) == version {
		return nil
	}
	return s.fetchCDK(ctx, version)
}

// dependencies installs the packages of an app's lock file. A Go app's are had by the app's own
// command. The packages' install scripts run if npm and the app's package.json say so: their
// code runs with this build's rights in any case, as soon as the app imports it.
func (s *session) dependencies(ctx context.Context) error {
	if !there(s.app, "package.json") {
		return nil
	}
	if !there(s.app, "package-lock.json") && !there(s.app, "npm-shrinkwrap.json") {
		for _, name := range []string{"yarn.lock", "pnpm-lock.yaml", "bun.lock"} {
			if there(s.app, name) {
				return failed("package.json has no package-lock.json beside it but a %s: builds install with npm; commit the package-lock.json that \"npm install\" writes", name)
			}
		}
		return failed("package.json has no package-lock.json beside it: commit the one that \"npm install\" writes, so that a build installs what was tested")
	}
	return s.npm(ctx, s.app, "ci")
}

// fetchCDK downloads the CDK's command line. It needs no install scripts.
func (s *session) fetchCDK(ctx context.Context, version string) error {
	dir := s.path("cdk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make a directory for the CDK's command line: %w", err)
	}
	s.program = filepath.Join(dir, "node_modules", ".bin", "cdk")
	return s.npm(ctx, dir, "install", "--prefix="+dir, "--no-save", "--ignore-scripts", "aws-cdk@"+version)
}

// npm runs a call of npm's.
func (s *session) npm(ctx context.Context, dir string, args ...string) error {
	program := find("npm", s.variable("PATH"))
	if program == "" {
		return failed("there is no npm on the build's PATH")
	}
	r, err := s.tool(ctx, dir, program, args, "npm")
	if err != nil {
		return err
	}
	if r.code != 0 {
		return failed("npm %s: %s", args[0], npmCause(r.output))
	}
	return nil
}

// versionOf asks the CDK's command line for its version; empty where it tells none.
func (s *session) versionOf(ctx context.Context) string {
	cmd := s.command(ctx, s.program, []string{"--version"})
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout = s.path("home"), &out
	if _, err := run(ctx, cmd, "cdk --version"); err != nil {
		return ""
	}
	version, _, _ := strings.Cut(strings.TrimSpace(out.String()), " ") // "2.1148.1 (build fcf5e34)"
	return version
}

// grace is how long what is told to end may take to.
const grace = 10 * time.Second

// tool runs a program that starts others, with their output in the log. When ctx ends all of them
// are told to end; and none is left when it has ended.
func (s *session) tool(ctx context.Context, dir, program string, args []string, name string) (result, error) {
	cmd := s.command(ctx, program, args)
	cmd.Dir = dir
	cmd.Cancel = func() error { return signalGroup(cmd, syscall.SIGTERM) }
	cmd.WaitDelay = grace
	r, err := s.logged(ctx, cmd, name)
	if cmd.Process != nil {
		_ = signalGroup(cmd, syscall.SIGKILL) // nobody is there, as a rule
	}
	return r, err
}

// variable is one of what runs; the last of a name is the one that counts (os/exec, Cmd.Env).
func (s *session) variable(name string) string {
	for _, v := range slices.Backward(s.env) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// find returns where a program is on a PATH; empty where it is not. What is not absolute there
// would be the application's.
func find(name, path string) string {
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); filepath.IsAbs(dir) && err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return file
		}
	}
	return ""
}
