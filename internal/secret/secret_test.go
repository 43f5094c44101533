package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/secret"
)

func TestASecretIsNeverFormatted(t *testing.T) {
	s := secret.New("hunter2")
	var out bytes.Buffer
	type holder struct{ Inner secret.Secret }
	fmt.Fprintf(&out, "%v %+v %#v %s %q %x %v\n", s, s, s, s, s, s, &s)
	fmt.Fprintf(&out, "%v %+v %#v\n", holder{s}, holder{s}, holder{s})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", s, "holder", holder{s})
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s, "holder", holder{s})
	if err := json.NewEncoder(&out).Encode(holder{s}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("the secret was written:\n%s", &out)
	}
	if got := s.Reveal(); got != "hunter2" {
		t.Errorf("the secret is %q", got)
	}
}

func TestSecretsThatAreKeptTogetherComeApartAgain(t *testing.T) {
	for text, want := range map[string][]string{
		"":               nil,
		" \n\r\n":        nil,
		"one":            {"one"},
		" new \r\n old ": {"new", "old"},
		secret.Join(secret.New("new"), secret.New("old")).Reveal(): {"new", "old"},
	} {
		var got []string
		for _, s := range secret.New(text).Lines() {
			got = append(got, s.Reveal())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}
