package runner_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/runner/install"
)

// site has releases of terraform, signed with a key of its own, as HashiCorp's has. Its programs
// hand on to the terraform of this machine.
type site struct {
	*httptest.Server
	signer *openpgp.Entity
	key    string // armoured
	files  map[string][]byte

	mu    sync.Mutex
	asked []string
}

// newSite starts one with the version of these tests and an older one, and takes terraform from
// the PATH on which it is looked for, so that builds of this world use the site.
func newSite(w *world) *site {
	w.Helper()
	s := &site{files: map[string][]byte{}}
	s.signer, s.key = newKey(w.T)
	for _, v := range []string{version, "1.10.0"} {
		archive := archiveOf(v)
		s.files["/terraform/"+v+"/"+archive] = zipped(w.T, "terraform", "#!/bin/sh\nexec terraform \"$@\"\n")
		sums := fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(s.files["/terraform/"+v+"/"+archive]), archive)
		s.files["/terraform/"+v+"/terraform_"+v+"_SHA256SUMS"] = sums
		s.files["/terraform/"+v+"/terraform_"+v+"_SHA256SUMS.sig"] = signed(w.T, s.signer, sums)
		s.files["/terraform/"+v+"/index.json"] = fmt.Appendf(nil, `{"name":"terraform","version":%[1]q,"shasums":"terraform_%[1]s_SHA256SUMS","shasums_signature":"terraform_%[1]s_SHA256SUMS.sig",`+
			`"builds":[{"name":"terraform","version":%[1]q,"os":%[2]q,"arch":%[3]q,"filename":%[4]q,"url":"https://releases.example.com/terraform/%[1]s/%[4]s"}]}`, v, runtime.GOOS, runtime.GOARCH, archive)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, r.URL.Path)
		data, ok := s.files[r.URL.Path]
		if !ok {
			http.NotFound(out, r)
			return
		}
		kind := "application/zip"
		if strings.HasSuffix(r.URL.Path, ".json") {
			kind = "application/json"
		}
		out.Header().Set("Content-Type", kind)
		_, _ = out.Write(data)
	}))
	w.Cleanup(s.Close)
	w.Setenv("PATH", w.TempDir())
	w.site = s
	return s
}

func archiveOf(v string) string {
	return fmt.Sprintf("terraform_%s_%s_%s.zip", v, runtime.GOOS, runtime.GOARCH)
}

// requests returns what was asked for since the last call.
func (s *site) requests() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return strings.Join(asked, " ")
}

