package packaging_test

import (
	"io/fs"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/packaging"
)

// target is where the tests' applications go.
var target = gitops.Target{Account: "111122223333", Region: "eu-west-1"}

// prepare prepares an application that has no problem.
func prepare(t *testing.T, files fs.FS, s gitops.Settings) packaging.Prepared {
	t.Helper()
	s.Target = target
	p, problems, err := packaging.Prepare(files, s, bucket)
	if err != nil || len(problems) > 0 {
		t.Fatalf("problems %v, error %v", problems, err)
	}
	return p
}

// data makes the artefact of a key.
func data(t *testing.T, p packaging.Prepared, key string) []byte {
	t.Helper()
	for _, a := range p.Artefacts {
		if a.Key == key {
			data, err := a.Data()
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	t.Fatalf("no artefact has the key %s", key)
	return nil
}
