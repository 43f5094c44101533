package git_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

func TestR48_HostilePathsAreRefusedOrInert(t *testing.T) {
	s := newServer(t, partial...)
	bad, fine := hostile.Refused(), hostile.Inert()
	if n := len(bad) + len(fine); n < 200 {
		t.Errorf("%d paths, want 200", n)
	}
	blob, err := hex.DecodeString(s.blob("x"))
	if err != nil {
		t.Fatal(err)
	}
	var entries []string
	for i, name := range append(bad, fine...) {
		tree := fmt.Sprintf("100644 %s\x00%s", name, blob)
		entries = append(entries, fmt.Sprintf("040000 tree %s\td%d", s.in(s.dir, tree, "hash-object", "-w", "-t", "tree", "--literally", "--stdin"), i))
	}
	s.head("main", "hostile", s.tree(entries...))
	snap := snapshot(t, s.client(), s.repository())
	for i, name := range bad {
		_, err := snap.Fetch(t.Context(), fmt.Sprintf("d%d", i))
		var problem *git.PathError
		if !errors.As(err, &problem) || problem.Path != fmt.Sprintf("d%d/%s", i, name) {
			t.Errorf("%.60q: got %v, want a PathError", name, err)
			continue
		}
		if said := err.Error(); strings.ContainsFunc(said, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e }) {
			t.Errorf("%.60q: %q could drive a terminal", name, said)
		}
	}
	for i, name := range fine {
		dir := fmt.Sprintf("d%d", len(bad)+i)
		files, err := snap.Fetch(t.Context(), dir)
		if err != nil {
			t.Errorf("%.60q: %v, want no error", name, err)
			continue
		}
		if data, err := fs.ReadFile(files, dir+"/"+name); err != nil || string(data) != "x" {
			t.Errorf("%.60q = %q, %v", name, data, err)
		}
	}
	if err := fs.WalkDir(snap.Tree(), ".", func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
		t.Errorf("walk the tree: %v", err)
	}
}

// A link is never followed, so that a loop of them is no more than a link.
func TestR48_LoopsOfLinksLeadNowhere(t *testing.T) {
	s := newServer(t, partial...)
	s.commit("main", "loops", "120000 blob "+s.blob("b")+"\ta", "120000 blob "+s.blob("a")+"\tb",
		"120000 blob "+s.blob(".")+"\tdir/self", "120000 blob "+s.blob("../..")+"\tdir/up", "100644 blob "+s.blob("x")+"\tfine/f")
	snap := snapshot(t, s.client(), s.repository())
	for path, at := range map[string]string{"a": "a", "b/x": "b", "dir": "dir/self", "dir/self/self/self": "dir/self", "dir/up/fine": "dir/up"} {
		var problem *git.PathError
		if _, err := snap.Fetch(t.Context(), path); !errors.As(err, &problem) || problem.Path != at {
			t.Errorf("%s: got %v, want a PathError of %s", path, err, at)
		}
	}
	if _, err := snap.Fetch(t.Context(), "fine"); err != nil {
		t.Error(err)
	}
}

func TestR48_FilesComeByteForByte(t *testing.T) {
	s := newServer(t, partial...)
	want := map[string]string{"crlf": "a: 1\r\nb: 2\r\n", "cr": "a\rb", "bom": "\ufeffa: 1\n", "utf16": "\xff\xfea\x00", "nul": "a\x00b", "empty": "", "no-newline": "x"}
	entries := []string{"100644 blob " + s.blob("* text=auto eol=lf ident\n") + "\tapp/.gitattributes"}
	for name, data := range want {
		entries = append(entries, "100644 blob "+s.blob(data)+"\tapp/"+name)
	}
	s.commit("main", "as it is", entries...)
	files, err := snapshot(t, s.client(), s.repository()).Fetch(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range want {
		if got, err := fs.ReadFile(files, "app/"+name); err != nil || string(got) != data {
			t.Errorf("%s = %q, %v; want %q", name, got, err, data)
		}
	}
}

func TestR48_CommitsThatDriveATerminalAreTamed(t *testing.T) {
	s := newServer(t, partial...)
	text := "tree " + s.tree() + "\nauthor \x1b]0;owned\a\u202eAda <a> 1 +0000\ncommitter A <a> 1 +0000\nencoding ISO-8859-1\n\n\x1b[2J\x1b[31mcaf\xe9\r\x9b2J\nmore"
	s.git("update-ref", "refs/heads/main", s.in(s.dir, text, "hash-object", "--literally", "-w", "-t", "commit", "--stdin"))
	got := snapshot(t, s.client(), s.repository()).Revision()
	if strings.ContainsAny(got.Author+got.Message, "\x1b\a\r\u202e") || !utf8.ValidString(got.Message) || !strings.Contains(got.Message, "caf") || !strings.Contains(got.Author, "Ada") {
		t.Errorf("revision = %q by %q", got.Message, got.Author)
	}
}
