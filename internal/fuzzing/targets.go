package fuzzing

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Target is one fuzz test.
type Target struct {
	Dir  string // of its package, slash-separated, from the root
	Name string // of its function, FuzzX
}

// String returns the target as it is printed and chosen by: "internal/config FuzzLoad".
func (t Target) String() string { return t.Dir + " " + t.Name }

// Targets returns every fuzz test at and below root, sorted. It reads the files themselves,
// which takes no compiler.
func Targets(root string) ([]Target, error) {
	var all []Target
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && foreign(e.Name()):
			return filepath.SkipDir
		case !strings.HasSuffix(e.Name(), "_test.go"):
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		names, err := fuzzTests(path)
		for _, name := range names {
			all = append(all, Target{Dir: filepath.ToSlash(dir), Name: name})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list fuzz tests below %s: %w", root, err)
	}
	slices.SortFunc(all, func(a, b Target) int { return strings.Compare(a.String(), b.String()) })
	return all, nil
}

// foreign reports whether a folder holds none of the project's packages.
func foreign(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains([]string{"node_modules", "testdata", "cdk.out", "bin", "dist"}, name)
}

// fuzzTests returns the names of a file's functions of the form func FuzzX(f *testing.F).
func fuzzTests(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") && takesF(f.Type) {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}

// takesF reports whether a function takes a *testing.F and nothing else.
func takesF(f *ast.FuncType) bool {
	if f.Params.NumFields() != 1 || f.Results.NumFields() != 0 {
		return false
	}
	pointer, ok := f.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	selector, ok := pointer.X.(*ast.SelectorExpr)
	return ok && selector.Sel.Name == "F"
}
