package invoke

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/trigger"
)

// functions are those of events, by how the event's file begins.
var functions = map[string]string{
	"eventbridge": "trigger", "webhook": "webhook", "sweeper": "sweeper", "reconciler": "reconciler", "notifier": "notifier", "api": "api",
}

// FunctionOf returns the function that an event's file is for, by its name.
func FunctionOf(file string) (string, error) {
	name := filepath.Base(file)
	kind, _, _ := strings.Cut(name, "-")
	if f, ok := functions[kind]; ok {
		return f, nil
	}
	var kinds []string
	for k := range functions {
		kinds = append(kinds, k+"-")
	}
	slices.Sort(kinds)
	return "", fmt.Errorf("event %s: its name begins with none of %s", name, strings.Join(kinds, ", "))
}

// Expected is what stands beside an event, as <name>.want.json: what is there before it, and
// what it leads to. Each function uses its own part (events/README.md).
type Expected struct {
	trigger.Key

	Repository *gitops.Repository `json:"repository"`
	Secret     string             `json:"secret"`
	Status     int                `json:"status"`
	Message    *reconcile.Message `json:"message"`

	Wakes string `json:"wakes"`

	Route string `json:"route"`
	By    string `json:"by"`

	Source      string `json:"source"`
	DetailType  string `json:"detailType"`
	Application string `json:"application"`
	From        string `json:"from"`
}

// Read reads an event and what is expected of it.
func Read(file string) (event []byte, e Expected, err error) {
	if event, err = os.ReadFile(file); err != nil {
		return nil, e, fmt.Errorf("read event: %w", err)
	}
	beside, err := os.ReadFile(strings.TrimSuffix(file, ".json") + ".want.json")
	if err != nil {
		return nil, e, fmt.Errorf("read what is expected: %w", err)
	}
	if err := json.Unmarshal(beside, &e); err != nil {
		return nil, e, fmt.Errorf("read what is expected of %s: %w", filepath.Base(file), err)
	}
	return event, e, nil
}
