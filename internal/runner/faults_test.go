package runner_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// program is cmd/runner, compiled once.
var program = sync.OnceValues(func() (string, error) {
	name := filepath.Join(scratch, "runner")
	out, err := exec.Command("go", "build", "-o", name, "../../cmd/runner").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return name, nil
})

// start runs the real program on an order, as a build does, in a session of its own.
func (w *world) start(o build.Order) *exec.Cmd {
	w.Helper()
	name, err := program()
	w.must(err)
	cmd := exec.Command(name)
	for k, v := range w.environ {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Env = append(cmd.Env, "TMPDIR="+w.TempDir(), "CODEBUILD_BUILD_ID=p:"+o.Job.Token, "DRIFTLESS_ORDER="+w.place(o))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	w.must(cmd.Start())
	w.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		w.Logf("the build said: %s", said.String())
	})
	return cmd
}

// until waits for something to hold.
func (w *world) until(what string, holds func() bool) {
	w.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(end) {
			w.Fatalf("waited in vain until %s", what)
		}
	}
}

func exists(name string) bool { _, err := os.Stat(name); return err == nil }

// slow is a configuration of which one resource is made at once, and a second one only when the
// file go is there. It says in the file began that it waits.
func slow(dir string) map[string]string {
	return map[string]string{"main.tf": fmt.Sprintf(`
resource "terraform_data" "quick" {}
resource "terraform_data" "slow" {
  depends_on = [terraform_data.quick]
  provisioner "local-exec" {
    command = "touch %[1]s/began; while ! test -e %[1]s/go; do sleep 0.1; done"
  }
}`, dir)}
}

// applyingSlowly starts to apply such a configuration, and returns once it waits.
func (w *world) applyingSlowly() (cmd *exec.Cmd, apply build.Order, files map[string]string, dir string) {
	w.Helper()
	dir = w.TempDir()
	w.Cleanup(func() { _ = os.WriteFile(filepath.Join(dir, "go"), nil, 0o600) })
	files = slow(dir)
	o, planned := w.plan(files)
	apply = w.applying(o, planned)
	apply.Queue = ""
	cmd = w.start(apply)
	w.until("the apply waits", func() bool { return exists(filepath.Join(dir, "began")) })
	return cmd, apply, files, dir
}

// locked reports whether the state is.
func (w *world) locked(o build.Order) bool {
	w.Helper()
	_, err := w.object(w.state, o.State.LockKey(""))
	return err == nil
}

func TestR30_ABuildThatIsKilledLeavesALockThatTheNextPlanRemovesForAPersonToLook(t *testing.T) {
	w := newWorld(t)
	cmd, apply, files, dir := w.applyingSlowly()
	w.must(cmd.Process.Kill())
	_ = cmd.Wait() // killed, as wanted
	w.until("terraform is gone with its build", func() bool { return !runs(cmd.Process.Pid, "terraform") })
	w.must(os.WriteFile(filepath.Join(dir, "go"), nil, 0o600))
	if got := w.text(apply.Job.ReportKey()); got != "(nothing)" {
		t.Fatalf("a build that was killed reported %s", got)
	}
	var lock build.Lock
	data, err := w.object(w.state, apply.State.LockKey(""))
	w.must(err)
	w.must(unmarshal(data, &lock))
	var owner build.Owner
	w.read(build.OwnerKey(apply.Job.Side, apply.Application, lock.Who), &owner)
	if owner.Build != "p:"+apply.Job.Token || owner.Who != lock.Who || owner.Job != apply.Job {
		t.Errorf("the owner is %+v, the lock says %q", owner, lock.Who)
	}

	blocked := w.do(w.order(gitops.OperationPlan, files))
	w.want(blocked, build.OutcomeBlocked)
	for _, told := range []string{lock.ID, lock.Who, "OperationTypeApply", "since 20"} {
		if !strings.Contains(blocked.Reason, told) {
			t.Errorf("%q does not tell %s", blocked.Reason, told)
		}
	}
	w.want(w.do(w.order(gitops.OperationDetect, files)), build.OutcomeDetected) // which takes no lock
	other := w.order(gitops.OperationPlan, files)
	other.Unlock = &build.Lock{ID: "01234567-89ab-cdef-0123-456789abcdef"}
	w.want(w.do(other), build.OutcomeBlocked)
	if !w.locked(apply) {
		t.Fatal("another lock's id removed this one")
	}

	o := w.order(gitops.OperationPlan, files)
	o.Unlock, o.Incomplete, o.StaySeconds = &lock, true, 30
	planned := w.do(o)
	w.want(planned, build.OutcomePlanned)
	if planned.Plan.Review != "the build that applied before was killed while it worked: the state may be incomplete" {
		t.Errorf("the plan is to be reviewed because %q", planned.Plan.Review)
	}
	if w.locked(apply) {
		t.Error("the lock is still there")
	}
	w.want(w.do(w.applying(o, planned)), build.OutcomeApplied)
}

