// Package echotest builds the function that the sandbox's Lambda tests run, once for a
// test process. It is for tests only.
package echotest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var build = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "echo-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", path,
		"github.com/driftless-gitops/driftless/internal/sandbox/lambda/internal/echo")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build echo: %w: %s", err, out)
	}
	return os.ReadFile(path)
})

// Binary returns the built function.
func Binary(t testing.TB) []byte {
	t.Helper()
	b, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var pack = sync.OnceValues(func() ([]byte, error) {
	b, err := build()
	if err != nil {
		return nil, err
	}
	return archive("bootstrap", 0o755, b)
})

// Package returns the function as a deployment package.
func Package(t testing.TB) []byte {
	t.Helper()
	b, err := pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Zip returns an archive of one file.
func Zip(t testing.TB, name string, mode os.FileMode, content []byte) []byte {
	t.Helper()
	b, err := archive(name, mode, content)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func archive(name string, mode os.FileMode, content []byte) ([]byte, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(mode)
	f, err := w.CreateHeader(h)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
