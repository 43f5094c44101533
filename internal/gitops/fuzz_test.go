package gitops_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

// FuzzNormalURL compares addresses: the form in which they are compared is its own form, says
// nothing of a user, and an id is fit for a path, whatever it is made from.
func FuzzNormalURL(f *testing.F) {
	for _, raw := range []string{"https://GitHub.com/acme/infra.git/", "codecommit::eu-west-1://infra", "https://u:p@host/x", "git@host:x",
		"https://host//a//b.git", "https://[::1]:443/x", "https://host/%2e%2e/x", "https://host/x.git.git", "https://host/x/.git", "HTTPS://HOST"} {
		f.Add(raw, "refs/heads/main")
	}
	for _, text := range hostile.Texts() {
		f.Add("https://host/"+text, text)
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, raw, ref string) {
		var normal string
		fuzzing.Bounded(t, len(raw), func() { normal = gitops.NormalURL(raw) })
		id := gitops.RepositoryID(raw, ref)
		if len(id) != 16 || strings.Trim(id, "0123456789abcdef") != "" {
			t.Errorf("the id is %q", id)
		}
		if of := gitops.ForgeOf(raw); of == gitops.ForgeGitHub && !strings.HasPrefix(normal, "https://github.com/") {
			t.Errorf("%q is taken for GitHub's", raw)
		}
		u, err := url.Parse(strings.TrimSpace(raw))
		if err != nil || u.Host == "" || strings.HasPrefix(strings.TrimSpace(raw), "codecommit::") {
			return // no address: it is refused where it is added
		}
		if scheme, rest, _ := strings.Cut(normal, "://"); scheme != strings.ToLower(u.Scheme) || !strings.HasPrefix(rest, strings.ToLower(u.Host)) || u.User != nil && strings.HasPrefix(rest, u.User.String()+"@") {
			t.Errorf("%q is compared as %q", raw, normal)
		}
	})
}

// FuzzPrintable makes any text fit to be shown: it is inert, as long as it was in characters,
// and made fit again it is the same. So is what is made of names and problems for people.
func FuzzPrintable(f *testing.F) {
	f.Add("arn:aws:sts::111122223333:assumed-role/admin/ann")
	for _, text := range hostile.Texts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var shown string
		fuzzing.Bounded(t, len(text), func() { shown = gitops.Printable(text) })
		if why := hostile.Trouble(shown); why != "" || strings.Contains(shown, "\n") {
			t.Errorf("%q: %s", shown, why)
		}
		if again := gitops.Printable(shown); again != shown || len([]rune(shown)) != len([]rune(text)) {
			t.Errorf("%q is %q, then %q", text, shown, again)
		}
		if name := gitops.CallerName(text); !strings.HasSuffix(text, name) {
			t.Errorf("%q is called %q", text, name)
		}
	})
}
