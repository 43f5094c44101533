package container_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/container"
)

// endpoint answers as that of containers does to who has the token.
func endpoint(t *testing.T, answer string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "token" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

func TestCredentialsArePrintedAsAProfilesProcessDoes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const answer = `{"AccessKeyId":"ASIA","SecretAccessKey":"s","Token":"t","Expiration":"2026-01-02T03:04:05Z"}`
	for name, given := range map[string]map[string]string{
		"by a token in the environment": {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "token"},
		"by a token in a file":          {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file},
		"whatever profile is named":     {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "token", "AWS_PROFILE": "other", "AWS_ACCESS_KEY_ID": "AKIA"},
	} {
		t.Run(name, func(t *testing.T) {
			given["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = endpoint(t, answer)
			var out bytes.Buffer
			if err := container.Print(t.Context(), environment(given), &out); err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{"Version": 1.0, "AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2026-01-02T03:04:05Z"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWithoutAContainerThereIsNothingToPrint(t *testing.T) {
	var out bytes.Buffer
	err := container.Print(t.Context(), environment(nil), &out)
	if err == nil || !strings.Contains(err.Error(), "AWS_CONTAINER_CREDENTIALS_FULL_URI") || out.Len() > 0 {
		t.Errorf("printed %q, %v", out.String(), err)
	}
	if _, err := container.Config(environment(map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1"})); err == nil {
		t.Error("a configuration without a region")
	}
}
