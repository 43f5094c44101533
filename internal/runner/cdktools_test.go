package runner_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/build"
)

// fakeCDK writes the assembly of one stack, and says who it is.
const fakeCDK = `#!/bin/sh
case "$*" in --version) echo "$VERSION (build 1)"; exit;; esac
echo "$0 $*"
for a; do case "$a" in --output=*) out="${a#--output=}";; esac; done
mkdir -p "$out" && echo '{"Resources": {}}' > "$out/A.json"
echo '{"artifacts": {"A": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": {"templateFile": "A.json"}}}}' > "$out/manifest.json"
`

// fakeNPM says what it is told to, and installs the command line above where it is told to.
const fakeNPM = `#!/bin/sh
echo "npm $* in $(basename "$PWD")"
case "$*" in *2.99999*) echo "npm error notarget No matching version found"; exit 1;; *aws-cdk*|*own*) ;; ci) [ -e own ] || exit 0;; esac
mkdir -p node_modules/.bin && cp "$FAKES/cdk" node_modules/.bin/cdk
`

// fakes returns a directory of programs. A version of the CDK's command line that is empty stands
// for none.
func fakes(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	programs := map[string]string{"npm": strings.ReplaceAll(fakeNPM, "$FAKES", dir+"/later"), "cdk": strings.ReplaceAll(fakeCDK, "$VERSION", version)}
	if version == "" {
		delete(programs, "cdk")
	}
	programs["later/cdk"] = fakeCDK
	if err := os.Mkdir(filepath.Join(dir, "later"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir + ":/usr/bin:/bin"
}

func TestTheCommandLineIsTheAppsOwnOrTheOneThatIsNamed(t *testing.T) {
	app := map[string]string{"cdk.json": `{"app": "node app.js"}`}
	packaged := map[string]string{"cdk.json": app["cdk.json"], "package.json": "{}", "package-lock.json": "{}"}
	own := maps.Clone(packaged)
	own["own"] = ""
	for name, c := range map[string]struct {
		files          map[string]string
		there, version string
		want           []string // of the log
		never          string
	}{
		"the one on the PATH":                        {app, cdkVersion, cdkVersion, []string{"/cdk synth --quiet --no-notices --no-color --output="}, "npm"},
		"one on the PATH of another version":         {app, "2.1148.2", cdkVersion, []string{"npm install --prefix=", " --no-save --ignore-scripts aws-cdk@2.1148.1 in cdk", "/cdk/node_modules/.bin/cdk synth"}, "npm ci"},
		"none on the PATH":                           {app, "", cdkVersion, []string{"aws-cdk@2.1148.1 in cdk", "/cdk/node_modules/.bin/cdk synth"}, "npm ci"},
		"one that the app installs":                  {own, cdkVersion, "2.1.1", []string{"npm ci in data", "/data/node_modules/.bin/cdk synth"}, "npm install"},
		"packages without one, and that on the PATH": {packaged, cdkVersion, cdkVersion, []string{"npm ci in data", "/cdk synth"}, "npm install"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newBareWorld(t)
			w.environ["PATH"] = fakes(t, c.there)
			o := w.synthesising(c.files)
			o.CDK.Version = c.version
			r := w.do(o)
			w.want(r, build.OutcomeSynthesised)
			log := w.text(o.Job.LogKey())
			for _, want := range c.want {
				if !strings.Contains(log, want) {
					t.Errorf("the log does not say %q:\n%s", want, log)
				}
			}
			if strings.Contains(log, c.never) {
				t.Errorf("the log says %q:\n%s", c.never, log)
			}
		})
	}
}

func TestAnAppThatABuildCannotRunIsRefusedInWords(t *testing.T) {
	with := func(more ...string) map[string]string {
		files := map[string]string{"cdk.json": `{"app": "node app.js"}`}
		for _, name := range more {
			files[name] = "{}"
		}
		return files
	}
	running := func(app string) map[string]string {
		return map[string]string{"cdk.json": fmt.Sprintf(`{"app": %q}`, app), "package.json": "{}"}
	}
	for name, c := range map[string]struct {
		files   map[string]string
		version string
		want    string
	}{
		"without a cdk.json":               {map[string]string{"README.md": ""}, "", "the application's path has no cdk.json, which says how its app is run"},
		"with a cdk.json that is none":     {map[string]string{"cdk.json": "{"}, "", "cdk.json: unexpected end of JSON input"},
		"of Python, by what it runs":       {running("python3.12 app.py"), "", "the app is one of Python (cdk.json runs python3.12): builds run apps of TypeScript, JavaScript and Go"},
		"of Python, by its files":          {with("requirements.txt"), "", "the app is one of Python (requirements.txt): builds run"},
		"of Java":                          {running("./mvnw -e -q compile exec:java"), "", "the app is one of Java (cdk.json runs mvnw): builds run"},
		"of .NET, by its files":            {with("src/Shop.sln"), "", "the app is one of .NET (Shop.sln): builds run"},
		"without a lock file":              {with("package.json"), "", `package.json has no package-lock.json beside it: commit the one that "npm install" writes`},
		"with another program's lock file": {with("package.json", "yarn.lock"), "", "package.json has no package-lock.json beside it but a yarn.lock: builds install with npm"},
		"with a range of versions":         {with(), "2.x", `cdk.version is "2.x": one exact version is allowed, such as 2.1148.1`},
		"with a version that is an option": {with(), "--registry=x", "cdk.version is"},
		"with a version that is not there": {with(), "2.99999.0", "npm install: No matching version found"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newBareWorld(t)
			w.environ["PATH"] = fakes(t, cdkVersion)
			o := w.synthesising(c.files)
			if c.version != "" {
				o.CDK.Version = c.version
			}
			r := w.do(o)
			w.want(r, build.OutcomeFailed)
			if !strings.HasPrefix(r.Reason, c.want) {
				t.Errorf("%q, want %s", r.Reason, c.want)
			}
		})
	}
	w := newBareWorld(t)
	w.environ["PATH"] = "bin:/nowhere"
	o := w.synthesising(with())
	o.CDK.Context = map[string]string{"a=b": "c"}
	if r := w.do(o); r.Reason != `cdk.context names "a=b": a name without = is allowed, since what follows one is the value` {
		t.Errorf("%q", r.Reason)
	}
	files := with("package.json", "package-lock.json")
	files["bin/npm"] = "#!/bin/sh\n"
	if r := w.do(w.synthesising(files)); r.Reason != "there is no npm on the build's PATH" {
		t.Errorf("%q", r.Reason)
	}
}

func TestACDKAppIsPlannedAndNothingElse(t *testing.T) {
	w := newBareWorld(t)
	o := w.synthesising(script(bare))
	o.Job.Kind = "apply"
	if r := w.do(o); r.Outcome != build.OutcomeFailed || r.Reason != `the order asks for "apply" of a CDK app; plan is known` {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
}
