package drift

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The tables of the documentation are those of the code.
func TestTheDocumentationHasTheTables(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "drift.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| Type | Lists without an order | Documents | Defaults |\n|---|---|---|---|\n")
	code := func(names []string) string {
		var all []string
		for _, n := range slices.Sorted(slices.Values(names)) {
			all = append(all, "`"+n+"`")
		}
		return strings.Join(all, " ")
	}
	for _, kind := range Kinds() {
		m := about(kind)
		var defaults []string
		for _, path := range slices.Sorted(maps.Keys(m.defaults)) {
			defaults = append(defaults, fmt.Sprintf("%s: %s", path, shown(m.defaults[path])))
		}
		fmt.Fprintf(&want, "| %s | %s | %s | %s |\n", kind, code(m.sets), code(slices.Concat(m.policies, m.texts)), code(defaults))
	}
	if !strings.Contains(string(doc), want.String()+"\n") {
		t.Errorf("docs/drift.md does not have this table:\n%s", want.String())
	}
}
