package main

import (
	"archive/zip"
	"compress/flate"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/driftless-gitops/driftless/infra/build"
)

// A function's package is read from disk at each cold start: a megabyte costs more than a
// millisecond there.
func TestPackagesAreSmall(t *testing.T) {
	code, err := build.Functions(t.Context(), "..", t.TempDir(), "arm64", functionNames())
	if err != nil {
		t.Fatal(err)
	}
	for name, dir := range code {
		limit := int64(5e6)
		if name == "reconciler" {
			limit = 8e6
		}
		size := zipped(t, filepath.Join(dir, "bootstrap"))
		t.Logf("%s: %.2f MB zipped", name, float64(size)/1e6)
		if size > limit {
			t.Errorf("%s is %d bytes zipped, at most %d: look at what it imports", name, size, limit)
		}
	}
}

// zipped returns the size of a package with one file, packed as the CDK packs assets.
func zipped(t *testing.T, path string) int64 {
	t.Helper()
	archive, err := os.Create(filepath.Join(t.TempDir(), "code.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	w := zip.NewWriter(archive)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	file, err := w.Create("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if _, err := io.Copy(file, from); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := archive.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
