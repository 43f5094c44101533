package packaging_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/packaging"
)

// function is an application with a function whose code is a folder.
func function() fstest.MapFS {
	return repository(`
-- stacks/jobs/template.yaml --
Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: ./src}}}
-- stacks/jobs/src/run.sh --
echo run
-- stacks/jobs/src/lib/a.py --
a = 1
`)
}

func TestNothingChangesWhenNothingChanged(t *testing.T) {
	first := prepare(t, function(), jobs())
	files := function()
	for _, f := range files {
		f.ModTime, f.Mode = time.Date(2024, 2, 29, 1, 2, 3, 4, time.Local), 0o600
	}
	again := prepare(t, files, jobs())
	if diff := cmp.Diff(string(first.Template), string(again.Template)); diff != "" {
		t.Errorf("template (-first +again):\n%s", diff)
	}
	key := first.Artefacts[0].Key
	if !bytes.Equal(data(t, first, key), data(t, again, key)) || !bytes.Equal(data(t, first, key), data(t, first, key)) {
		t.Error("the same files made other archives")
	}
}

func TestBundleGivesTheSameAsTheRepository(t *testing.T) {
	files := function()
	files["stacks/jobs/src/run.sh"].Mode = 0o755
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range []string{"stacks/jobs/src/run.sh", "stacks/jobs/template.yaml", "stacks/jobs/src/lib/a.py"} {
		header := &zip.FileHeader{Name: name}
		header.SetMode(files[name].Mode)
		f, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(files[name].Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	bundle, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		t.Fatal(err)
	}
	want, got := prepare(t, files, jobs()), prepare(t, bundle, jobs())
	key := want.Artefacts[0].Key
	if got.Artefacts[0].Key != key || !bytes.Equal(data(t, want, key), data(t, got, key)) {
		t.Errorf("from the bundle %s is made, from the repository %s", got.Artefacts[0].Key, key)
	}
}

func TestWhatIsInAnArchiveDecidesItsKey(t *testing.T) {
	key := prepare(t, function(), jobs()).Artefacts[0].Key
	for says, change := range map[string]func(fstest.MapFS){
		"another content": func(f fstest.MapFS) { f["stacks/jobs/src/lib/a.py"].Data = []byte("a = 2") },
		"another mode":    func(f fstest.MapFS) { f["stacks/jobs/src/run.sh"].Mode = 0o755 },
		"one file more":   func(f fstest.MapFS) { f["stacks/jobs/src/b"] = &fstest.MapFile{} },
		"another name": func(f fstest.MapFS) {
			f["stacks/jobs/src/go.sh"] = f["stacks/jobs/src/run.sh"]
			delete(f, "stacks/jobs/src/run.sh")
		},
		"a name that ends in the content": func(f fstest.MapFS) {
			f["stacks/jobs/src/run.she"] = &fstest.MapFile{Data: []byte("cho run\n"), Mode: 0o644}
			delete(f, "stacks/jobs/src/run.sh")
		},
	} {
		files := function()
		change(files)
		if got := prepare(t, files, jobs()).Artefacts[0].Key; got == key {
			t.Errorf("with %s, the key is the same", says)
		}
	}
	files := function()
	files["stacks/jobs/README.md"] = &fstest.MapFile{Data: []byte("not in it")}
	if got := prepare(t, files, jobs()).Artefacts[0].Key; got != key {
		t.Errorf("with a file beside it, the key is %s, not %s", got, key)
	}
}

func TestArchiveHoldsFilesWithTheirModes(t *testing.T) {
	files := function()
	files["stacks/jobs/src/run.sh"].Mode = 0o744
	files["stacks/jobs/src/.git/HEAD"] = &fstest.MapFile{Data: []byte("git's own")}
	p := prepare(t, files, jobs())
	body := data(t, p, p.Artefacts[0].Key)
	r, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]fs.FileMode{}
	for _, f := range r.File {
		got[f.Name] = f.Mode()
		if !f.Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s is of %v", f.Name, f.Modified)
		}
	}
	if diff := cmp.Diff(map[string]fs.FileMode{"run.sh": 0o755, "lib/a.py": 0o644}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if want := int64(len("echo run\na = 1\n")); p.Artefacts[0].Size != want {
		t.Errorf("its size is %d, want %d", p.Artefacts[0].Size, want)
	}
}

func TestEqualFilesAreOneArtefact(t *testing.T) {
	p := prepare(t, repository(`
-- stacks/jobs/template.yaml --
Resources:
  F: {Type: AWS::Lambda::Function, Properties: {Code: src}}
  G: {Type: AWS::Lambda::Function, Properties: {Code: ./src/}}
  H: {Type: AWS::Lambda::Function, Properties: {Code: copy}}
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {BodyS3Location: src/a}}
-- stacks/jobs/src/a --
a
-- stacks/jobs/copy/a --
a
`), jobs())
	var keys []string
	for _, a := range p.Artefacts {
		keys = append(keys, a.Key)
	}
	if len(keys) != 2 || !strings.HasPrefix(keys[0], "artefacts/") {
		t.Errorf("artefacts are %v, want an archive and a file", keys)
	}
}

