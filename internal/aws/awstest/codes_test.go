package awstest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// An adapter that tells one error code from another decides between looking again and giving up:
// each code that one of them names stands in a test of its package, or in what a test compares.
func TestEveryErrorCodeThatAnAdapterTellsApartIsTested(t *testing.T) {
	folders, err := filepath.Glob("../*")
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, folder := range folders {
		tests := tested(t, folder)
		for _, code := range codes(t, folder) {
			all++
			if !regexp.MustCompile(`\b` + regexp.QuoteMeta(code) + `\b`).MatchString(tests) {
				t.Errorf("%s tells the error code %s apart, and no test of it does", filepath.Base(folder), code)
			}
		}
	}
	if all < 60 {
		t.Errorf("only %d codes were found: this test looks in the wrong places", all)
	}
}

// tested returns everything that a package's tests say and compare.
func tested(t *testing.T, folder string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, "_test.go") && !strings.Contains(name, "/testdata/") {
			return err
		}
		data, err := os.ReadFile(name)
		all.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// codes returns the error codes that a package names: in functions that ask for an error's code,
// in lists of denials, and in constants that are named so.
func codes(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if asks(d) {
					all = append(all, literals(d.Body)...)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok && (v.Names[0].Name == "denials" || strings.HasPrefix(v.Names[0].Name, "code")) {
						all = append(all, literals(v)...)
					}
				}
			}
		}
	}
	return all
}

// asks reports whether a function asks for an error's code.
func asks(f *ast.FuncDecl) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		found = found || ok && s.Sel.Name == "ErrorCode"
		return !found
	})
	return found
}

// isCode tells an error code from a sentence and from a suffix.
var isCode = regexp.MustCompile(`^[A-Z][A-Za-z]+(\.[A-Za-z]+)*$`)

// literals returns the error codes in a piece of code.
func literals(in ast.Node) (all []string) {
	ast.Inspect(in, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil && isCode.MatchString(text) && text != "Exception" {
				all = append(all, text)
			}
		}
		return true
	})
	return all
}
