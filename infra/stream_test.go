package main

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/sandbox/events"
)

func TestTheNotifierIsWokenForWhatItTellsAndForNothingElse(t *testing.T) {
	record := func(sort, image string) string {
		return `{"eventName":"MODIFY","dynamodb":{"Keys":{"PK":{"S":"x"},"SK":{"S":"` + sort + `"}},"NewImage":{"PK":{"S":"x"}` + image + `}}}`
	}
	var patterns []*events.Pattern
	for _, f := range streamed() {
		p, err := events.ParsePattern(f.(map[string]any)["pattern"].(string))
		if err != nil {
			t.Fatal(err)
		}
		patterns = append(patterns, p)
	}
	if len(patterns) > 5 {
		t.Errorf("%d filters, a mapping takes five (Lambda developer guide, \"Control which events Lambda sends to your function\")", len(patterns))
	}
	for name, c := range map[string]struct {
		record string
		want   bool
	}{
		"a deployment":                      {record("DEPLOYMENT#01A", ""), true},
		"a drift report that is news":       {record("DRIFT#latest", `,"news":{"BOOL":true}`), true},
		"a drift report that is none":       {record("DRIFT#latest", ""), false},
		"an older drift report":             {record("DRIFT#2026-11-21T12:00:00Z", `,"news":{"BOOL":true}`), false},
		"an application":                    {record("APP", `,"forge":{"S":"github"}`), false},
		"a repository of GitHub":            {record("REPO", `,"forge":{"S":"github"}`), true},
		"a repository of GitLab":            {record("REPO", `,"forge":{"S":"gitlab"}`), true},
		"a repository of CodeCommit":        {record("REPO", `,"forge":{"S":"codecommit"}`), false},
		"a repository of some git server":   {record("REPO", ""), false},
		"a notice that was touched":         {record("NOTICE", `,"touched":{"N":"1795254127"}`), true},
		"a notice that the notifier stored": {record("NOTICE", ""), false},
		"a notice that expired":             {`{"eventName":"REMOVE","dynamodb":{"Keys":{"SK":{"S":"NOTICE"}},"OldImage":{"touched":{"N":"1"}}}}`, false},
		"a claim":                           {record("CLAIM", ""), false},
		"a delivery":                        {record("DELIVERY", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			got := false
			for _, p := range patterns {
				fits, err := p.Match([]byte(c.record))
				if err != nil {
					t.Fatal(err)
				}
				got = got || fits
			}
			if got != c.want {
				t.Errorf("wakes the notifier: %v, want %v", got, c.want)
			}
		})
	}
}
