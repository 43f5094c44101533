package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// outcome is how a test ended.
type outcome struct {
	action  string // pass, fail or skip, in go test's words; empty: it was not run
	seconds float64
	output  []string
}

// runRows runs the tests that are named after rows, and prints row, test, tier and result.
func runRows(ctx context.Context, root string, out io.Writer, found []Test) error {
	var packages []string
	for _, t := range found {
		if !slices.Contains(packages, t.Package()) {
			packages = append(packages, t.Package())
		}
	}
	fmt.Fprintf(out, "\n%d tests of %d rows, in %d packages\n", len(found), len(Rows), len(packages))
	began := time.Now()
	outcomes, err := goTest(ctx, root, append([]string{"-run", "^TestR[0-9]", "-timeout", "40m", "-p", "1"}, packages...))
	failed := printRows(out, found, outcomes)
	fmt.Fprintf(out, "%d tests of rows, %d failed, in %s\n", len(found), failed, time.Since(began).Round(time.Second))
	if failed > 0 {
		return errors.Join(ErrFailed, err)
	}
	return err
}

// printRows prints the table and counts what did not pass.
func printRows(out io.Writer, found []Test, outcomes map[string]outcome) (failed int) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ROW\tTIER\tTEST\tRESULT")
	var log strings.Builder
	for _, r := range Rows {
		of := r.tests(found)
		if len(of) == 0 {
			fmt.Fprintf(w, "%s\t-\t-\tnone: %s\n", r.ID, r.Without[""])
		}
		for _, t := range of {
			got := outcomes[t.Package()+" "+t.Name]
			var letters string
			for _, tier := range t.Tiers() {
				letters += string(tier)
			}
			result := fmt.Sprintf("%s %.1fs", got.action, got.seconds)
			if got.action != "pass" {
				failed++
				result = "✗ " + result
				fmt.Fprintf(&log, "\n%s %s\n%s", t.Package(), t.Name, strings.Join(got.output, ""))
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.ID, letters, t.Name, result)
		}
	}
	_ = w.Flush() // whoever reads it is gone, then
	fmt.Fprint(out, log.String())
	return failed
}

// goTest runs tests and returns how each ended, by package and name.
func goTest(ctx context.Context, root string, args []string) (map[string]outcome, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-count=1"}, args...)...)
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("run tests: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run tests: %w", err)
	}
	outcomes := map[string]outcome{}
	lines := bufio.NewScanner(pipe)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct {
			Action, Package, Test, Output string
			Elapsed                       float64
		}
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" || strings.Contains(e.Test, "/") {
			continue
		}
		key := "." + strings.TrimPrefix(e.Package, "github.com/driftless-gitops/driftless") + " " + e.Test
		got := outcomes[key]
		switch e.Action {
		case "output":
			got.output = append(got.output, e.Output)
		case "pass", "fail", "skip":
			got.action, got.seconds = e.Action, e.Elapsed
		}
		outcomes[key] = got
	}
	return outcomes, errors.Join(lines.Err(), cmd.Wait())
}
