package runner_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/runner"
)

// registry serves one provider, as a network mirror does, and one module, as a git repository
// that is read over HTTP. It counts what it is asked for.
type registry struct {
	mirror, modules *httptest.Server
	program, hash   string // of the provider
	notes           string // the file in which it notes that it was started

	mu    sync.Mutex
	asked []string
}

const programName = "terraform-provider-x_v1.0.0"

// zipped is an archive of one program.
func zipped(t *testing.T, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	header.SetMode(0o755)
	f, err := z.CreateHeader(header)
	if err == nil {
		_, err = f.Write([]byte(text))
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// newRegistry starts one, and has the world's builds use it. Its provider notes in a file that it
// was started.
func newRegistry(w *world) *registry {
	w.Helper()
	self, err := os.Executable()
	w.must(err)
	g := &registry{notes: filepath.Join(w.TempDir(), "started")}
	g.program = fmt.Sprintf("#!/bin/sh\necho honest >> '%s'\nexec '%s' provider\n", g.notes, self)
	list := sha256.New()
	fmt.Fprintf(list, "%x  %s\n", sha256.Sum256([]byte(g.program)), programName)
	g.hash = "h1:" + base64.StdEncoding.EncodeToString(list.Sum(nil))
	platform := runtime.GOOS + "_" + runtime.GOARCH
	count := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			g.mu.Lock()
			g.asked = append(g.asked, r.URL.Path)
			g.mu.Unlock()
			h.ServeHTTP(out, r)
		})
	}
	files := map[string]string{
		"/registry.terraform.io/acme/x/index.json": `{"versions":{"1.0.0":{}}}`,
		"/registry.terraform.io/acme/x/1.0.0.json": fmt.Sprintf(`{"archives":{%q:{"url":"x.zip","hashes":[%q]}}}`, platform, g.hash),
		"/registry.terraform.io/acme/x/x.zip":      string(zipped(w.T, programName, g.program)),
	}
	g.mirror = httptest.NewTLSServer(count(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		text, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(out, r)
			return
		}
		if strings.HasSuffix(r.URL.Path, ".json") {
			out.Header().Set("Content-Type", "application/json")
		}
		_, _ = io.WriteString(out, text)
	})))
	w.Cleanup(g.mirror.Close)
	g.modules = httptest.NewServer(count(http.FileServer(http.Dir(repository(w.T)))))
	w.Cleanup(g.modules.Close)
	ca, config := filepath.Join(w.TempDir(), "ca.pem"), filepath.Join(w.TempDir(), "terraformrc")
	w.must(os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.mirror.Certificate().Raw}), 0o600))
	w.must(os.WriteFile(config, []byte(fmt.Sprintf("provider_installation {\n  network_mirror {\n    url = %q\n  }\n}\n", g.mirror.URL+"/")), 0o600))
	w.environ["SSL_CERT_FILE"], w.environ["TF_CLI_CONFIG_FILE"] = ca, config
	return g
}

// repository makes one with a module at the tag v1.0.0, whose branch is main, to be read as files.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	work := filepath.Join(dir, "work")
	if err := os.MkdirAll(filepath.Join(work, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"main.tf": "output \"said\" { value = file(\"${path.module}/scripts/said\") }\n", "scripts/said": "of the module"} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "a"},
		{"tag", "v1.0.0"}, {"clone", "-q", "--bare", ".", "../module.git"}, {"--git-dir", "../module.git", "update-server-info"}} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = work
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	return dir
}

// requests returns what was asked for since the last call.
func (g *registry) requests() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	asked := g.asked
	g.asked = nil
	return asked
}

// started returns which programs of the provider were started.
func (g *registry) started() string {
	data, _ := os.ReadFile(g.notes) // none if it never was
	return string(data)
}

