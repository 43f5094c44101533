package notify_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestARepositoryIsShownFailingUntilItIsMended(t *testing.T) {
	w := newWorld(t)
	w.stream = nil
	r, err := w.store.Repository(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	r.Observing, r.Done, r.Head.Commit = gitops.Observing{N: 1, Commit: commit}, 1, commit
	r.Problems = []gitops.Problem{{File: "driftless.yaml", Line: 3, Column: 1, Message: "unknown key"}}
	w.put(&r)
	w.deliver()
	if got := w.forge.shows("r1", commit, "driftless"); got != "failure: driftless.yaml:3:1: unknown key" {
		t.Errorf("shows %q", got)
	}
	r.Problems = nil // a claim that somebody gave up
	w.put(&r)
	w.deliver()
	if got := w.forge.shows("r1", commit, "driftless"); got != "success: the configuration is sound, with 0 applications: each is shown on the commits that change it" {
		t.Errorf("shows %q", got)
	}
}

func TestWhatTheRepositoryHasMovedOnFromIsGivenUp(t *testing.T) {
	w := newWorld(t)
	r, _ := w.store.Repository(t.Context(), "r1")
	r.Observing, r.Done, r.Head.Commit = gitops.Observing{N: 1, Commit: commit}, 1, commit
	w.forge.fault = func(gitops.Repository, forge.Status) error { return errors.New("503") }
	w.put(&r)
	w.deliver()
	w.forge.fault = nil
	next := strings.Repeat("b2", 20)
	r.Observing, r.Done, r.Head.Commit = gitops.Observing{N: 2, Commit: next}, 2, next
	w.put(&r)
	w.deliver()
	for range 10 {
		w.sweep(time.Minute)
	}
	if behind := w.notices.Behind(); len(behind) != 0 || w.forge.shows("r1", next, "driftless") == "" || w.forge.shows("r1", commit, "driftless") != "" {
		t.Errorf("behind %v, shown %v", behind, w.forge.all)
	}
}

func TestARemovedRepositoryIsToldNothingMore(t *testing.T) {
	w := newWorld(t)
	w.forge.fault = func(gitops.Repository, forge.Status) error { return errors.New("503") }
	w.move(begin("jobs", "01A", commit), gitops.PhaseApplying)
	w.deliver()
	if err := w.store.DeleteRepository(t.Context(), "r1"); err != nil {
		t.Fatal(err)
	}
	w.forge.tried = 0
	for range 10 {
		w.sweep(time.Minute)
	}
	if behind := w.notices.Behind(); len(behind) != 0 || w.forge.tried != 0 {
		t.Errorf("behind %v after %d reports", behind, w.forge.tried)
	}
}
