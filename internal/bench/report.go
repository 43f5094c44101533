package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// write writes docs/performance.md. The costs are written by what counts them.
func (b *bench) write(ctx context.Context) error {
	path := filepath.Join(b.o.Root, "docs", "performance.md")
	if err := os.WriteFile(path, b.report(b.facts(ctx)), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	b.say("\nwrote %s", path)
	return nil
}

// titles says what each goal is about, in the report's order, and what its rows leave open.
var titles = []struct{ goal, title, text string }{
	{"G1", "One application's directory out of a large repository", ""},
	{"G2", "Memory of that", ""},
	{"G3", "Is there anything new?", ""},
	{"G4", "One push, 500 applications", ""},
	{"G5", "From a push to the end of Applying", ""},
	{"G6", "Terraform", `
Plain terraform works as the administrator, in a fresh directory, on the same code, with the same
providers and the same bucket for its state. The rows with a hyphen below are all of the time from
the end of the push to Succeeded, one after the other, in medians; where a call of plain terraform
is in the place of a step, it stands beside it. One build plans and applies. It starts the provider
once, which counts as init's; plain terraform starts it several times in plan and in apply, but needs
no JSON of its plan.
`},
	{"G7", "Starts and sizes of functions", ""},
	{"G8", "Processor time", ""},
	{"G9", "Money", ""},
}

const preface = `# Performance

Written by ` + "`make bench`" + `, which measures Driftless beside what people would use instead, on one
machine and in one run. A time alone says nothing about another machine, so a goal is a ratio of
medians of interleaved runs; what takes more than three seconds runs three times. Before every run
the same piece of work is done on all cores: where that takes more than %.1f times its best in the
median, a time is not judged, and by how much it was more is said. Counts (requests, messages, bytes) are judged always.

%s

The repository is generated: %d services of %d files, %d commits, about 240 MB packed, served by
` + "`git http-backend`" + ` over HTTP on the loopback, without TLS and without a network's delays, which
would favour whoever asks less often. CloudFormation and the functions run in the sandbox: its times
are not AWS's, its numbers of calls are. Rows that begin with a hyphen explain the row above them.
"ours; theirs" says what stands in which column. The costs are in [cost.md](cost.md).
`

// report is the document.
func (b *bench) report(facts string) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, preface, slack, facts, large.services, large.files, large.commits+1)
	for _, t := range titles {
		var rows [][]string
		for _, r := range b.rows {
			if r.Goal == t.goal {
				cells := r.cells()[1:]
				if r.Note != "" {
					cells[0] += " (" + r.Note + ")"
				}
				rows = append(rows, cells)
			}
		}
		if len(rows) > 0 {
			fmt.Fprintf(&out, "\n## %s. %s\n%s\n%s", t.goal, t.title, t.text, markdown(columns[1:], rows))
		}
	}
	return out.Bytes()
}

// markdown writes a table.
func markdown(header []string, rows [][]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat("---|", len(header)))
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
	}
	return b.String()
}

// facts are the date, the machine, and the versions of everything that was measured.
func (b *bench) facts(ctx context.Context) string {
	lines := [][]string{
		{"date", time.Now().UTC().Format(time.DateOnly)},
		{"machine", fmt.Sprintf("%d cores, %s/%s, load %s before the first run", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, load())},
		{"Go", strings.TrimPrefix(runtime.Version(), "go")},
		{"git", firstLine(ctx, "git", "--version")},
		{"AWS command line", firstLine(ctx, "aws", "--version")},
		{"go-git", module("github.com/go-git/go-git/v5")},
		{"Terraform", firstLine(ctx, "terraform", "version")},
		{"moto", b.stage.Sandbox.MotoVersion()},
	}
	return strings.TrimRight(markdown([]string{"", ""}, lines), "\n")
}

// firstLine is the first line that a program prints.
func firstLine(ctx context.Context, args ...string) string {
	out, _, err := program{args: args}.do(ctx)
	if err != nil {
		return "not found"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// module is the version of a module that this program was built with.
func module(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return "unknown"
}