// files are a configuration with the provider and the module, at a version or a branch of it.
func (g *registry) files(ref string) map[string]string {
	return map[string]string{
		"main.tf": `
terraform {
  required_providers {
    x = { source = "acme/x", version = "1.0.0" }
  }
}
module "inner" { source = "./inner" }
resource "terraform_data" "one" { input = module.inner.said }
output "said" { value = terraform_data.one.output }
`,
		"inner/main.tf": fmt.Sprintf("module \"far\" { source = \"git::%s/module.git?ref=%s\" }\noutput \"said\" { value = module.far.said }\n", g.modules.URL, ref),
		".terraform.lock.hcl": fmt.Sprintf("provider \"registry.terraform.io/acme/x\" {\n  version     = \"1.0.0\"\n  constraints = \"1.0.0\"\n  hashes = [\n    %q,\n  ]\n}\n",
			g.hash),
	}
}

// cached runs an order in a build that keeps what it downloads, and returns its report.
func (w *world) cached(o build.Order) build.Report {
	w.Helper()
	r := w.runner("p:" + o.Job.Token)
	r.Cache = w.blobs.UpTo(runner.MaxKept)
	if err := r.Run(w.Context(), w.place(o)); err != nil && !errors.Is(err, runner.ErrUnsuccessful) {
		w.Fatal(err)
	}
	return w.report(o.Job)
}

