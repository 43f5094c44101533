package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/driftless-gitops/driftless/internal/fake"
)

var update = flag.Bool("update", false, "write what the scripts compare anew")

func reader(s string) io.Reader { return strings.NewReader(s) }

// here is the key of a script's world.
type here struct{}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			w := newWorld()
			e.Values[here{}] = w
			e.Defer(w.close)
			e.Setenv("REPO", repoURL)
			return os.CopyFS(filepath.Join(e.WorkDir, "infra"), os.DirFS("testdata/infra"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"driftless": func(ts *testscript.TestScript, neg bool, args []string) {
				if got := run(ts, args); got != ExitOK && !neg || got == ExitOK && neg {
					ts.Fatalf("exit code %d", got)
				}
			},
			"exits":    exits,
			"push":     push,
			"edit":     edit,
			"world":    script,
			"settle":   func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(in(ts).settle(context.Background())) },
			"terminal": func(ts *testscript.TestScript, _ bool, args []string) { in(ts).typed = strings.Join(args, " ") + "\n" },
			"live":     func(ts *testscript.TestScript, _ bool, _ []string) { in(ts).live = true },
			"digest":   digest,
			"link":     link,
			"key":      key,
			"ignored": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Check(ts.Exec("git", "init", "--quiet", ts.MkAbs("files")))
			},
			"clock": func(ts *testscript.TestScript, _ bool, args []string) {
				d, err := time.ParseDuration(args[0])
				ts.Check(err)
				in(ts).pass(d)
			},
			"broken": func(ts *testscript.TestScript, _ bool, args []string) { in(ts).breakWith(number(ts, args[0])) },
			"interrupt-after": func(ts *testscript.TestScript, _ bool, args []string) {
				in(ts).limit = number(ts, args[0])
			},
			"secret": func(ts *testscript.TestScript, _ bool, args []string) {
				if got := in(ts).secrets[args[0]]; got == "" || len(args) > 1 && !regexp.MustCompile(args[1]).MatchString(got) {
					ts.Fatalf("the secret %s is %q", args[0], got)
				}
			},
		},
	})
}

func in(ts *testscript.TestScript) *world { return ts.Value(here{}).(*world) }

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// unquote reads a text with Go's escapes.
func unquote(ts *testscript.TestScript, s string) string {
	text, err := strconv.Unquote(`"` + s + `"`)
	ts.Check(err)
	return text
}

// run runs the program, and leaves its output to the script.
func run(ts *testscript.TestScript, args []string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out, errs bytes.Buffer
	w := in(ts)
	got := Run(ctx, w.config(ctx, cancel, &out, &errs, ts.Getenv), args)
	w.typed, w.live, w.limit = "", false, 0
	_, _ = ts.Stdout().Write(out.Bytes())
	_, _ = ts.Stderr().Write(errs.Bytes())
	return got
}

// exits CODE ARGS... runs the program, which has to exit with the code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if got := run(ts, args[1:]); strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// push MESSAGE DIR commits a directory and lets the resync see it; the commit is $COMMIT.
func push(ts *testscript.TestScript, _ bool, args []string) {
	commit, err := in(ts).push(unquote(ts, args[0]), ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Setenv("COMMIT", commit[:7])
	_, err = in(ts).sweep.Repositories(context.Background())
	ts.Check(err)
}

// edit STACK RESOURCE [PROPERTY [VALUE]] changes what runs by hand.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	args = append(args, "", "")
	in(ts).engine.Edit(target, args[0], args[1], args[2], args[3])
}

// world APPLICATION [WHAT VALUE] scripts what AWS does to an application.
func script(ts *testscript.TestScript, _ bool, args []string) {
	var s fake.Script
	for i := 1; i+1 < len(args); i += 2 {
		switch args[i] {
		case "slow":
			s.Slow = number(ts, args[i+1])
		case "fail-plan":
			s.FailPlan = unquote(ts, args[i+1])
		case "fail-apply":
			s.FailApply = unquote(ts, args[i+1])
		case "fail-detect":
			s.FailDetect = args[i+1]
		case "not-checkable":
			s.NotCheckable = strings.Fields(args[i+1])
		default:
			ts.Fatalf("nothing of the world is called %s", args[i])
		}
	}
	in(ts).engine.Script(args[0], s)
}

// link puts into the directory files what no archive can hold.
func link(ts *testscript.TestScript, _ bool, _ []string) {
	jobs := ts.MkAbs("files/stacks/jobs")
	ts.Check(os.Symlink("template.yaml", filepath.Join(jobs, "other.yaml")))
	ts.Check(os.MkdirAll(filepath.Join(jobs, "modules"), 0o755))
	ts.Check(os.Symlink("..", filepath.Join(jobs, "modules", "up")))
	ts.Check(os.WriteFile(filepath.Join(jobs, "a\nb"), nil, 0o644))
	ts.Check(os.WriteFile(filepath.Join(jobs, "large.bin"), make([]byte, 3<<19), 0o644))
	ts.Check(os.WriteFile(filepath.Join(jobs, "largest.bin"), make([]byte, 1<<20), 0o644))
}

// key FILE writes the private key of a GitHub App, in PEM.
func key(ts *testscript.TestScript, _ bool, args []string) {
	made, err := rsa.GenerateKey(rand.Reader, 2048)
	ts.Check(err)
	data := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(made)})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

// digest APPLICATION sets $DIGEST to that of the plan that waits, and $SHORT to its beginning.
func digest(ts *testscript.TestScript, _ bool, args []string) {
	w := in(ts)
	a, err := w.store.Application(context.Background(), args[0])
	ts.Check(err)
	d, err := w.store.Deployment(context.Background(), args[0], a.InFlight)
	ts.Check(err)
	if len(d.Plan.Digest) != 64 {
		ts.Fatalf("%s", fmt.Sprintf("%s has the plan %q", args[0], d.Plan.Digest))
	}
	ts.Setenv("DIGEST", d.Plan.Digest)
	ts.Setenv("SHORT", d.Plan.Digest[:7])
}
