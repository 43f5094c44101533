package assembly_test

import (
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/hostile"
	"github.com/driftless-gitops/driftless/internal/runner/assembly"
)

// FuzzAssembly reads assemblies of any content: within bounds, by names below the directory
// alone, each stack once and after those that it depends on, and with errors that are inert.
func FuzzAssembly(f *testing.F) {
	stage := `"assembly-S": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "s"}}`
	f.Add(artifacts(stack("A", `"B"`), stack("B", `"X.assets"`), listed, stage), artifacts(stack("S")), `{"files": {"1": {"source": {"path": "a"}}}, "dockerImages": {}}`)
	f.Add(artifacts(stack("A", `"B"`), stack("B", `"A"`)), ``, `{"dockerImages": {"1": {"displayName": "I"}}}`)
	f.Add(`{"missing": [{"key": "vpc"}]}`, `{}`, `[]`)
	f.Fuzz(func(t *testing.T, manifest, stage, assets string) {
		dir := valid{t, files(map[string]string{"manifest.json": manifest, "s/manifest.json": stage, "X.assets.json": assets, "s/X.assets.json": assets, "t.json": template, "s/t.json": template})}
		var a assembly.Assembly
		var err error
		fuzzing.Bounded(t, len(manifest)+len(stage)+len(assets), func() { a, err = assembly.Read(dir) })
		if err != nil {
			if why := hostile.Trouble(err.Error()); why != "" || len(err.Error()) > 2000 {
				t.Errorf("an error of %d bytes, %.300q: %s", len(err.Error()), err, why)
			}
			return
		}
		before := map[string]bool{}
		for _, s := range a.Stacks {
			for _, on := range s.DependsOn {
				if !before[on] {
					t.Errorf("%q stands before %q, on which it depends", s.ID, on)
				}
			}
			if before[s.ID] || hostile.Trouble(s.ID+s.Name+s.Account+s.Region) != "" {
				t.Errorf("%q, %q is told twice or means harm", s.ID, s.Name)
			}
			before[s.ID] = true
			if data, err := fs.ReadFile(dir.FS, s.Template); err != nil || !json.Valid(data) {
				t.Errorf("the template of %q is %q: %v", s.ID, s.Template, err)
			}
		}
	})
}

// valid is a directory in which nothing is asked for by a name that leads out of it.
type valid struct {
	*testing.T
	fs.FS
}

func (v valid) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		v.Errorf("%q was opened", name)
	}
	return v.FS.Open(name)
}
