package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// Recordings is where the answers of AWS are kept, below this package.
const Recordings = "testdata/recorded"

// Recording is what an account answered to one expectation's calls.
type Recording struct {
	Name     string   `json:"name"`
	Recorded string   `json:"recorded"` // the day
	Region   string   `json:"region"`
	From     string   `json:"from"` // AWS, or the host that stood in for it
	Answers  []string `json:"answers"`
}

// fromAWS is what a recording that counts is from.
const fromAWS = "AWS"

// load reads the recordings of a folder by their names. One that no expectation has the name
// of is an error: it would be held against nothing.
func load(dir string, all []Expectation) (map[string]Recording, error) {
	found := map[string]Recording{}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list recordings: %w", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read recording: %w", err)
		}
		var r Recording
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, fmt.Errorf("read recording %s: %w", file, err)
		}
		if !slices.ContainsFunc(all, func(e Expectation) bool { return e.Name == r.Name && r.Name+".json" == filepath.Base(file) }) {
			return nil, fmt.Errorf("read recording %s: no expectation is named %q", file, r.Name)
		}
		found[r.Name] = r
	}
	return found, nil
}

// save writes a recording; what was recorded before is replaced.
func (r Recording) save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write recording of %s: %w", r.Name, err)
	}
	if err := os.WriteFile(filepath.Join(dir, r.Name+".json"), append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write recording of %s: %w", r.Name, err)
	}
	return nil
}

// ofCaller are the codes that tell of who asks, and how often, and nothing of what was asked.
var ofCaller = regexp.MustCompile(`AccessDenied|UnauthorizedOperation|ExpiredToken|InvalidClientTokenId|UnrecognizedClient|Throttl|RequestLimitExceeded`)

// noAnswer returns why answers are not worth a recording, nil where they are.
func noAnswer(lines []string) error {
	for _, line := range lines {
		if ofCaller.MatchString(line) {
			return fmt.Errorf("the account answered for its caller alone: %s", line)
		}
	}
	return nil
}

// basis is where what is expected comes from.
func basis(e Expectation, recorded map[string]Recording) string {
	r, ok := recorded[e.Name]
	switch {
	case !ok:
		return "documented"
	case r.From != fromAWS:
		return "recorded " + r.Recorded + " from " + r.From
	}
	return "recorded " + r.Recorded
}

// verdict is how the sandbox's answers stand to AWS's.
type verdict string

const (
	alike   verdict = "as expected"
	known   verdict = "differs, as is known"
	differs verdict = "differs"
	mended  verdict = "no longer differs: remove Sandbox and Because from the expectation"
	untold  verdict = "could not be tried"
)

// expected is what is held against the sandbox: what AWS answered where that is recorded, and
// what is documented otherwise.
func expected(e Expectation, recorded map[string]Recording) []string {
	if r, ok := recorded[e.Name]; ok {
		return r.Answers
	}
	return e.Answers
}

// judge holds the sandbox's answers to what is expected.
func judge(sandbox Outcome, want []string) verdict {
	switch same := slices.Equal(sandbox.Got, want); {
	case sandbox.Err != nil:
		return untold
	case same && sandbox.Sandbox != nil:
		return mended
	case same:
		return alike
	case sandbox.Sandbox != nil && slices.Equal(sandbox.Got, sandbox.Sandbox):
		return known
	}
	return differs
}

// compare returns where two answers differ, line by line: what is expected after a minus, and
// what came after a plus.
func compare(want, got []string) string {
	text := ""
	for i := range max(len(want), len(got)) {
		w, g := at(want, i), at(got, i)
		if w == g {
			continue
		}
		if w != "" {
			text += "    - " + w + "\n"
		}
		if g != "" {
			text += "    + " + g + "\n"
		}
	}
	return text
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}
