package runner

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tooling are variables of the build's environment that say where npm and Go download from.
var tooling = []string{"NODE_EXTRA_CA_CERTS", "npm_config_registry", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOFLAGS", "GOTOOLCHAIN"}

// nodes is where CodeBuild's images keep the versions of Node.js that they have
// (aws-codebuild-docker-images, al/aarch64/standard/3.0/Dockerfile: "n $NODE_22_VERSION").
const nodes = "/usr/local/n/versions/node"

// cdkEnvironment is what a CDK app's has beside what every program's has. It says to whom it
// matters that nobody watches, and that nothing is to be told to anybody.
func cdkEnvironment(lookup func(string) (string, bool), env []string) []string {
	env = append(append(env, given(lookup, tooling)...), "CI=true", "NO_COLOR=1", "CDK_DISABLE_CLI_TELEMETRY=true", "CDK_DISABLE_VERSION_CHECK=1",
		"npm_config_audit=false", "npm_config_fund=false", "npm_config_update_notifier=false")
	home, ok := lookup("HOME")
	if !ok {
		return env
	}
	path, _ := lookup("PATH")
	env = append(env, "PATH="+newestFirst(path, nodes, filepath.Join(home, ".goenv", "versions")))
	// What npm and Go keep of downloads they hold to hashes: it is the build's, where it has any,
	// though its home is none of the app's business.
	packages, _ := lookup("GOPATH")
	for _, v := range []struct{ name, usual string }{
		{"npm_config_cache", filepath.Join(home, ".npm")},
		{"GOCACHE", filepath.Join(home, ".cache", "go-build")},
		{"GOMODCACHE", filepath.Join(cmp.Or(packages, filepath.Join(home, "go")), "pkg", "mod")},
	} {
		value, _ := lookup(v.name)
		env = append(env, v.name+"="+cmp.Or(value, v.usual))
	}
	return env
}

// newestFirst is a PATH that begins with the newest version in each of some directories of
// versions. CodeBuild's images run the oldest that they have unless a buildspec names another:
// Node.js 18 and Go 1.20, which knows no go.mod that is newer (the Dockerfile above, "Activate
// runtime versions"). A newer Go downloads what a go.mod asks for.
func newestFirst(path string, dirs ...string) string {
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) == 0 {
			continue
		}
		newest := slices.MaxFunc(entries, func(a, b os.DirEntry) int { return slices.Compare(numbers(a.Name()), numbers(b.Name())) })
		path = filepath.Join(dir, newest.Name(), "bin") + string(filepath.ListSeparator) + path
	}
	return path
}

// numbers are those of a version.
func numbers(version string) []int {
	var all []int
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return all
		}
		all = append(all, n)
	}
	return all
}