// newKey makes a key to sign with, and its public part.
func newKey(t *testing.T) (*openpgp.Entity, string) {
	t.Helper()
	signer, err := openpgp.NewEntity("releases", "", "releases@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := signer.Serialize(out); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return signer, b.String()
}

func signed(t *testing.T, signer *openpgp.Entity, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := openpgp.DetachSign(&b, signer, bytes.NewReader(data), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// programs is what is kept of terraform itself.
func (w *world) programs() []string {
	w.Helper()
	var keys []string
	for _, key := range w.caches() {
		if strings.Contains(key, "/programs/") {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestTerraformIsDownloadedOnceForAllBuildsOfAVersion(t *testing.T) {
	w := newWorld(t)
	s := newSite(w)
	w.want(w.cached(w.order(gitops.OperationPlan, one("x"))), build.OutcomePlanned)
	if asked := s.requests(); strings.Count(asked, archiveOf(version)) != 1 {
		t.Fatalf("the first build asked for %s", asked)
	}
	if got, want := strings.Join(w.programs(), " "), "builds/apply/cache/programs/terraform_"+version+"_"+runtime.GOOS+"_"+runtime.GOARCH+".zip"; got != want {
		t.Fatalf("kept is %q, want %q", got, want)
	}
	second := w.order(gitops.OperationPlan, one("of another application"))
	w.want(w.cached(second), build.OutcomePlanned)
	if asked := s.requests(); asked != "" {
		t.Errorf("the second build asked for %s\n%s", asked, w.text(second.Job.LogKey()))
	}
	planning := w.order(gitops.OperationPlan, one("x"))
	planning.Job.Side = build.SidePlan
	w.want(w.cached(planning), build.OutcomePlanned)
	if asked := s.requests(); strings.Count(asked, archiveOf(version)) != 1 {
		t.Errorf("the first build of the other side asked for %q", asked)
	}
}

func TestATerraformThatWasChangedInTheCacheIsRefusedAndDownloadedAgain(t *testing.T) {
	w := newWorld(t)
	s := newSite(w)
	w.want(w.cached(w.order(gitops.OperationPlan, one("x"))), build.OutcomePlanned)
	key, of := w.programs()[0], func(v, name string) []byte { return s.files["/terraform/"+v+"/"+strings.ReplaceAll(name, "V", v)] }
	evil := zipped(t, "terraform", "#!/bin/sh\necho evil; exit 1\n")
	sums := fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(evil), archiveOf(version))
	thief, _ := newKey(t)
	for name, c := range map[string]struct {
		files map[string][]byte
		why   string
	}{
		"another archive": {map[string][]byte{"SHA256SUMS": of(version, "terraform_V_SHA256SUMS"), "SHA256SUMS.sig": of(version, "terraform_V_SHA256SUMS.sig"), "terraform.zip": evil},
			"does not have the checksum that is signed"},
		"another archive and its checksum": {map[string][]byte{"SHA256SUMS": sums, "SHA256SUMS.sig": of(version, "terraform_V_SHA256SUMS.sig"), "terraform.zip": evil},
			"unable to verify checksums signature"},
		"signed by somebody else": {map[string][]byte{"SHA256SUMS": sums, "SHA256SUMS.sig": signed(t, thief, sums), "terraform.zip": evil},
			"unable to verify checksums signature"},
		"an older release, well signed": {map[string][]byte{"SHA256SUMS": of("1.10.0", "terraform_V_SHA256SUMS"), "SHA256SUMS.sig": of("1.10.0", "terraform_V_SHA256SUMS.sig"), "terraform.zip": of("1.10.0", archiveOf("1.10.0"))},
			"no checksum found for"},
		"no archive":     {map[string][]byte{"SHA256SUMS": of(version, "terraform_V_SHA256SUMS"), "SHA256SUMS.sig": of(version, "terraform_V_SHA256SUMS.sig")}, "no such file"},
		"a name outside": {map[string][]byte{"../program/terraform": evil}, "is no name below its root"},
	} {
		w.must(w.blobs.Replace(t.Context(), key, zippedFiles(t, c.files)))
		s.requests()
		o := w.order(gitops.OperationPlan, one("x"))
		w.want(w.cached(o), build.OutcomePlanned)
		if asked := s.requests(); strings.Count(asked, archiveOf(version)) != 1 {
			t.Errorf("%s: it asked for %q", name, asked)
		}
		if log := w.text(o.Job.LogKey()); !strings.Contains(log, "the terraform that an earlier build downloaded is not taken: ") || !strings.Contains(log, c.why) {
			t.Errorf("%s: want %q in\n%s", name, c.why, log)
		}
	}
}

func TestAReleaseThatIsNotWhatWasSignedIsNotTakenFromTheSiteEither(t *testing.T) {
	w := newWorld(t)
	s := newSite(w)
	archive := "/terraform/" + version + "/" + archiveOf(version)
	for _, why := range []string{"does not have the checksum that is signed", "unable to verify checksums signature"} {
		if s.files[archive] = zipped(t, "terraform", "another"); strings.Contains(why, "signature") {
			_, s.key = newKey(t)
		}
		r := w.cached(w.order(gitops.OperationPlan, one("x")))
		if r.Outcome != build.OutcomeFailed || !strings.Contains(r.Reason, "terraform "+version+" is not to be had") || !strings.Contains(r.Reason, why) {
			t.Errorf("%s: %s, want %s", r.Outcome, r.Reason, why)
		}
	}
	if got := w.programs(); len(got) > 0 {
		t.Errorf("kept are %q", got)
	}
}

func TestAVersionThatIsOnThePathIsNeitherDownloadedNorKept(t *testing.T) {
	w := newWorld(t)
	w.gate.failing(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/programs/") }, http.StatusTeapot, "Asked")
	w.want(w.cached(w.order(gitops.OperationPlan, one("x"))), build.OutcomePlanned)
	w.gate.hold(nil)
	if got := w.programs(); len(got) > 0 {
		t.Errorf("kept are %q", got)
	}
}

// installer is where a build of this world has terraform from.
func (w *world) installer(dir string) install.Installer {
	if w.site != nil {
		return install.Installer{Dir: dir, From: w.site.URL, Key: w.site.key}
	}
	return install.Installer{Dir: dir, From: w.gate.URL + "/releases"}
}

// zippedFiles is an archive of files, whatever their names.
func zippedFiles(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, data := range files {
		f, err := z.Create(name)
		if err == nil {
			_, err = io.Copy(f, bytes.NewReader(data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
