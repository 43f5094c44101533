package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrNotRunning says that no sandbox answers where one was started.
var ErrNotRunning = errors.New("no sandbox is running; start one with: driftless sandbox")

// stateFile is how a running sandbox is found by other processes.
type stateFile struct {
	URL string   `json:"url"`
	PID int      `json:"pid"`
	Env []string `json:"env"`
}

// PrintEnv prints the export lines of the sandbox that runs with that directory, the default
// one when empty. It returns ErrNotRunning when none answers.
func PrintEnv(ctx context.Context, stdout io.Writer, dir string) error {
	state, err := readState(dir)
	if err != nil {
		return err
	}
	if err := ask(ctx, state.URL+controlPath+"health", &Health{}); err != nil {
		return fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	for _, kv := range state.Env {
		key, value, _ := strings.Cut(kv, "=")
		if _, err := fmt.Fprintf(stdout, "export %s='%s'\n", key, value); err != nil {
			return fmt.Errorf("print environment: %w", err)
		}
	}
	return nil
}

// PrintGitURL prints the URL of a CodeCommit repository with a credential in it that is good
// for fifteen minutes. The sandbox is the one at endpoint, or without one the one that
// PrintEnv finds by dir.
func PrintGitURL(ctx context.Context, stdout io.Writer, endpoint, dir, repository string) error {
	if endpoint == "" {
		state, err := readState(dir)
		if err != nil {
			return err
		}
		endpoint = state.URL
	}
	var answer struct {
		URL string `json:"url"`
	}
	if err := ask(ctx, endpoint+controlPath+"git?repository="+url.QueryEscape(repository), &answer); err != nil {
		return fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	if _, err := fmt.Fprintln(stdout, answer.URL); err != nil {
		return fmt.Errorf("print address: %w", err)
	}
	return nil
}

// ask reads the answer to a GET.
func ask(ctx context.Context, from string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s from %s", resp.Status, from)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

func readState(dir string) (stateFile, error) {
	path, err := statePath(dir)
	if err != nil {
		return stateFile{}, err
	}
	return readStateFile(path)
}

func readStateFile(path string) (stateFile, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return stateFile{}, ErrNotRunning
	}
	if err != nil {
		return stateFile{}, fmt.Errorf("read state of sandbox: %w", err)
	}
	var state stateFile
	if err := json.Unmarshal(text, &state); err != nil {
		return stateFile{}, fmt.Errorf("read state of sandbox %s: %w", path, err)
	}
	return state, nil
}

// statePath is in the directory, or for a sandbox with a temporary one where any process of
// the same person looks.
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

// announce leaves the file by which PrintEnv and PrintGitURL find the sandbox by dir.
func (s *Sandbox) announce(dir string) error {
	path, err := statePath(dir)
	if err != nil {
		return err
	}
	s.announced = append(s.announced, path)
	return writeState(path, stateFile{URL: s.url, PID: os.Getpid(), Env: s.Env()})
}

// withdraw removes the files that announce left, unless a sandbox that was started later
// has them by now. One that stays does no harm: who reads it asks the sandbox too.
func (s *Sandbox) withdraw() {
	for _, path := range s.announced {
		if state, err := readStateFile(path); err == nil && state.URL == s.url && state.PID == os.Getpid() {
			_ = os.Remove(path)
		}
	}
	s.announced = nil
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