// caches lists the keys of what is kept.
func (w *world) caches() []string {
	w.Helper()
	var keys []string
	for _, key := range w.keys() {
		if strings.Contains(key, "/cache/") {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestASecondBuildOfTheSameLockFileDownloadsNothing(t *testing.T) {
	w := newWorld(t)
	g := newRegistry(w)
	releases := newSite(w)
	files := g.files("v1.0.0")
	planned := w.order(gitops.OperationPlan, files)
	first := w.cached(planned)
	w.want(first, build.OutcomePlanned)
	if asked := strings.Join(g.requests(), " "); !strings.Contains(asked, "/x.zip") || !strings.Contains(asked, "/module.git/") {
		t.Fatalf("the first build asked for %s", asked)
	}
	if asked := releases.requests(); !strings.Contains(asked, archiveOf(version)) {
		t.Fatalf("the first build asked for %s", asked)
	}
	applied := w.cached(w.applying(planned, first))
	w.want(applied, build.OutcomeApplied)
	files["other.tf"] = "output \"other\" { value = 1 }\n"
	again := w.order(gitops.OperationPlan, files)
	w.want(w.cached(again), build.OutcomePlanned)
	w.want(w.cached(w.order(gitops.OperationDetect, files)), build.OutcomeDetected)
	if asked, program := g.requests(), releases.requests(); len(asked) > 0 || program != "" {
		t.Errorf("later builds of the same lock file asked for %q %s\n%s", asked, program, w.text(applied.Job.LogKey()))
	}
	if applied.Outputs["said"] != "of the module" {
		t.Errorf("applied with what was kept, the module said %q", applied.Outputs["said"])
	}
	if got := w.caches(); len(got) != 3 || !strings.HasPrefix(got[0], "builds/apply/cache/modules/") || !strings.HasPrefix(got[1], "builds/apply/cache/programs/") || !strings.HasPrefix(got[2], "builds/apply/cache/providers/") {
		t.Errorf("kept are %q", got)
	}
}

func TestWhatAnotherSideOrAnotherLockFileKeptIsNotTaken(t *testing.T) {
	w := newWorld(t)
	g := newRegistry(w)
	files := g.files("v1.0.0")
	w.want(w.cached(w.order(gitops.OperationPlan, files)), build.OutcomePlanned)
	without := g.files("v1.0.0")
	delete(without, ".terraform.lock.hcl")
	other := g.files("v1.0.0")
	other[".terraform.lock.hcl"] += "# another\n"
	for _, c := range []struct {
		name  string
		side  build.Side
		files map[string]string
	}{
		{"the other side", build.SidePlan, files},
		{"another lock file", build.SideApply, other},
		{"no lock file", build.SideApply, without},
		{"no lock file, a second time", build.SideApply, without},
	} {
		o := w.order(gitops.OperationPlan, c.files)
		o.Job.Side = c.side
		g.requests()
		w.want(w.cached(o), build.OutcomePlanned)
		if asked := strings.Join(g.requests(), " "); !strings.Contains(asked, "/x.zip") || !strings.Contains(asked, "/module.git/") {
			t.Errorf("%s: it asked for %q", c.name, asked)
		}
	}
}

func TestAModuleThatIsNotPinnedIsDownloadedByEachBuild(t *testing.T) {
	w := newWorld(t)
	g := newRegistry(w)
	for range 2 {
		w.want(w.cached(w.order(gitops.OperationPlan, g.files("main"))), build.OutcomePlanned)
		if asked := strings.Join(g.requests(), " "); !strings.Contains(asked, "/module.git/") {
			t.Errorf("it asked for %q", asked)
		}
	}
	if got := w.caches(); len(got) != 1 || !strings.HasPrefix(got[0], "builds/apply/cache/providers/") {
		t.Errorf("kept are %q", got)
	}
}

func TestAProviderThatWasChangedInTheCacheIsRefusedAndDownloadedAgain(t *testing.T) {
	w := newWorld(t)
	g := newRegistry(w)
	files := g.files("v1.0.0")
	w.want(w.cached(w.order(gitops.OperationPlan, files)), build.OutcomePlanned)
	before := g.started()
	if before == "" {
		t.Fatal("the provider notes nothing when it is started")
	}
	path := "registry.terraform.io/acme/x/1.0.0/" + runtime.GOOS + "_" + runtime.GOARCH + "/" + programName
	for name, data := range map[string][]byte{
		"another program": zipped(t, path, strings.ReplaceAll(g.program, "honest", "changed")),
		"a name outside":  zipped(t, "../terraform/"+path, strings.ReplaceAll(g.program, "honest", "changed")),
		"no archive":      []byte("no archive"),
	} {
		w.must(w.blobs.Replace(t.Context(), w.caches()[1], data))
		g.requests()
		o := w.order(gitops.OperationPlan, files)
		w.want(w.cached(o), build.OutcomePlanned)
		log := w.text(o.Job.LogKey())
		if asked := strings.Join(g.requests(), " "); !strings.Contains(asked, "/x.zip") {
			t.Errorf("%s: it asked for %q\n%s", name, asked, log)
		}
		if refused := strings.Contains(log, "match any of the checksums"); refused != (name == "another program") {
			t.Errorf("%s: terraform said\n%s", name, log)
		}
		if strings.Contains(g.started(), "changed") {
			t.Errorf("%s: the changed program was started", name)
		}
	}
	if g.started() == before {
		t.Error("the provider was not started again")
	}
}

func TestProvidersOfAMirrorOnTheMachineAreNotKept(t *testing.T) {
	w := newWorld(t)
	g := newRegistry(w)
	mirror := t.TempDir()
	dir := filepath.Join(mirror, "registry.terraform.io/acme/x/1.0.0", runtime.GOOS+"_"+runtime.GOARCH)
	w.must(os.MkdirAll(dir, 0o755))
	w.must(os.WriteFile(filepath.Join(dir, programName), []byte(g.program), 0o755))
	w.must(os.WriteFile(w.environ["TF_CLI_CONFIG_FILE"], []byte(fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)), 0o600))
	w.want(w.cached(w.order(gitops.OperationPlan, g.files("main"))), build.OutcomePlanned)
	if got := w.caches(); len(got) > 0 {
		t.Errorf("kept are %q", got)
	}
}

func TestABuildEndsWellWhereNothingCanBeKept(t *testing.T) {
	w := newWorld(t)
	g := newRegistry(w)
	w.gate.failing(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/cache/") }, http.StatusForbidden, "AccessDenied")
	o := w.order(gitops.OperationPlan, g.files("v1.0.0"))
	w.want(w.cached(o), build.OutcomePlanned)
	w.gate.hold(nil)
	if got := w.caches(); len(got) > 0 {
		t.Errorf("kept are %q", got)
	}
}

func TestOfAnInitThatFailedNothingIsKept(t *testing.T) {
	w := newWorld(t)
	g := newRegistry(w)
	files := g.files("v1.0.0")
	files["main.tf"] = strings.Replace(files["main.tf"], "x = {", "y = { source = \"acme/y\" }\n    x = {", 1)
	w.want(w.cached(w.order(gitops.OperationPlan, files)), build.OutcomeFailed)
	if asked, got := strings.Join(g.requests(), " "), w.caches(); !strings.Contains(asked, "/module.git/") || len(got) > 0 {
		t.Errorf("kept are %q of what was asked for: %s", got, asked)
	}
}
