package install_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/runner/install"
)

// onPath makes the PATH have one program that says that it is of a version.
func onPath(t *testing.T, name, version string) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if name == "" {
		return ""
	}
	path := filepath.Join(dir, name)
	script := "#!/bin/sh\necho '{\"terraform_version\": \"" + version + "\", \"platform\": \"linux_amd64\"}'\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// releases is a site that has none; it counts what was asked for.
func releases(t *testing.T) (url string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.Path)
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestTheProgramOnThePathIsTakenIfItIsExactlyThatVersion(t *testing.T) {
	for _, flavor := range []gitops.Flavor{gitops.FlavorTerraform, gitops.FlavorTofu} {
		url, asked := releases(t)
		path := onPath(t, string(flavor), "1.11.4")
		got, err := install.Installer{Dir: t.TempDir(), From: url}.Install(t.Context(), flavor, "1.11.4", func() string { t.Error("what was kept is asked for"); return "" })
		if err != nil || got != (install.Program{Path: path}) || len(*asked) > 0 {
			t.Errorf("%s: %+v, %v, asked for %q", flavor, got, err, *asked)
		}
	}
}

func TestWhatIsNotToBeHadIsRefusedWithWhatIsThere(t *testing.T) {
	for name, c := range map[string]struct {
		flavor         gitops.Flavor
		version        string
		there, of      string
		want, download string
	}{
		"another terraform, and no such release": {gitops.FlavorTerraform, "1.99.0", "terraform", "1.11.4",
			"terraform 1.99.0 is not to be had: the one on the PATH is 1.11.4, and the release could not be downloaded: ", "/terraform/1.99.0/index.json"},
		"no terraform": {gitops.FlavorTerraform, "1.99.0", "", "", "terraform 1.99.0 is not to be had: there is none on the PATH", "/terraform/1.99.0/index.json"},
		"another tofu": {gitops.FlavorTofu, "1.9.0", "tofu", "1.8.0", "tofu 1.9.0 is not to be had: the one on the PATH is 1.8.0, and only terraform is downloaded", ""},
		"no tofu":      {gitops.FlavorTofu, "1.9.0", "terraform", "1.9.0", "tofu 1.9.0 is not to be had: there is none on the PATH", ""},
		"no version":   {gitops.FlavorTerraform, "latest", "", "", `"latest" is no version; an exact one such as 1.11.4 is`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			url, asked := releases(t)
			onPath(t, c.there, c.of)
			_, err := install.Installer{Dir: t.TempDir(), From: url}.Install(t.Context(), c.flavor, c.version, nil)
			var refusal *gitops.Refusal
			if !errors.As(err, &refusal) || !strings.HasPrefix(refusal.Reason, c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if got := strings.Join(*asked, " "); got != c.download {
				t.Errorf("asked for %q, want %q", got, c.download)
			}
		})
	}
}
