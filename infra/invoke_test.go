package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftless-gitops/driftless/infra/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	local "github.com/driftless-gitops/driftless/internal/invoke"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/trigger"
)

// recorded lists the events, by name.
func recorded(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".json"); !strings.HasSuffix(name, ".want") {
			found[name] = f
		}
	}
	if len(found) < 20 {
		t.Fatalf("only %d events", len(found))
	}
	return found
}

// asMade reads the synthesised template as package invoke does.
func asMade(t *testing.T) (made local.Template) {
	t.Helper()
	if err := json.Unmarshal([]byte(synthesised.usual.text), &made); err != nil {
		t.Fatal(err)
	}
	return made
}

var environment = regexp.MustCompile(`(?m)^\[([\w-]+)\.local_invoke\.parameters\] # (driftless-\w+)\ntemplate = "(.*)"\nevent = "(.*)"$`)

func TestSamconfigHasEveryEventWithAFunctionThatIsThere(t *testing.T) {
	text, err := os.ReadFile("../samconfig.toml")
	if err != nil {
		t.Fatal(err)
	}
	made, events := asMade(t), recorded(t)
	found := environment.FindAllStringSubmatch(string(text), -1)
	if tables := strings.Count(string(text), "\n["); tables != len(found) {
		t.Errorf("%d tables, of which %d are an environment with function, template and event", tables, len(found))
	}
	for _, e := range found {
		name, function, template, file := e[1], e[2], e[3], e[4]
		want, err := local.FunctionOf(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := made.Function(want); err != nil || function != "driftless-"+want {
			t.Errorf("%s: names %s, is for driftless-%s (%v)", name, function, want, err)
		}
		if events[name] != "../"+file || template != "cdk.out/Driftless.template.json" {
			t.Errorf("%s: names event %s and template %s", name, file, template)
		}
		delete(events, name)
	}
	for name := range events {
		t.Errorf("events/%s.json has no environment in samconfig.toml", name)
	}
}

func TestEveryEventIsUnderstoodByTheProgramOfItsFunction(t *testing.T) {
	dir, made := t.TempDir(), asMade(t)
	code, err := build.Functions(t.Context(), "..", dir, local.Machine(), functionNames())
	if err != nil {
		t.Fatal(err)
	}
	w, err := local.Open(t.Context(), dir)
	if errors.Is(err, moto.ErrMissing) {
		t.Skipf("NOT TESTED with the programs: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for name, file := range recorded(t) {
		t.Run(name, func(t *testing.T) {
			function, err := local.FunctionOf(file)
			if err != nil {
				t.Fatal(err)
			}
			event, expected, err := local.Read(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := w.Prepare(t.Context(), expected); err != nil {
				t.Fatal(err)
			}
			got, err := w.Run(t.Context(), made, function, local.Alias(function), code[function], event)
			if err != nil || got.Failed {
				t.Fatalf("%v, answer %s\n%s", err, got.Response, got.Log)
			}
			understood(t, function, expected, got)
		})
	}
}

// understood fails where a function did not do what stands beside its event.
func understood(t *testing.T, function string, e local.Expected, got local.Outcome) {
	t.Helper()
	var answer struct {
		StatusCode        int   `json:"statusCode"`
		BatchItemFailures []any `json:"batchItemFailures"`
	}
	if function == "webhook" || function == "api" || function == "reconciler" {
		if err := json.Unmarshal(got.Response, &answer); err != nil {
			t.Fatalf("answer %s: %v", got.Response, err)
		}
	}
	if answer.StatusCode != e.Status || len(answer.BatchItemFailures) > 0 {
		t.Errorf("answered %s, want status %d\n%s", got.Response, e.Status, got.Log)
	}
	if diff := cmp.Diff(sent(function, e), got.Messages); diff != "" {
		t.Errorf("messages (-want +got):\n%s\n%s", diff, got.Log)
	}
	var events []local.Event
	if function == "notifier" {
		events = []local.Event{{Source: e.Source, DetailType: e.DetailType}}
	}
	if diff := cmp.Diff(events, got.Events, cmpopts.IgnoreFields(local.Event{}, "Detail")); diff != "" {
		t.Errorf("events (-want +got):\n%s\n%s", diff, got.Log)
	}
	for _, event := range got.Events {
		if event.Detail["application"] != e.Application {
			t.Errorf("the event is about %v, want %s", event.Detail, e.Application)
		}
	}
	// The reconciler finds no record, which it says with the name of what it looked for.
	if m := e.Message; function == "reconciler" && !strings.Contains(string(got.Log), `"`+m.Application+m.Repository+`"`) {
		t.Errorf("it did not look at what the message names:\n%s", got.Log)
	}
}

// sent are the messages that an event leads to.
func sent(function string, e local.Expected) []reconcile.Message {
	swept := gitops.RepositoryID(local.Swept.URL, local.Swept.Ref())
	switch {
	case function == "webhook" && e.Message != nil:
		return []reconcile.Message{*e.Message}
	case e.Kind == trigger.KindRepository:
		return []reconcile.Message{{Repository: gitops.RepositoryID(e.RepositoryURL, e.Ref), Reason: e.Reason}}
	case e.Kind == trigger.KindBuild:
		return []reconcile.Message{{Application: e.Application, Reason: e.Reason}}
	case e.Kind == trigger.KindStack:
		return []reconcile.Message{{Application: e.Stack, Reason: e.Reason}}
	case e.Kind == trigger.KindResource:
		var all []reconcile.Message
		for _, id := range e.Physical {
			hint := reconcile.ResourceHint{Account: e.Account, Region: e.Region, Physical: id, Touch: e.Touch}
			if e.Global { // the calls of such a service are told of in one region, and its resources are in stacks of any
				hint.Region = "eu-west-1" // as internal/invoke has it
			}
			all = append(all, reconcile.Message{Resource: &hint, Reason: e.Reason})
		}
		return all
	case e.Wakes == "repositories":
		return []reconcile.Message{{Repository: swept, Reason: "sweep: resync"}}
	case e.Wakes == "unfinished":
		return []reconcile.Message{{Repository: swept, Reason: "sweep: unfinished"}}
	}
	return nil
}