func TestR31_ABuildThatIsStoppedReleasesTheLockAndSaysSo(t *testing.T) {
	w := newWorld(t)
	cmd, apply, files, _ := w.applyingSlowly()
	w.must(cmd.Process.Signal(syscall.SIGTERM))
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the build ended with %v, want 1", err)
	}
	r := w.report(apply.Job)
	w.want(r, build.OutcomeFailed)
	if !strings.HasPrefix(r.Reason, "the build was stopped: terraform apply: ") {
		t.Errorf("the reason is %q", r.Reason)
	}
	if log := w.text(apply.Job.LogKey()); !strings.Contains(log, "Interrupt received") || strings.Contains(log, "Two interrupts") {
		t.Errorf("terraform was not told once: %s", log)
	}
	if w.locked(apply) {
		t.Error("the lock is still there")
	}
	_, planned := w.plan(files)
	for _, c := range planned.Plan.Changes {
		if c.LogicalID == "terraform_data.quick" {
			t.Error("what was made before is not in the state")
		}
	}
}

func TestR32_ABackendThatDiesLeavesTheStateInTheBucketAndBlocks(t *testing.T) {
	w := newWorld(t)
	o, planned := w.plan(one("hello"))
	var dead atomic.Bool
	w.gate.failing(func(r *http.Request) bool {
		if r.Method == http.MethodPut && r.URL.Path == "/"+w.state+"/"+o.State.Key {
			dead.Store(true)
		}
		return dead.Load() && strings.HasPrefix(r.URL.Path, "/"+w.state)
	}, http.StatusForbidden, "AccessDenied")
	r := w.do(w.applying(o, planned))
	w.want(r, build.OutcomeBlocked)
	if !dead.Load() || !strings.Contains(r.Reason, "would create a forked state") || !strings.Contains(r.Reason, r.Job.ErroredStateKey()) {
		t.Errorf("the reason is %q", r.Reason)
	}
	if state := w.text(r.Job.ErroredStateKey()); !strings.Contains(state, `"terraform_data"`) {
		t.Errorf("the state that is kept is %s", state)
	}
}

func TestR33_ASavedPlanThatIsStaleIsSaidToBe(t *testing.T) {
	w := newWorld(t)
	first, plannedFirst := w.plan(one("first"))
	second, plannedSecond := w.plan(one("second"))
	w.want(w.do(w.applying(second, plannedSecond)), build.OutcomeApplied)
	r := w.do(w.applying(first, plannedFirst))
	w.want(r, build.OutcomeStale)
	gone := w.applying(first, plannedFirst)
	gone.Job.Token += "0"
	gone.Plan.Key += "0"
	w.want(w.do(gone), build.OutcomeStale)
}

