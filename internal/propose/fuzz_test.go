package propose_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/propose"
)

// FuzzFind holds what is found against what is then written: a driftless.yaml that is read
// without a problem and has the applications that were found, whatever the files are called.
func FuzzFind(f *testing.F) {
	f.Add("stacks/jobs/template.yaml", queue, "prod.json", `["Size=5"]`)
	f.Add("template.json", `{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}`, "sync.yaml", "template-file-path: template.json")
	f.Add("a/x.yaml", "AWSTemplateFormatVersion: x\nTransform: [A, B]\nResources: {}\n", "atlantis.yaml", "projects: [{dir: ../x}, {dir: a, name: b}]")
	f.Add("é #: /t.yaml", queue, "main.tf", `provider "aws" {}`)
	f.Fuzz(func(t *testing.T, name, data, other, more string) {
		if !fs.ValidPath(name) || !fs.ValidPath(other) || name == "." || other == "." || strings.HasPrefix(other, name+"/") || strings.HasPrefix(name, other+"/") {
			return // no names that two files of one repository have
		}
		files := fstest.MapFS{name: {Data: []byte(data)}, other: {Data: []byte(more)}}
		var found propose.Found
		var err error
		fuzzing.Bounded(t, len(name)+len(data)+len(other)+len(more), func() { found, err = propose.Find(files, nil) })
		if err != nil {
			t.Fatal(err)
		}
		for _, perDirectory := range []bool{false, true} {
			all := fstest.MapFS{name: files[name], other: files[other]}
			for _, f := range found.Write(propose.Layout{PerDirectory: perDirectory}) {
				all[f.Name] = &fstest.MapFile{Data: []byte(f.Text)}
			}
			c := config.Load(all, func(name string) ([]byte, error) { return fs.ReadFile(all, name) })
			if n := len(found.Deployable()); n > 0 && (c.Stopped() || len(c.Applications) != n) {
				t.Errorf("%d of %d applications, %v", len(c.Applications), n, c.Problems)
			}
		}
	})
}