// huge is a file that says it has more bytes than it has.
type huge struct {
	fstest.MapFS
	size int64
}

func (h huge) Stat(name string) (fs.FileInfo, error) {
	info, err := h.MapFS.Stat(name)
	return sized{info, h.size}, err
}

func (h huge) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := h.MapFS.ReadDir(name)
	for i, e := range entries {
		if info, err := e.Info(); err == nil && !e.IsDir() {
			entries[i] = fs.FileInfoToDirEntry(sized{info, h.size})
		}
	}
	return entries, err
}

type sized struct {
	fs.FileInfo
	size int64
}

func (s sized) Size() int64 { return s.size }

func TestArchiveHoldsNoMoreThanAFunctionMay(t *testing.T) {
	for size, want := range map[int64]string{
		125 << 20:   "",
		125<<20 + 1: `stacks/jobs/template.yaml:1:65: Resources.F.Properties.Code names "./src": its files have 262144002 bytes; at most 262144000 are allowed`,
	} {
		if got := refused(t, huge{function(), size}, jobs(), bucket); got != want {
			t.Errorf("with two files of %d bytes: %q, want %q", size, got, want)
		}
	}
}

func TestFileThatCannotBePackagedIsToldWithItsPlace(t *testing.T) {
	code := func(value string) string {
		return "-- stacks/jobs/template.yaml --\nResources: {F: {Type: AWS::Lambda::Function, Properties: {Code: " + value + "}}}\n"
	}
	const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\n"
	for says, c := range map[string]struct{ archive, want string }{
		"not there":                 {code("./srcs"), `names "./srcs", and there is no stacks/jobs/srcs`},
		"above the repository":      {code("../../../src"), `names "../../../src", which is not in the repository`},
		"from the machine's root":   {code("/etc/passwd"), `names "/etc/passwd", which is not in the repository`},
		"another application's":     {code("../mail") + "-- stacks/mail/a --\na\n", `names "../mail", and stacks/mail is not among the application's files: add it to watch in driftless.yaml`},
		"a neighbour of like name":  {code("../jobs2") + "-- stacks/jobs2/a --\na\n", `names "../jobs2", and stacks/jobs2 is not among the application's files: add it to watch in driftless.yaml`},
		"a pointer of Git LFS":      {code("src.zip") + "-- stacks/jobs/src.zip --\n" + pointer, `names "src.zip": stacks/jobs/src.zip is a pointer of Git LFS, whose file is not in git: keep the file itself in git`},
		"a pointer among its files": {code("src") + "-- stacks/jobs/src/model --\n" + pointer, `names "src": stacks/jobs/src/model is a pointer of Git LFS, whose file is not in git: keep the file itself in git`},
	} {
		t.Run(says, func(t *testing.T) {
			want := "stacks/jobs/template.yaml:1:65: Resources.F.Properties.Code " + c.want
			if got := refused(t, repository(c.archive), jobs(), bucket); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestWatchedFilesArePackaged(t *testing.T) {
	files := repository(`
-- stacks/jobs/template.yaml --
Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: ../../shared/src}}}
-- shared/src/a --
a
`)
	p := prepare(t, files, jobs(func(s *gitops.Settings) { s.Watch = []string{"shared"} }))
	if len(p.Artefacts) != 1 {
		t.Errorf("%d artefacts", len(p.Artefacts))
	}
}

func TestRegionWithoutABucketIsToldOnce(t *testing.T) {
	files := repository(`
-- stacks/jobs/template.yaml --
Resources:
  F: {Type: AWS::Lambda::Function, Properties: {Code: src}}
  G: {Type: AWS::Lambda::Function, Properties: {Code: src}}
  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: nested.yaml}}
-- stacks/jobs/nested.yaml --
Resources: {Q: {Type: AWS::SQS::Queue}}
-- stacks/jobs/src/a --
a
`)
	want := "stacks/jobs/template.yaml:2:55: region eu-west-1 of account 111122223333 has no artefact bucket, which Resources.F.Properties.Code needs (and 2 more): " +
		"deploy templates/target-events.yaml there and name it in the CDK context"
	if got := refused(t, files, jobs(), ""); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if problems, err := packaging.Check(files, jobs()); err != nil || len(problems) > 0 {
		t.Errorf("checked without a region: %v, %v", problems, err)
	}
}

func TestAddressesFollowTheRegion(t *testing.T) {
	files := repository("-- stacks/jobs/template.yaml --\nResources: {N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: n.yaml}}}\n-- stacks/jobs/n.yaml --\nResources: {Q: {Type: AWS::SQS::Queue}}\n")
	p, problems, err := packaging.Prepare(files, jobs(func(s *gitops.Settings) { s.Target.Region = "cn-north-1" }), bucket)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	want := `Resources: {N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: "https://` + bucket + `.s3.cn-north-1.amazonaws.com.cn/` + p.Artefacts[0].Key + `"}}}` + "\n"
	if diff := cmp.Diff(want, string(p.Template)); diff != "" {
		t.Errorf("template (-want +got):\n%s", diff)
	}
}
