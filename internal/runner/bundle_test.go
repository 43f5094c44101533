package runner

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/hostile"
)

// archive writes one of entries.
func archive(t *testing.T, entries ...zip.FileHeader) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "a.zip")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for _, e := range entries {
		w, err := z.CreateHeader(&e)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name, "/") {
			continue
		}
		if _, err := w.Write([]byte("content of " + e.Name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestABundleIsUnpackedAsItIs(t *testing.T) {
	run := zip.FileHeader{Name: "a/run.sh"}
	run.SetMode(0o755)
	dir := filepath.Join(t.TempDir(), "out")
	if err := bundle.unpack(archive(t, zip.FileHeader{Name: "a/b/main.tf"}, run), dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "a/b/main.tf"))
	if err != nil || string(data) != "content of a/b/main.tf" {
		t.Errorf("%q, %v", data, err)
	}
	for name, want := range map[string]fs.FileMode{"a/run.sh": 0o700, "a/b/main.tf": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestWhatLeadsElsewhereIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	link := zip.FileHeader{Name: "a/link"}
	link.SetMode(fs.ModeSymlink | 0o777)
	device := zip.FileHeader{Name: "a/device"}
	device.SetMode(fs.ModeDevice | 0o600)
	bad := map[string]zip.FileHeader{"a symbolic link": link, "a device": device, "a directory": {Name: "a/b/"}, "an empty name": {Name: ""},
		"a name that is too deep": {Name: strings.Repeat("d/", 32) + "f"}}
	for _, name := range []string{"../x", "/etc/passwd", "a/../../x", "a//b", "./a", `a\..\..\x`, "a/.."} {
		bad[name] = zip.FileHeader{Name: name}
	}
	for name, entry := range bad {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			err := bundle.unpack(archive(t, zip.FileHeader{Name: "good.tf"}, entry), dir)
			if err == nil {
				t.Fatal("it was unpacked")
			}
			if why := hostile.Trouble(err.Error()); why != "" {
				t.Errorf("%q: %s", err, why)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("something was written")
			}
		})
	}
}

func TestABundleIsBounded(t *testing.T) {
	entries := make([]zip.FileHeader, maxFiles+1)
	for i := range entries {
		entries[i].Name = fmt.Sprint(i)
	}
	if err := bundle.unpack(archive(t, entries...), filepath.Join(t.TempDir(), "out")); err == nil || !strings.Contains(err.Error(), "10001 files") {
		t.Errorf("too many files: %v", err)
	}
	entries[0].Name = "../as many as are allowed"
	if err := bundle.unpack(archive(t, entries[:maxFiles]...), filepath.Join(t.TempDir(), "out")); err == nil || !strings.Contains(err.Error(), entries[0].Name) {
		t.Errorf("as many as are allowed, one of them no name: %v", err)
	}
	twice := archive(t, zip.FileHeader{Name: "a"}, zip.FileHeader{Name: "a"})
	if err := bundle.unpack(twice, filepath.Join(t.TempDir(), "out")); err == nil {
		t.Error("one name twice was unpacked")
	}
	large := archive(t, zip.FileHeader{Name: "a"})
	f, err := os.Create(large)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, size := range map[string]uint64{"half": maxBytes / 2, "more than half": maxBytes/2 + 1} {
		if _, err := z.CreateRaw(&zip.FileHeader{Name: name, UncompressedSize64: size}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := bundle.unpack(large, filepath.Join(t.TempDir(), "out")); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("too large: %v", err)
	}
}
