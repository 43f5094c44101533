package supply_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/infra/build"
)

// names are the folders of functions/.
func names(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	if len(all) != 6 {
		t.Fatalf("the functions are %v, want six", all)
	}
	return all
}

// copied copies what functions and the program of builds are built from to a folder, with other times and rights.
func copied(t *testing.T, to string) string {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"go.mod", "go.sum", "cmd/runner", "functions", "internal", "templates"} {
		err := filepath.WalkDir(filepath.Join(root, part), func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			target := filepath.Join(to, relative)
			switch {
			case e.IsDir() && e.Name() == "testdata" || strings.HasSuffix(path, "_test.go"):
				if e.IsDir() {
					return filepath.SkipDir
				}
				return nil
			case e.IsDir():
				return os.MkdirAll(target, 0o700)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(target, data, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// zipped returns the hash of a program in a zip file, packed as the CDK packs
// assets: one time for every file, so that it says nothing of when.
func zipped(t *testing.T, file string) [sha256.Size]byte {
	t.Helper()
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestSpeed) })
	f, err := w.Create("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(program); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b.Bytes())
}

// Whoever doubts what runs in their account builds it anew, wherever they like, and compares.
func TestEveryProgramIsBuiltBitByBitTheSameInTwoFolders(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	var built [2]map[string]string // files, by name
	for i, folder := range []string{"a", "a/much/longer/path/than/the/other one"} {
		at := copied(t, filepath.Join(t.TempDir(), folder))
		if built[i], err = build.Functions(t.Context(), at, "dist", "arm64", names(t)); err != nil {
			t.Fatal(err)
		}
		for name, dir := range built[i] {
			built[i][name] = filepath.Join(dir, "bootstrap")
		}
		if built[i]["runner"], err = build.Runner(t.Context(), at, "dist", "arm64"); err != nil {
			t.Fatal(err)
		}
	}
	for name, program := range built[0] {
		if zipped(t, program) != zipped(t, built[1][name]) {
			t.Errorf("%s differs from folder to folder", name)
		}
		data, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, told := range []string{filepath.Dir(program), home + "/"} {
			if bytes.Contains(data, []byte(told)) {
				t.Errorf("%s holds %q, which tells where it was built", name, told)
			}
		}
		t.Run("the bill of "+name+" is what the compiler wrote", func(t *testing.T) { equalsVersion(t, program) })
	}
}
