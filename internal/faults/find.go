package faults

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Test is a test that is named after a row.
type Test struct {
	Row, Name string
	File      string // relative to the root, with slashes
}

// Package is the folder of the test.
func (t Test) Package() string { return "./" + t.File[:strings.LastIndex(t.File, "/")] }

// testName is TestR29e_ForeignOperatorUpdatesStack.
var testName = regexp.MustCompile(`^Test(R[0-9]+[a-k]?)(?:_|[A-Z])`)

// Find returns every test below root that is named after a row, in the rows' order.
func Find(root string) ([]Test, error) {
	var found []Test
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := e.Name(); e.IsDir() && path != root && (strings.HasPrefix(name, ".") || slices.Contains([]string{"node_modules", "testdata", "cdk.out", "bin", "dist"}, name)) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("read tests: %w", err)
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return fmt.Errorf("read tests: %w", err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			if m := testName.FindStringSubmatch(f.Name.Name); m != nil {
				found = append(found, Test{m[1], f.Name.Name, filepath.ToSlash(relative)})
			}
		}
		return nil
	})
	slices.SortFunc(found, func(a, b Test) int {
		return cmp.Or(cmp.Compare(place(a.Row), place(b.Row)), cmp.Compare(a.File, b.File), cmp.Compare(a.Name, b.Name))
	})
	return found, err
}

// place is where a row stands in the matrix, -1 where it does not.
func place(row string) int {
	return slices.IndexFunc(Rows, func(r Row) bool { return r.ID == row })
}

// tiers are where a test is, by its folder; the longest decides. The deployed binaries are run
// with faults by this package alone.
var tiers = []struct {
	folder string
	tiers  []Tier
}{
	{"internal/sim", []Tier{TierSimulation}},
	{"internal/faults", []Tier{TierSandbox, TierProxy, TierKill}},
	{"internal/e2e/fault_git", []Tier{TierSandbox, TierGit, TierProxy}},
	{"internal/e2e", []Tier{TierSandbox}},
	{"internal/sandbox", []Tier{TierSandbox}},
	{"internal/aws/cloudformation/sandbox_", []Tier{TierSandbox}},
	{"internal/aws/dynamodb", []Tier{TierMoto}},
	{"internal/git", []Tier{TierGit}},
	{"internal/runner", []Tier{TierTerraform}},
	{"functions/reconciler", []Tier{TierKill}},
}

// Tiers is where the test is.
func (t Test) Tiers() []Tier {
	best, of := "", []Tier{TierUnit}
	for _, c := range tiers {
		if strings.HasPrefix(t.File, c.folder) && len(c.folder) > len(best) {
			best, of = c.folder, c.tiers
		}
	}
	return of
}
