// Package env reads what a function is told by its environment: its settings, the
// configuration of its AWS clients, and how to log.
//
// Reading never fails: what is missing or malformed is collected, and Must names all of it
// at once. Only mains use it. Every setting's name begins with DRIFTLESS_.
package env

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Prefix begins the name of every setting.
const Prefix = "DRIFTLESS_"

// Env is the environment of a function.
type Env struct {
	AWS aws.Config   // of the function's own role and region
	Log *slog.Logger // JSON on standard error, at AWS_LAMBDA_LOG_LEVEL

	lookup   func(string) (string, bool)
	problems []error
}

// memory is the most that the Go runtime keeps before it collects garbage more often. What is
// in use at one time is less (an artefact, or a template), but what was in use before stays
// until it is collected, which may be as much again. A function's peak is this and its
// program's pages, less than 128 MB: internal/reconcile's caps and this belong together.
const memory = 96 << 20

// Load reads the process's environment, and caps its memory.
func Load() *Env {
	debug.SetMemoryLimit(memory)
	return load(os.LookupEnv, os.Stderr)
}

func load(lookup func(string) (string, bool), logs io.Writer) *Env {
	e := &Env{lookup: lookup}
	level, _ := lookup("AWS_LAMBDA_LOG_LEVEL")
	e.Log = slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: severity(level)}))
	e.AWS = e.configuration()
	return e
}

// configuration is what the SDK's package config would read of a function's environment:
// Lambda sets region and credentials (Lambda developer guide, "Defined runtime environment
// variables"), this installation nothing, and who tries it elsewhere AWS_ENDPOINT_URL. That
// package knows every other place too, single sign-on among them, whose clients made the
// start of each function half a millisecond slower and its package half a megabyte larger.
func (e *Env) configuration() aws.Config {
	id, secret := e.defined("AWS_ACCESS_KEY_ID"), e.defined("AWS_SECRET_ACCESS_KEY")
	token, _ := e.lookup("AWS_SESSION_TOKEN")
	cfg := aws.Config{
		Region:      e.defined("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, token),
		// A throttled client slows down by itself, and many functions share one account's rates.
		RetryMode:                   aws.RetryModeAdaptive,
		DefaultsMode:                aws.DefaultsModeLegacy,
		AccountIDEndpointMode:       aws.AccountIDEndpointModePreferred,
		RequestChecksumCalculation:  aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation:  aws.ResponseChecksumValidationWhenSupported,
		RequestMinCompressSizeBytes: 10240,
	}
	if endpoint, _ := e.lookup("AWS_ENDPOINT_URL"); endpoint != "" {
		cfg.BaseEndpoint = &endpoint
	}
	return cfg
}

// severity returns the level that Lambda's log level asks for; Info where it says nothing
// (Lambda developer guide, "Log-level filtering").
func severity(level string) slog.Level {
	switch strings.ToUpper(level) {
	case "TRACE", "DEBUG":
		return slog.LevelDebug
	case "WARN":
		return slog.LevelWarn
	case "ERROR", "FATAL":
		return slog.LevelError
	}
	return slog.LevelInfo
}

// String returns a setting that has to be there, by its name without Prefix.
func (e *Env) String(name string) string { return e.defined(Prefix + name) }

// defined returns a variable that has to be there.
func (e *Env) defined(name string) string {
	value, _ := e.lookup(name)
	if value == "" {
		e.problems = append(e.problems, fmt.Errorf("%s is missing", name))
	}
	return value
}

// List returns the parts of a setting with commas, without spaces around them; nil where
// it is missing.
func (e *Env) List(name string) []string {
	value, _ := e.lookup(Prefix + name)
	var parts []string
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// JSON reads a setting that has to be there as JSON.
func JSON[T any](e *Env, name string) T {
	var parsed T
	value := e.String(name)
	if value == "" {
		return parsed
	}
	if err := json.Unmarshal([]byte(value), &parsed); err != nil {
		e.problems = append(e.problems, fmt.Errorf("%s%s is no valid JSON: %w", Prefix, name, err))
	}
	return parsed
}

// Err returns everything that was missing or malformed so far, or nil.
func (e *Env) Err() error { return errors.Join(e.problems...) }

// Must ends the process, naming everything that was missing or malformed so far.
func (e *Env) Must() {
	if err := e.Err(); err != nil {
		e.Log.Error("the environment is incomplete", "problems", strings.Split(err.Error(), "\n"))
		os.Exit(1)
	}
}
