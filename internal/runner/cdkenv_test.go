package runner

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestACDKAppSeesOfTheEnvironmentWhatItNeeds(t *testing.T) {
	given := map[string]string{"PATH": "/bin", "HOME": "/root", "GOPATH": "/go", "GOPROXY": "https://proxy.test", "npm_config_registry": "https://npm.test",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2", "DRIFTLESS_ORDER": "orders/1", "CODEBUILD_BUILD_ID": "p:1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_PROFILE": "other",
		"TF_CLI_CONFIG_FILE": "/x", "NPM_TOKEN": "t", "npm_config__authToken": "t", "GITHUB_TOKEN": "t", "NODE_OPTIONS": "--require x", "CDK_DEFAULT_ACCOUNT": "1"}
	lookup := func(name string) (string, bool) { v, ok := given[name]; return v, ok }
	named := func() map[string]string {
		names := map[string]string{}
		for _, v := range cdkEnvironment(lookup, environment(lookup, "/d", "eu-west-1")) {
			name, value, _ := strings.Cut(v, "=")
			names[name] = value
		}
		return names
	}
	got := named()
	want := []string{"AWS_CONFIG_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED", "AWS_PROFILE", "AWS_REGION", "AWS_SHARED_CREDENTIALS_FILE",
		"CDK_DISABLE_CLI_TELEMETRY", "CDK_DISABLE_VERSION_CHECK", "CI", "GIT_TERMINAL_PROMPT", "GOCACHE", "GOMODCACHE", "GOPROXY", "HOME", "NO_COLOR", "PATH",
		"npm_config_audit", "npm_config_cache", "npm_config_fund", "npm_config_registry", "npm_config_update_notifier"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{"AWS_PROFILE": "driftless", "HOME": "/d/home", "GOCACHE": "/root/.cache/go-build", "GOMODCACHE": "/go/pkg/mod", "npm_config_cache": "/root/.npm"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	delete(given, "GOPATH")
	given["GOCACHE"] = "/cache"
	if got = named(); got["GOCACHE"] != "/cache" || got["GOMODCACHE"] != "/root/go/pkg/mod" {
		t.Errorf("the caches are %q and %q", got["GOCACHE"], got["GOMODCACHE"])
	}
}

func TestOfAnImagesVersionsTheNewestComesFirst(t *testing.T) {
	nodes, gos := t.TempDir(), t.TempDir()
	for dir, versions := range map[string][]string{nodes: {"9.11.0", "18.20.8", "22.9.1", "22.20.0"}, gos: {"1.20.14", "1.9.7"}} {
		for _, v := range versions {
			if err := os.MkdirAll(filepath.Join(dir, v, "bin"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := newestFirst("/usr/bin:/bin", nodes, gos, filepath.Join(gos, "none"), t.TempDir())
	if diff := cmp.Diff(gos+"/1.20.14/bin:"+nodes+"/22.20.0/bin:/usr/bin:/bin", got); diff != "" {
		t.Error(diff)
	}
}