func TestR34_EachDetailedExitCodeIsWhatItSaysWhateverTerraformWarnsOf(t *testing.T) {
	w := newWorld(t)
	warning := map[string]string{"main.tf": `
resource "terraform_data" "one" {}
check "always" {
  assert {
    condition     = terraform_data.one.input == "never"
    error_message = "warned"
  }
}`}
	o, planned := w.plan(warning) // 2
	if log := w.text(o.Job.LogKey()); !strings.Contains(log, "Warning: Check block assertion failed") {
		t.Errorf("nobody was warned: %s", log)
	}
	w.want(w.do(w.applying(o, planned)), build.OutcomeApplied)
	w.want(w.do(w.order(gitops.OperationPlan, warning)), build.OutcomeNoChange) // 0
	warning["bad.tf"] = "resource \"terraform_data\" \"two\" {\n  foo = 1\n}"
	r := w.do(w.order(gitops.OperationPlan, warning)) // 1
	w.want(r, build.OutcomeFailed)
	if r.Reason != `terraform plan: bad.tf:2: Unsupported argument: An argument named "foo" is not expected here.` {
		t.Errorf("the reason is %q", r.Reason)
	}
}

func TestR35_ALogThatNobodyReadsStopsNothing(t *testing.T) {
	w := newWorld(t)
	o, planned := w.plan(one("hello"))
	apply := w.applying(o, planned)
	apply.Queue = ""
	in, out, err := os.Pipe()
	w.must(err)
	name, err := program()
	w.must(err)
	cmd := exec.Command(name)
	for k, v := range w.environ {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Env = append(cmd.Env, "TMPDIR="+t.TempDir(), "CODEBUILD_BUILD_ID=p:1", "DRIFTLESS_ORDER="+w.place(apply))
	cmd.Stdout, cmd.Stderr = out, out
	w.must(in.Close()) // nobody reads
	if err := errors.Join(cmd.Run(), out.Close()); err != nil {
		t.Fatal(err)
	}
	w.want(w.report(apply.Job), build.OutcomeApplied)
	if log := w.text(apply.Job.LogKey()); !strings.Contains(log, "Apply complete!") || w.locked(apply) {
		t.Errorf("locked %t, the log is %s", w.locked(apply), log)
	}
}

func TestR36_APlanFileThatWasChangedOrIsAnotherTerraformsIsRefused(t *testing.T) {
	w := newWorld(t)
	o, planned := w.plan(one("hello"))
	saved := w.text(planned.PlanFile.Key)
	older := aged(t, saved)
	for name, c := range map[string]struct {
		file, sum string
		outcome   build.Outcome
		want      []string
	}{
		"a byte more":          {saved + "x", planned.PlanFile.SHA256, build.OutcomeBlocked, []string{"was changed after it was made", planned.PlanFile.SHA256}},
		"an older Terraform's": {older, sum(older), build.OutcomeFailed, []string{"1.11.3", "1.11.4"}},
		"no plan at all":       {"text", sum("text"), build.OutcomeFailed, []string{"the saved plan cannot be opened"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			apply := w.applying(o, planned)
			w.n++
			apply.Job.Token += regexp.MustCompile(`\W`).ReplaceAllString(name, "")
			apply.Plan = build.PlanFile{Key: planned.PlanFile.Key + name, SHA256: c.sum}
			w.must(w.blobs.Replace(t.Context(), apply.Plan.Key, []byte(c.file)))
			r := w.do(apply)
			w.want(r, c.outcome)
			for _, want := range c.want {
				if !strings.Contains(r.Reason, want) {
					t.Errorf("%q does not say %q", r.Reason, want)
				}
			}
			if _, err := w.object(w.state, o.State.Key); err == nil {
				t.Error("something was applied")
			}
		})
	}
}

// aged makes of a saved plan one that Terraform 1.11.3 made: its version is a text of the same
// length in the plan's file.
func aged(t *testing.T, plan string) string {
	t.Helper()
	in, err := zip.NewReader(strings.NewReader(plan), int64(len(plan)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		w, err := z.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(bytes.ReplaceAll(data, []byte(version), []byte("1.11.3"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// runs reports whether a process of a name runs in a session.
func runs(session int, name string) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		data, err := os.ReadFile(stat)
		if err != nil {
			continue // it ended meanwhile
		}
		// proc_pid_stat(5): the name in parentheses, then state, parent, group, session.
		begin, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
		fields := strings.Fields(string(data[end+1:]))
		if string(data[begin+1:end]) == name && fields[3] == strconv.Itoa(session) && fields[0] != "Z" {
			return true
		}
	}
	return false
}
