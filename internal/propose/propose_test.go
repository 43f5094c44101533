package propose_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/propose"
)

var update = flag.Bool("update", false, "write what is expected anew")

var layout = propose.Layout{Target: gitops.Target{Account: "444455556666", Region: "us-east-1"}}

// TestProposals reads each case of testdata: a repository, and what is proposed of it. A
// case whose name says so is written with one file per directory.
func TestProposals(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) < 12 {
		t.Fatalf("found %d cases, %v", len(cases), err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			l := layout
			l.PerDirectory = strings.Contains(file, "per_directory")
			repository := fstest.MapFS{}
			kept := archive.Files[:0]
			for _, f := range archive.Files {
				if !strings.HasPrefix(f.Name, "proposed") {
					repository[f.Name] = &fstest.MapFile{Data: f.Data}
					kept = append(kept, f)
				}
			}
			got := proposed(t, repository, l)
			want := string(txtar.Format(&txtar.Archive{Files: archive.Files[len(kept):]}))
			if *update {
				archive.Files = append(kept, got...)
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, string(txtar.Format(&txtar.Archive{Files: got}))); diff != "" {
				t.Errorf("proposal (-want +got):\n%s", diff)
			}
		})
	}
}

// proposed returns what is proposed of a repository, as files of an archive. What is written
// has to be a configuration without a problem.
func proposed(t *testing.T, repository fstest.MapFS, l propose.Layout) []txtar.File {
	t.Helper()
	found, err := propose.Find(repository, nil)
	if err != nil {
		t.Fatal(err)
	}
	var files []txtar.File
	for _, f := range found.Write(l) {
		files = append(files, txtar.File{Name: "proposed/" + f.Name, Data: []byte(f.Text)})
		repository[f.Name] = &fstest.MapFile{Data: []byte(f.Text)}
	}
	if len(files) > 0 {
		c := config.Load(repository, func(name string) ([]byte, error) { return fs.ReadFile(repository, name) })
		for _, p := range c.Problems {
			t.Errorf("the proposal has a problem: %s", p)
		}
		if len(c.Applications) != len(found.Deployable()) {
			t.Errorf("the proposal has %d applications, %d were found", len(c.Applications), len(found.Deployable()))
		}
	}
	var rest bytes.Buffer
	for _, a := range found.Applications {
		if a.LeftOut != "" {
			fmt.Fprintf(&rest, "left out %s (%s): %s\n", a.Name, a.From, a.LeftOut)
		}
	}
	for _, p := range found.Passed {
		fmt.Fprintf(&rest, "passed %s: %s\n", p.Path, p.Why)
	}
	if rest.Len() > 0 {
		files = append(files, txtar.File{Name: "proposed", Data: rest.Bytes()})
	}
	return files
}
