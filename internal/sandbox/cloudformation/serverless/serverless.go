// Package serverless runs the macro AWS::Serverless-2016-10-31 as AWS does: by the translator
// that AWS publishes, aws-sam-translator, in a Python of this machine.
//
// Every run is a process of its own that makes no call and ends within a minute. What the
// translator refuses comes back in its own words. Applications of the Serverless Application
// Repository are not fetched. The package knows nothing of stacks.
package serverless

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Wanted is the version of aws-sam-translator that the tests were made on.
const Wanted = "1.110.0"

// ErrMissing says that no Python of this machine has the translator.
var ErrMissing = errors.New("the transform AWS::Serverless-2016-10-31 needs aws-sam-translator, which no python3 on the PATH, beside moto_server " +
	"or in .venv/bin has; install it with: pip install aws-sam-translator==" + Wanted)

// Refused is what the translator has against a template.
type Refused struct{ Message string }

// Error is the translator's own sentence.
func (e *Refused) Error() string { return e.Message }

// Request is a template with what its parameters are given.
type Request struct {
	Template   map[string]any    `json:"template"` // without its Transform section; functions in their long form
	Parameters map[string]string `json:"parameters"`
	Region     string            `json:"region"`
}

//go:embed transform.py
var script string

const (
	limit = time.Minute
	// lacking is the script's exit code where the translator cannot be imported.
	lacking = 3
)

// Transform returns the template that the macro makes of the request's, as JSON. It returns
// Refused for a template that the translator refuses, and ErrMissing where there is none.
func Transform(ctx context.Context, r Request) ([]byte, error) {
	in, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write template: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, python := range pythons() {
		out, err := run(ctx, python, r.Region, in)
		if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == lacking {
			continue
		}
		if err != nil {
			return nil, err
		}
		var made struct {
			Template json.RawMessage
			Refused  string
		}
		if err := json.Unmarshal(out, &made); err != nil {
			return nil, fmt.Errorf("read what %s made: %w", python, err)
		}
		if made.Refused != "" {
			return nil, &Refused{made.Refused}
		}
		return made.Template, nil
	}
	return nil, ErrMissing
}

// run feeds the script to a Python. The AWS settings of this process stay outside: boto3,
// which the translator asks for the region, reads them.
func run(ctx context.Context, python, region string, in []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, python, "-c", script)
	cmd.Stdin = bytes.NewReader(in)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "AWS_DEFAULT_REGION="+region, "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true", "PYTHONUTF8=1")
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return nil, fmt.Errorf("run aws-sam-translator by %s: %w: %s", python, err, lines[len(lines)-1])
	}
	return stdout.Bytes(), nil
}

// pythons are those that may have the translator, in the order in which they are tried: the
// one on the PATH, the one that runs moto_server, that of the nearest .venv at or above the
// working directory.
func pythons() (all []string) {
	if p, err := exec.LookPath("python3"); err == nil {
		all = append(all, p)
	}
	if moto, err := exec.LookPath("moto_server"); err == nil {
		all = add(all, filepath.Join(filepath.Dir(moto), "python3"))
	}
	dir, err := os.Getwd()
	for err == nil {
		if p := filepath.Join(dir, ".venv", "bin", "python3"); runs(p) {
			return add(all, p)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return all
}

func add(all []string, p string) []string {
	for _, other := range all {
		if other == p {
			return all
		}
	}
	if !runs(p) {
		return all
	}
	return append(all, p)
}

// runs says whether there is a file to be run.
func runs(p string) bool {
	info, err := os.Stat(p)
	return err == nil && !info.IsDir()
}
