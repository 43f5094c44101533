package conformance

import (
	"fmt"
	"strings"
)

// The marks between which the sandbox's README has its table.
const (
	tableBegins = "<!-- written by go test ./internal/conformance -update -->\n"
	tableEnds   = "<!-- until here -->\n"
)

// markdown is the table of the sandbox's README: what is recorded, and what only documented.
func markdown(all []Expectation, recorded map[string]Recording) string {
	var b strings.Builder
	told, off := 0, 0
	for _, e := range all {
		if _, ok := recorded[e.Name]; ok {
			told++
		}
		if e.Sandbox != nil {
			off++
		}
	}
	fmt.Fprintf(&b, "Of %d expectations %s recorded from AWS and %d only documented; in %d the sandbox is known to differ.\n\n",
		len(all), are(told), len(all)-told, off)
	b.WriteString("| Expectation | What is expected | Basis | The sandbox |\n|---|---|---|---|\n")
	for _, e := range all {
		sandbox := "the same"
		if e.Sandbox != nil {
			sandbox = "**differs**: " + e.Because
		}
		fmt.Fprintf(&b, "| `%s` | %s | [%s](%s) | %s |\n", e.Name, e.Says, basis(e, recorded), e.Source, sandbox)
	}
	return b.String()
}

func are(n int) string {
	switch n {
	case 0:
		return "none is"
	case 1:
		return "one is"
	}
	return fmt.Sprintf("%d are", n)
}

// withTable returns a README with its table as it is now.
func withTable(readme, table string) (string, error) {
	before, rest, begins := strings.Cut(readme, tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return "", fmt.Errorf("find the table: the lines %q and %q belong around it", strings.TrimSpace(tableBegins), strings.TrimSpace(tableEnds))
	}
	return before + tableBegins + "\n" + table + "\n" + tableEnds + after, nil
}
