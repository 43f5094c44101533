package config_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/driftless-gitops/driftless/internal/config"
)

// TestExamplesOfTheDocumentationAreAccepted reads every YAML block of docs/configuration.md
// that begins a file; those that name a file in their first line are read together.
func TestExamplesOfTheDocumentationAreAccepted(t *testing.T) {
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	together := fstest.MapFS{"apps/jobs/template.yaml": {}, "teams/a/driftless.yaml": {Data: []byte("version: 1\napplications:\n  - { name: a, path: ., cloudformation: {} }\n")}, "teams/a/template.yaml": {}}
	files, fragments := 0, 0
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1) {
		data := string(block[1])
		first, _, _ := strings.Cut(data, "\n")
		name, named := strings.CutPrefix(first, "# ")
		switch {
		case named && strings.HasSuffix(name, config.Name):
			together[name] = &fstest.MapFile{Data: []byte(data)}
			files++
			continue
		case strings.HasPrefix(data, "applications:"):
			data = "version: 1\ndefaults:\n  target: { account: \"111122223333\", region: eu-west-1 }\n" + data
		case strings.HasPrefix(data, "    cloudformation:"):
			data = "version: 1\napplications:\n  - name: a\n    path: a\n    target: { account: \"111122223333\", region: eu-west-1 }\n" + data
		}
		fragments++
		if _, problems := config.Parse([]byte(data)); len(problems) > 0 {
			t.Errorf("%v in\n%s", problems, data)
		}
	}
	if c := config.Load(together, together.ReadFile); len(c.Problems) > 0 || len(c.Applications) != 2 {
		t.Errorf("%d applications, %v", len(c.Applications), c.Problems)
	}
	if files != 2 || fragments != 4 {
		t.Errorf("the documentation has %d files and %d other examples", files, fragments)
	}
}
