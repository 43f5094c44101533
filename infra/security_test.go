package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Builds are started by Driftless alone: whoever can make a pull request cannot start one
// (CodeBreach came in through the filters of webhooks).
func TestA1_NoBuildIsStartedByAWebhook(t *testing.T) {
	for name, made := range map[string]template{"the usual stack": synthesised.usual, "the other one": synthesised.far,
		"target-role.yaml": read(t, "target-role.yaml"), "target-events.yaml": read(t, "target-events.yaml")} {
		for id, r := range made.Resources {
			for _, key := range keysOf(r.Properties) {
				if slices.Contains([]string{"Triggers", "Webhook", "FilterGroups", "ScopeConfiguration"}, key) {
					t.Errorf("%s: %s of type %s has %s", name, id, r.Type, key)
				}
			}
		}
	}
}

// keysOf returns the keys of a value, however deep they lie.
func keysOf(v any) []string {
	var keys []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			keys = append(keys, keysOf(e)...)
		}
	case map[string]any:
		for k, e := range v {
			keys = append(append(keys, k), keysOf(e)...)
		}
	}
	return keys
}

var (
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	namedTest    = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	classRow     = regexp.MustCompile(`(?m)^\| (A\d+) [^\n]*$`)
)

func TestEverySecurityClassNamesTestsThatThereAre(t *testing.T) {
	known := map[string]bool{}
	for _, dir := range []string{"cmd", "functions", "infra", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", dir), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			for _, m := range testFunction.FindAllStringSubmatch(string(data), -1) {
				known[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	doc, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var classes []string
	for _, row := range classRow.FindAllStringSubmatch(string(doc), -1) {
		classes = append(classes, row[1])
		if !namedTest.MatchString(row[0]) && !strings.Contains(row[0], "Not built") {
			t.Errorf("%s names no test, and does not say that it is not built", row[1])
		}
	}
	var want []string
	for n := range 14 {
		want = append(want, fmt.Sprintf("A%d", n+1))
	}
	if !slices.Equal(classes, want) {
		t.Errorf("docs/security.md has rows for %v, want A1 to A14", classes)
	}
	for _, m := range namedTest.FindAllStringSubmatch(string(doc), -1) {
		if !known[m[1]] {
			t.Errorf("docs/security.md names %s, and there is no such test", m[1])
		}
	}
}
