package hostile_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

func TestR48_WhatACommitSaysIsInertWhereverItIsShown(t *testing.T) {
	w := newWorld(t)
	w.commit("refs/heads/main", "Ada", "the first", 1)
	r, err := w.op.AddRepository(t.Context(), gitops.Repository{URL: w.forge.URL + "/" + of, Branch: "main", Forge: gitops.ForgeGitHub}, "ann")
	if err != nil {
		t.Fatal(err)
	}
	w.roll(r.ID)
	size := 1
	for class, text := range hostile.Texts() {
		size++
		deploys(t, w, r.ID, size, class, text)
		for what, shown := range w.shown(r.ID) {
			if why := hostile.Trouble(shown) + hostile.Lines(shown); why != "" {
				t.Errorf("a commit that %s: %s: %s:\n%q", class, what, why, shown)
			}
			if most := 300; strings.HasSuffix(what, "on the forge") && (len(shown) > most || strings.Contains(shown, "\n")) {
				t.Errorf("a commit that %s: %s has %d bytes: %.100q", class, what, len(shown), shown)
			}
		}
		for _, s := range w.recorded(r.ID) {
			if why := hostile.Trouble(s); why != "" || strings.Contains(s, "\n") || utf8.RuneCountInString(s) > 400 {
				t.Errorf("a commit that %s: a record holds %d bytes, %s: %.200q", class, len(s), why, s)
			}
		}
	}
}

// deploys pushes a commit of a hostile author and message, and fails where it is not rolled out.
func deploys(t *testing.T, w *world, id string, size int, class, text string) {
	t.Helper()
	w.commit("refs/heads/main", text, text, size)
	w.log.Reset()
	w.roll(id)
	head, err := w.git("", "rev-parse", "refs/heads/main")
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.store.Application(t.Context(), "jobs")
	if err != nil || a.Deployed.Revision.Commit != head || a.Ended.Phase != gitops.PhaseSucceeded {
		t.Errorf("a commit that %s was not rolled out: %+v, %v", class, a.Ended, err)
	}
}

func TestR48_ABranchOfAnyNameIsInertWhereverItIsShown(t *testing.T) {
	tried := 0
	for class, text := range hostile.Texts() {
		name := branch(text)
		w := newWorld(t)
		if !utf8.ValidString(name) || !w.commit("refs/heads/"+name, "Ada", "a commit", 1) {
			continue // no request can name it, or git does not take it
		}
		for _, tracked := range []string{name, name + "-gone"} {
			r, err := w.op.AddRepository(t.Context(), gitops.Repository{URL: w.forge.URL + "/" + of, Branch: tracked, Forge: gitops.ForgeGitLab}, "ann")
			if err != nil {
				if why := hostile.Trouble(err.Error()); why != "" {
					t.Errorf("a branch that %s: refused with %q: %s", class, err, why)
				}
				continue
			}
			tried++
			w.roll(r.ID)
			for what, shown := range w.shown(r.ID) {
				if why := hostile.Trouble(shown) + hostile.Lines(shown); why != "" {
					t.Errorf("a branch that %s: %s: %s:\n%q", class, what, why, shown)
				}
			}
		}
	}
	if tried < 20 {
		t.Errorf("%d branches were tried", tried)
	}
}

// branch is a text without what git takes in no name of a branch (git-check-ref-format), as
// long as a file system takes.
func branch(text string) string {
	text = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) {
			return '_'
		}
		return r
	}, strings.ReplaceAll(text, "..", "__"))
	for len(text) > 200 {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return "of/" + text
}

func TestEveryClassOfTextThatIsTroubleIsTold(t *testing.T) {
	for text, inert := range map[string]bool{
		"plain": true, "two\nlines": true, "ünï \U0001f600": true, "<script>": true,
		"\x1b[2J": false, "a\rb": false, "a\bb": false, "a\tb": false, "\u009b2J": false, "\x7f": false, "a\u202eb": false, "\u2066": false, "\xff": false,
	} {
		if why := hostile.Trouble(text); (why == "") != inert {
			t.Errorf("%q: %q", text, why)
		}
	}
	if hostile.Lines("a\n"+hostile.Forged) == "" || hostile.Lines("a "+hostile.Forged) != "" {
		t.Error("a forged line is not told")
	}
}
