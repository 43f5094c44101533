package runner

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyWhatIsTheSameWheneverItIsDownloadedIsPinned(t *testing.T) {
	for sentence, c := range map[string]struct {
		call call
		want bool
	}{
		"an exact version":         {call{Source: "terraform-aws-modules/vpc/aws", Version: "5.1.0"}, true},
		"an exact version, with =": {call{Source: "terraform-aws-modules/vpc/aws", Version: "= 5.1.0-beta1"}, true},
		"a range":                  {call{Source: "terraform-aws-modules/vpc/aws", Version: "~> 5.1.0"}, false},
		"two ranges":               {call{Source: "terraform-aws-modules/vpc/aws", Version: ">= 5.1.0, < 6.0.0"}, false},
		"no version":               {call{Source: "terraform-aws-modules/vpc/aws"}, false},
		"a tag":                    {call{Source: "git::https://example.com/vpc.git//aws?ref=v1.2.0"}, true},
		"a tag of one of many":     {call{Source: "git@github.com:org/modules.git//vpc?depth=1&ref=vpc/v1.2"}, true},
		"a commit":                 {call{Source: "github.com/org/vpc?ref=" + strings.Repeat("a1", 20)}, true},
		"a part of a commit":       {call{Source: "github.com/org/vpc?ref=a1a1a1a"}, false},
		"a branch":                 {call{Source: "git::https://example.com/vpc.git?ref=main"}, false},
		"the default branch":       {call{Source: "git::https://example.com/vpc.git"}, false},
		"a file on the web":        {call{Source: "https://example.com/vpc.zip"}, false},
		"what is computed":         {call{}, false},
	} {
		if got := c.call.pinned(); got != c.want {
			t.Errorf("%s: %t, want %t", sentence, got, c.want)
		}
	}
}

// written makes a directory of files.
func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCallsOfLocalModulesAreFollowed(t *testing.T) {
	dir := written(t, map[string]string{
		"app/main.tf":      "module \"a\" {\n source = \"../lib\"\n}\nmodule \"b\" {\n source = \"x/y/z\"\n version = \"1.0.0\"\n}\nmodule \"c\" {\n source = var.x\n}",
		"lib/main.tf.json": `{"module":{"inner":{"source":"git::https://example.com/x.git"}}}`,
		"loop/main.tf":     "module \"again\" {\n source = \"../loop\"\n}"})
	c, err := inspect(filepath.Join(dir, "app"), "terraform")
	if err != nil {
		t.Fatal(err)
	}
	got, err := elsewhere(filepath.Join(dir, "app"), "", c, "terraform")
	want := []call{{"a.inner", "git::https://example.com/x.git", ""}, {"b", "x/y/z", "1.0.0"}, {"c", "", ""}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	loop, err := inspect(filepath.Join(dir, "loop"), "terraform")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := elsewhere(filepath.Join(dir, "loop"), "", loop, "terraform"); err == nil {
		t.Errorf("modules that call each other: %v", got)
	}
}

func TestAManifestThatLeadsElsewhereIsNotTaken(t *testing.T) {
	for sentence, dir := range map[string]string{"an absolute path": "/etc", "a path that leads out": ".terraform/modules/../../x"} {
		s := &session{Runner: &Runner{Dir: written(t, map[string]string{"terraform/modules/modules.json": `{"Modules":[{"Key":"a","Dir":"` + dir + `"}]}`})}}
		if err := s.settle(); err == nil || !strings.Contains(err.Error(), "leads elsewhere") {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

func TestWhatIsPackedIsUnpackedAsItWas(t *testing.T) {
	dir := written(t, map[string]string{"a/main.tf": "one", "a/run.sh": "two", "a/.git/HEAD": "three", "b/modules.json": "here"})
	if err := os.Chmod(filepath.Join(dir, "a/run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	pack := func(l limits) (string, error) {
		f, err := os.Create(filepath.Join(t.TempDir(), "a.zip"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return f.Name(), l.pack(t.Context(), dir, f, map[string][]byte{"b/modules.json": []byte("elsewhere")})
	}
	name, err := pack(kept)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := kept.unpack(name, out); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err = filepath.WalkDir(out, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		got[strings.TrimPrefix(name, out)] = info.Mode().String() + " " + string(data)
		return err
	})
	want := map[string]string{"/a/main.tf": "-rw-r--r-- one", "/a/run.sh": "-rwxr-xr-x two", "/b/modules.json": "-rw-r--r-- elsewhere"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for sentence, l := range map[string]limits{"fewer bytes": {"it", 8, 9, 0}, "fewer files": {"it", 999, 2, 0}} {
		if _, err := pack(l); err == nil || !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: %v", sentence, err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "a/link")); err != nil {
		t.Fatal(err)
	}
	if _, err := pack(kept); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a link: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := kept.pack(ctx, dir, io.Discard, nil); err == nil {
		t.Error("a build that is stopped goes on packing")
	}
}
