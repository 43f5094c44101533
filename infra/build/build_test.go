package build_test

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/infra/build"
)

func TestBootstrapIsAStaticProgramForTheArchitecture(t *testing.T) {
	for architecture, machine := range map[string]elf.Machine{"arm64": elf.EM_AARCH64, "x86_64": elf.EM_X86_64} {
		t.Run(architecture, func(t *testing.T) {
			code, err := build.Functions(t.Context(), project(t, "func main() {}"), "dist", architecture, []string{"tiny"})
			if err != nil {
				t.Fatal(err)
			}
			f, err := elf.Open(filepath.Join(code["tiny"], "bootstrap"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			if f.Machine != machine || f.Class != elf.ELFCLASS64 {
				t.Errorf("%v %v; want %v", f.Machine, f.Class, machine)
			}
			if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
				t.Errorf("needs %v (%v), which Lambda does not have", libraries, err)
			}
		})
	}
}

func TestTheSameSourceGivesTheSameBytesInAnyFolder(t *testing.T) {
	var builds [][]byte
	for range 2 {
		code, err := build.Functions(t.Context(), project(t, "func main() { println() }"), "dist", "arm64", []string{"tiny"})
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(code["tiny"], "bootstrap"))
		if err != nil {
			t.Fatal(err)
		}
		builds = append(builds, data)
	}
	if !bytes.Equal(builds[0], builds[1]) {
		t.Error("two builds differ: every deployment would replace every function")
	}
}

func TestAFunctionThatDoesNotCompileIsTheCompilersMessage(t *testing.T) {
	_, err := build.Functions(t.Context(), project(t, "func main() { nothing() }"), "dist", "arm64", []string{"tiny"})
	if err == nil || !strings.Contains(err.Error(), "undefined: nothing") {
		t.Errorf("got %v", err)
	}
}

// project writes a module with one function.
func project(t *testing.T, body string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "functions", "tiny")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{filepath.Join(root, "go.mod"): "module example.test/tiny\n\ngo 1.26\n", filepath.Join(dir, "main.go"): "package main\n\n" + body + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
