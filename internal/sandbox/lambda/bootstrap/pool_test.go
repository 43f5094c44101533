package bootstrap_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/bootstrap"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/internal/echotest"
)

// newPool makes a pool of the test's function.
func newPool(t *testing.T, timeout time.Duration, env ...string) *bootstrap.Pool {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), echotest.Binary(t), 0o700); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	p := bootstrap.NewPool(time.Minute, func(context.Context) (bootstrap.Spec, error) {
		return bootstrap.Spec{Dir: dir, Temp: temp, Env: env, Timeout: timeout, Log: filepath.Join(t.TempDir(), "log"), Now: time.Now}, nil
	})
	t.Cleanup(p.Close)
	return p
}

func invoke(t *testing.T, p *bootstrap.Pool, payload string) bootstrap.Result {
	t.Helper()
	r, err := p.Invoke(t.Context(), bootstrap.Invocation{ID: "request-1", ARN: "arn:f", TraceID: "Root=1", Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func pid(t *testing.T, r bootstrap.Result) int {
	t.Helper()
	var got struct{ Pid int }
	if err := json.Unmarshal(r.Payload, &got); err != nil || got.Pid == 0 {
		t.Fatalf("no process id in %s (%v)", r.Payload, err)
	}
	return got.Pid
}

func TestInvocationsInARowShareOneProcess(t *testing.T) {
	p := newPool(t, time.Minute)
	first := pid(t, invoke(t, p, `{"do":"echo"}`))
	for range 5 {
		if got := pid(t, invoke(t, p, `{}`)); got != first {
			t.Fatalf("process %d, want the warm one, %d", got, first)
		}
	}
}

func TestInvocationsAtOnceGetAProcessEach(t *testing.T) {
	p := newPool(t, time.Minute)
	var wg sync.WaitGroup
	pids := make([]int, 3)
	for i := range pids {
		wg.Go(func() { pids[i] = pid(t, invoke(t, p, `{"do":"wait"}`)) })
	}
	wg.Wait()
	if pids[0] == pids[1] || pids[1] == pids[2] || pids[0] == pids[2] {
		t.Errorf("processes %v, want three different ones", pids)
	}
}

func TestFunctionSeesWhatTheRuntimeAPISays(t *testing.T) {
	r := invoke(t, newPool(t, time.Minute), `{"do":"context"}`)
	var got struct {
		ARN, ID string
		Left    float64
	}
	if err := json.Unmarshal(r.Payload, &got); err != nil {
		t.Fatal(err)
	}
	if got.ARN != "arn:f" || got.ID != "request-1" || got.Left < 50 || got.Left > 60 {
		t.Errorf("context %+v, want arn:f, request-1 and almost a minute left", got)
	}
}

func TestProcessGetsNothingOfOurEnvironment(t *testing.T) {
	t.Setenv("DRIFTLESS_TEST_SECRET", "leaked")
	r := invoke(t, newPool(t, time.Minute, "GIVEN=1"), `{"do":"env"}`)
	if s := string(r.Payload); strings.Contains(s, "leaked") || strings.Contains(s, `"PATH=`) || !strings.Contains(s, `"GIVEN=1"`) {
		t.Errorf("environment %s", s)
	}
}

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		payload string
		timeout time.Duration
		env     []string
		want    string
		log     string
	}{
		"an error keeps its type and text":           {payload: `{"do":"fail"}`, want: `"errorMessage":"failed as asked"`, log: "handling"},
		"a panic is reported with its stack":         {payload: `{"do":"panic"}`, want: `"stackTrace"`, log: "panicked as asked"},
		"an exit names its status":                   {payload: `{"do":"exit"}`, want: "Runtime exited with error: exit status 7", log: "handling"},
		"a timeout names its seconds":                {payload: `{"do":"hang"}`, timeout: 300 * time.Millisecond, want: "Task timed out after 0.30 seconds", log: "handling"},
		"a start that fails is an exit with its log": {payload: `{}`, env: []string{"FAIL_INIT=1"}, want: "exit status 3", log: "no start today"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.timeout == 0 {
				c.timeout = time.Minute
			}
			r := invoke(t, newPool(t, c.timeout, c.env...), c.payload)
			if !r.Failed || !strings.Contains(string(r.Payload), c.want) {
				t.Errorf("failed %v, payload %s, want %q in it", r.Failed, r.Payload, c.want)
			}
			if !strings.Contains(string(r.Log), c.log) {
				t.Errorf("log %q, want %q in it", r.Log, c.log)
			}
		})
	}
}

func TestNextInvocationAfterAPanicWorks(t *testing.T) {
	p := newPool(t, time.Minute)
	for range 3 {
		if r := invoke(t, p, `{"do":"panic"}`); !r.Failed {
			t.Fatal("the panic did not fail")
		}
		if r := invoke(t, p, `{"do":"echo"}`); r.Failed {
			t.Fatalf("after a panic: %s", r.Payload)
		}
	}
}

func TestCloseEndsProcesses(t *testing.T) {
	p := newPool(t, time.Minute)
	id := pid(t, invoke(t, p, `{}`))
	p.Close()
	process, err := os.FindProcess(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Signal(syscall.Signal(0)); err == nil {
		t.Error("the process is still there")
	}
	if _, err := p.Invoke(t.Context(), bootstrap.Invocation{}); err == nil {
		t.Error("a closed pool took an invocation")
	}
}

func TestProcessThatCannotStartIsAnError(t *testing.T) {
	p := bootstrap.NewPool(time.Minute, func(context.Context) (bootstrap.Spec, error) {
		return bootstrap.Spec{Dir: t.TempDir(), Temp: t.TempDir(), Log: filepath.Join(t.TempDir(), "log"), Now: time.Now}, nil
	})
	if _, err := p.Invoke(t.Context(), bootstrap.Invocation{}); err == nil || !strings.Contains(err.Error(), "start bootstrap") {
		t.Errorf("error %v, want one about starting bootstrap", err)
	}
}
