package moto_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

func TestServerAnswersAndSaysItsVersion(t *testing.T) {
	s := startMoto(t.Context(), t)
	resp, err := http.Get(s.URL() + "/moto-api/data.json")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d, want 200", resp.StatusCode)
	}
	if s.Version() != moto.Wanted {
		t.Errorf("version %q, want %q", s.Version(), moto.Wanted)
	}
}

func TestCloseEndsTheProcessAndMayBeRepeated(t *testing.T) {
	s := startMoto(t.Context(), t)
	s.Close()
	s.Close()
	if _, err := http.Get(s.URL() + "/moto-api/data.json"); err == nil {
		t.Error("the server still answers after Close")
	}
}

func TestServerEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := startMoto(ctx, t)
	cancel()
	<-s.Done() // the test's own time limit fails it if the process goes on
}

func TestMissingProgramIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Chdir(t.TempDir())
	if _, err := moto.Start(t.Context(), moto.Options{Dir: t.TempDir()}); !errors.Is(err, moto.ErrMissing) {
		t.Errorf("error %v, want ErrMissing", err)
	}
}

func startMoto(ctx context.Context, t *testing.T) *moto.Server {
	t.Helper()
	s, err := moto.Start(ctx, moto.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
