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

// object stores an object that git itself would not write.
func (s *server) object(kind, data string) string {
	s.t.Helper()
	return s.in(s.dir, data, "hash-object", "-w", "-t", kind, "--literally", "--stdin")
}

func TestR48_TreesThatGitWouldNotWriteAreNamedOrReadAsTheyAre(t *testing.T) {
	s := newServer(t, partial...)
	blob, err := hex.DecodeString(s.blob("x"))
	if err != nil {
		t.Fatal(err)
	}
	file, link := string(blob), strings.Repeat("\x11", 20)
	empty, err := hex.DecodeString(s.tree())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ tree, path, why string }{ // why empty: it is read
		"a name twice":                      {"100644 a\x00" + file + "100644 a\x00" + file, "app/a", "twice"},
		"a file and a directory of a name":  {"100644 a\x00" + file + "40000 a\x00" + string(empty), "app/a", "twice"},
		"names that differ in Greek case":   {"100644 Σ\x00" + file + "100644 σ\x00" + file, "app/σ", "in case alone"},
		"names out of order":                {"100644 b\x00" + file + "100644 a\x00" + file, "", ""},
		"a mode that is none":               {"177777 a\x00" + file, "app/a", "neither a directory nor a regular file"},
		"a mode with zeroes before it":      {"0000100644 a\x00" + file, "", ""},
		"a file that anybody may write":     {"100666 a\x00" + file, "app/a", "neither a directory nor a regular file"},
		"a group's file":                    {"100664 a\x00" + file, "", ""},
		"a device":                          {"020000 a\x00" + file, "app/a", "neither a directory nor a regular file"},
		"a submodule in disguise":           {"160000 .gitmodules\x00" + link, "app/.gitmodules", "submodule"},
		"a link that is called .gitmodules": {"120000 .gitmodules\x00" + file, "app/.gitmodules", "symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			s.head("main", "hostile", s.tree("040000 tree "+s.object("tree", c.tree)+"\tapp", "100644 blob "+s.blob("fine")+"\tfine.txt"))
			snap := snapshot(t, s.client(), s.repository())
			_, err := snap.Fetch(t.Context(), "app")
			var problem *git.PathError
			switch {
			case c.why == "":
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
			case !errors.As(err, &problem) || problem.Path != c.path || !strings.Contains(problem.Why, c.why):
				t.Errorf("got %v, want %s: %s", err, c.path, c.why)
			}
			if _, err := snap.Fetch(t.Context(), "fine.txt"); err != nil {
				t.Errorf("a path beside it: %v, want no error", err)
			}
		})
	}
}

func TestR48_CommitsOfAnyShapeAreOneRevision(t *testing.T) {
	const who = " A <a> 1700000000 +0000\n"
	for name, c := range map[string]func(s *server, tree string) string{
		"a thousand parents": func(s *server, tree string) string {
			return "tree " + tree + "\n" + strings.Repeat("parent "+strings.Repeat("1", 40)+"\n", 1000) + "author" + who + "committer" + who + "\nm\n"
		},
		"a message of a million bytes": func(_ *server, tree string) string {
			return "tree " + tree + "\nauthor" + who + "committer" + who + "\n" + strings.Repeat("m", 1_000_000) + "\n"
		},
		"headers of a million bytes": func(_ *server, tree string) string {
			return "tree " + tree + "\nauthor" + who + "committer" + who + "x " + strings.Repeat("h\n ", 300_000) + "\n\nm\n"
		},
		"no author and no message": func(_ *server, tree string) string { return "tree " + tree + "\ncommitter" + who + "\n" },
		"a signature without an end": func(_ *server, tree string) string {
			return "tree " + tree + "\nauthor" + who + "committer" + who + "gpgsig -----BEGIN PGP SIGNATURE-----\n x\n\nm\n"
		},
		"two authors": func(_ *server, tree string) string {
			return "tree " + tree + "\nauthor" + who + "author\x1b[2J" + who + "committer" + who + "\nm\n"
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, partial...)
			id := s.object("commit", c(s, s.tree("100644 blob "+s.blob("x")+"\tx")))
			s.git("update-ref", "--no-deref", "refs/heads/main", id)
			snap, err := s.client().Snapshot(t.Context(), s.repository(), id)
			if err != nil {
				t.Fatal(err)
			}
			if r := snap.Revision(); r.Commit != id || hostile.Trouble(r.Author+r.Message) != "" || len([]rune(r.Author+r.Message)) > 400 {
				t.Errorf("the revision is %+v", r)
			}
		})
	}
}
