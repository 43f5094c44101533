package packaging_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/packaging"
)

// TestRealTemplatesArePrepared takes templates that others wrote, where they are at hand: what
// names no file is sent byte for byte.
func TestRealTemplatesArePrepared(t *testing.T) {
	count := 0
	for _, root := range []string{"../../../shared/real", "../../templates", "../../node_modules/aws-cdk/lib/api/bootstrap"} {
		if _, err := os.Stat(root); err != nil {
			continue
		}
		err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
			if err != nil || !strings.HasPrefix(filepath.Ext(name), ".y") || filepath.Base(name) == "driftless.yaml" {
				return err
			}
			data, err := os.ReadFile(name)
			if err != nil || !strings.Contains(string(data), "\nResources:") {
				return err
			}
			count++
			s := gitops.Settings{Path: ".", CloudFormation: gitops.CloudFormation{Template: filepath.Base(name),
				Capabilities: []string{"CAPABILITY_NAMED_IAM"}, Transforms: []string{"AWS::Serverless-2016-10-31", "AWS::LanguageExtensions"}}}
			problems, err := packaging.CheckTemplate(os.DirFS(filepath.Dir(name)), s)
			if err != nil {
				return err
			}
			for _, p := range problems {
				if strings.Contains(p.Error(), "and there is no ") || strings.Contains(p.Error(), "!Rain::Embed") {
					continue // the code that they name was not brought along, or they are no templates yet
				}
				t.Errorf("%s: %v", root, p)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if count < 3 {
		t.Errorf("only %d templates were found: those of this repository are missing", count)
	}
}
