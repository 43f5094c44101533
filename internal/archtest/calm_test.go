package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What "make check" tests without the race detector starts nothing that runs beside it, in its
// code or in its tests.
func TestPackagesWithoutTheRaceDetectorStartNothing(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^CALM +=(.*)$`).FindSubmatch(makefile)
	if line == nil || len(strings.Fields(string(line[1]))) < 5 {
		t.Fatal("the Makefile lists no packages as CALM")
	}
	for _, name := range strings.Fields(string(line[1])) {
		files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(name), "*.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no code: %v", name, err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if started := starts(n); started != "" {
					t.Errorf("%s has %s: take %s off the Makefile's CALM", file, started, name)
				}
				return true
			})
		}
	}
}

// starts says by what a piece of code starts something beside itself, "" where it does not.
func starts(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a go statement"
	case *ast.SelectorExpr:
		if n.Sel.Name == "Go" || n.Sel.Name == "Parallel" || n.Sel.Name == "AfterFunc" {
			return "a call of " + n.Sel.Name
		}
	case *ast.ImportSpec:
		if n.Path.Value == `"net/http/httptest"` {
			return "a server of httptest"
		}
	}
	return ""
}
