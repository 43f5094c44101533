package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrNotRunning says that no sandbox answers where one was started.
var ErrNotRunning = errors.New("no sandbox is running; start one with: driftless sandbox")

// stateFile is how PrintEnv finds a running sandbox.
type stateFile struct {
	URL string   `json:"url"`
	PID int      `json:"pid"`
	Env []string `json:"env"`
}

// Run runs a sandbox until ctx ends, for the command `driftless sandbox`. It prints its
// address once it answers, and leaves a file by which PrintEnv finds it while it runs.
func Run(ctx context.Context, stdout io.Writer, o Options) error {
	s, err := Start(ctx, o)
	if err != nil {
		return err
	}
	defer s.Close()
	path, err := statePath(o.Dir)
	if err != nil {
		return err
	}
	if err := writeState(path, stateFile{URL: s.url, PID: os.Getpid(), Env: s.Env()}); err != nil {
		return err
	}
	defer func() { _ = os.Remove(path) }() // PrintEnv asks the sandbox itself too
	if _, err := fmt.Fprintf(stdout, "sandbox  %s  (moto %s, account %s, region %s)\nlogs     %s\nshell    eval \"$(driftless sandbox env%s)\"\n",
		s.url, s.MotoVersion(), Account, Region, s.Dir(), dirFlag(o.Dir)); err != nil {
		return fmt.Errorf("print address: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-s.moto.Done():
		return fmt.Errorf("moto ended by itself; its log is %s", filepath.Join(s.Dir(), "moto.log"))
	}
}

// PrintEnv prints the export lines of the sandbox that runs with that directory, the default
// one when empty. It returns ErrNotRunning when none answers.
func PrintEnv(ctx context.Context, stdout io.Writer, dir string) error {
	path, err := statePath(dir)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("read state of sandbox: %w", err)
	}
	var state stateFile
	if err := json.Unmarshal(text, &state); err != nil {
		return fmt.Errorf("read state of sandbox %s: %w", path, err)
	}
	if err := ask(ctx, state.URL); err != nil {
		return fmt.Errorf("%w (%v)", ErrNotRunning, err)
	}
	for _, kv := range state.Env {
		key, value, _ := strings.Cut(kv, "=")
		if _, err := fmt.Fprintf(stdout, "export %s='%s'\n", key, value); err != nil {
			return fmt.Errorf("print environment: %w", err)
		}
	}
	return nil
}

// ask returns nil when the sandbox at url answers.
func ask(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+controlPath+"health", nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s from %s", resp.Status, url)
	}
	return nil
}

func statePath(dir string) (string, error) {
	if dir != "" {
		return filepath.Join(dir, "sandbox.json"), nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w", err)
	}
	return filepath.Join(cache, "driftless", "sandbox.json"), nil
}

// writeState keeps the file to its owner, since it holds a key.
func writeState(path string, s stateFile) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode state of sandbox: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write state of sandbox: %w", err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write state of sandbox: %w", err)
	}
	return nil
}

func dirFlag(dir string) string {
	if dir == "" {
		return ""
	}
	return " --dir " + dir
}
