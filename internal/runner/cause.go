package runner

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// maxReason is how many bytes of a cause are told; the log has the rest.
const maxReason = 1000

var (
	place = regexp.MustCompile(`^ +on (.+) line (\d+)(, in .*)?:$`)
	code  = regexp.MustCompile(`^ +\d+: `)
	field = regexp.MustCompile(`^ *(ID|Operation|Who|Created): +(.+)$`)
)

// cause returns the first error that terraform printed, in one line: where it is, if it is
// anywhere, what it is and what terraform says of it. Terraform's warnings are none.
func cause(output string) string {
	summary, body := firstError(output)
	if summary == "" {
		return "it said nothing of why; the log has what it printed"
	}
	where, words := "", []string{}
	for _, line := range body {
		line = strings.TrimRight(line, " ")
		switch m := place.FindStringSubmatch(line); {
		case m != nil && where == "":
			where = fmt.Sprintf("%s:%s: ", m[1], m[2])
		case m != nil, code.MatchString(line), strings.HasPrefix(line, "  with "), strings.HasPrefix(line, "    │"), strings.HasPrefix(line, "    ├"):
		case strings.TrimSpace(line) != "":
			words = append(words, strings.TrimSpace(line))
		}
	}
	text := where + strings.TrimSuffix(summary, ".")
	if len(words) > 0 {
		text += ": " + strings.Join(words, " ")
	}
	return told(text)
}

// preface is an error that init puts before the ones it is about (Terraform 1.11).
const preface = "Terraform encountered problems during initiali"

// firstError returns the summary and the lines of the first error in an output that says what is
// wrong. A long summary goes on in the next lines, up to an empty one.
func firstError(output string) (summary string, body []string) {
	open := false // the summary goes on
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		line = strings.TrimPrefix(strings.TrimPrefix(line, "│ "), "│")
		begun, ok := strings.CutPrefix(line, "Error: ")
		if ok && strings.HasPrefix(summary, preface) {
			summary, body = "", nil
		}
		switch {
		case ok && summary != "", summary != "" && (strings.HasPrefix(line, "Warning: ") || strings.HasPrefix(line, "╵")):
			return summary, body
		case ok:
			summary, open = begun, true
		case open && strings.TrimSpace(line) != "" && !place.MatchString(line):
			summary += " " + strings.TrimSpace(line)
		case summary != "":
			open = false
			body = append(body, line)
		}
	}
	return summary, body
}

// lockOf returns the lock because of which terraform could not begin, and whether that is why.
func lockOf(output string) (build.Lock, bool) {
	summary, body := firstError(output)
	if summary != "Error acquiring the state lock" {
		return build.Lock{}, false
	}
	var l build.Lock
	for _, line := range body {
		m := field.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		switch value := strings.TrimSpace(m[2]); m[1] {
		case "ID":
			l.ID = value
		case "Operation":
			l.Operation = value
		case "Who":
			l.Who = value
		case "Created":
			// As Go prints a time: statemgr.LockInfo.String of Terraform 1.11.
			l.Created, _ = time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", value)
		}
	}
	return l, true
}

// ended is what a call that failed is told as.
func ended(call string, r result) error {
	lock, locked := lockOf(r.output)
	if !locked || lock.ID == "" {
		return failed("terraform %s: %s", call, cause(r.output))
	}
	since := ""
	if !lock.Created.IsZero() {
		since = " since " + lock.Created.UTC().Format(time.RFC3339)
	}
	return blocked("the state is locked by %s%s for %s, lock %s: if whoever that is has ended, remove it with: terraform force-unlock %s",
		gitops.Printable(lock.Who), since, gitops.Printable(lock.Operation), gitops.Printable(lock.ID), gitops.Printable(lock.ID))
}
