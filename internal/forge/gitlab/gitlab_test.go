package gitlab_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/gitlab"
)

const body = `{"object_kind":"push","ref":"refs/heads/main","after":"0cbd2a75f7a5f2bd6c4a4e21fbd3c1f3f5f2a9d1",
"project":{"git_http_url":"https://gitlab.com/acme/platform/infra.git","web_url":"https://gitlab.com/acme/platform/infra"}}`

// sent returns the headers of a delivery with a token.
func sent(event string, tokens ...string) http.Header {
	return http.Header{"X-Gitlab-Event": {event}, "X-Gitlab-Token": tokens, "Idempotency-Key": {"f5e5f430"}, "X-Gitlab-Event-Uuid": {"13792a34"}}
}

func TestR5_OnlyTheTokenIsTaken(t *testing.T) {
	for name, c := range map[string]struct {
		secrets []string
		tokens  []string
		holds   bool
	}{
		"the only secret":            {[]string{"new"}, []string{"new"}, true},
		"the old of two secrets":     {[]string{"new", "old"}, []string{"old"}, true},
		"the new of two secrets":     {[]string{"new", "old"}, []string{"new"}, true},
		"a secret that was given up": {[]string{"new"}, []string{"old"}, false},
		"the beginning of one":       {[]string{"new"}, []string{"ne"}, false},
		"more than one":              {[]string{"new"}, []string{"newer"}, false},
		"no token":                   {[]string{"new"}, nil, false},
		"an empty token":             {[]string{""}, []string{""}, false},
		"no secret":                  {nil, []string{""}, false},
		"two tokens, one of them":    {[]string{"new"}, []string{"new", "x"}, false},
		"three secrets":              {[]string{"a", "b", "new"}, []string{"new"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := gitlab.Forge{}.Receive(c.secrets, sent("Push Hook", c.tokens...), []byte(body))
			if (err == nil) != c.holds || err != nil && (!errors.Is(err, forge.ErrSignature) || d != forge.Delivery{}) {
				t.Errorf("got %+v, %v, want it to hold: %v", d, err, c.holds)
			}
		})
	}
}

func TestPushesOfBranchesAndTagsAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		event, body string
		want        forge.Push
	}{
		"a branch": {"Push Hook", body, forge.Push{URL: "https://gitlab.com/acme/platform/infra.git", Ref: "refs/heads/main", After: "0cbd2a75f7a5f2bd6c4a4e21fbd3c1f3f5f2a9d1"}},
		"a tag": {"Tag Push Hook", strings.Replace(body, "refs/heads/main", "refs/tags/v1", 1),
			forge.Push{URL: "https://gitlab.com/acme/platform/infra.git", Ref: "refs/tags/v1", After: "0cbd2a75f7a5f2bd6c4a4e21fbd3c1f3f5f2a9d1"}},
		"a branch that was deleted": {"Push Hook", strings.Replace(body, "0cbd2a75f7a5f2bd6c4a4e21fbd3c1f3f5f2a9d1", strings.Repeat("0", 40), 1),
			forge.Push{URL: "https://gitlab.com/acme/platform/infra.git", Ref: "refs/heads/main", After: strings.Repeat("0", 40), Deleted: true}},
		"a project without git over HTTP": {"Push Hook", strings.Replace(body, "git_http_url", "git_other_url", 1),
			forge.Push{URL: "https://gitlab.com/acme/platform/infra", Ref: "refs/heads/main", After: "0cbd2a75f7a5f2bd6c4a4e21fbd3c1f3f5f2a9d1"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := gitlab.Forge{}.Receive([]string{"s"}, sent(c.event, "s"), []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(forge.Delivery{ID: "f5e5f430", Push: &c.want}, got); diff != "" {
				t.Errorf("delivery (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnOlderGitLabsDeliveryHasItsEventsID(t *testing.T) {
	header := sent("Push Hook", "s")
	header.Del("Idempotency-Key")
	got, err := gitlab.Forge{}.Receive([]string{"s"}, header, []byte(body))
	if err != nil || got.ID != "13792a34" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestOtherEventsAreNotParsed(t *testing.T) {
	for _, event := range []string{"Merge Request Hook", "System Hook", "push hook", ""} {
		got, err := gitlab.Forge{}.Receive([]string{"s"}, sent(event, "s"), []byte("not JSON"))
		if err != nil || got.Push != nil {
			t.Errorf("%q: got %+v, %v", event, got, err)
		}
	}
}
