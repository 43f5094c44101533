package names_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/git/names"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

// ignored are the characters that macOS reads over in names (git's utf8.c, next_hfs_char).
var ignored = strings.NewReplacer("\u200c", "", "\u200d", "", "\u200e", "", "\u200f", "", "\u202a", "", "\u202b", "", "\u202c", "", "\u202d", "",
	"\u202e", "", "\u206a", "", "\u206b", "", "\u206c", "", "\u206d", "", "\u206e", "", "\u206f", "", "\ufeff", "")

// FuzzRefused judges any name: one that is let through is a single step below its directory,
// nothing of git's to any file system, and inert on a terminal; what is said of the others is
// inert too.
func FuzzRefused(f *testing.F) {
	for _, name := range append(hostile.Refused(), hostile.Inert()...) {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		var why string
		fuzzing.Bounded(t, len(name), func() { why = names.Refused(name) })
		if why != "" {
			if said := hostile.Trouble(why); said != "" {
				t.Errorf("%q: %s", why, said)
			}
			return
		}
		if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, `/\`) || len(name) > 255 {
			t.Errorf("%q is let through, and is no name", name)
		}
		if said := hostile.Trouble(name); said != "" || strings.Contains(name, "\n") {
			t.Errorf("%q is let through: %s", name, said)
		}
		plain, _, _ := strings.Cut(ignored.Replace(name), ":")
		if plain = strings.TrimRight(plain, " ."); strings.EqualFold(plain, ".git") || strings.EqualFold(plain, "git~1") {
			t.Errorf("%q is let through, and is git's own to some file system", name)
		}
	})
}
