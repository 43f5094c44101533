package conformance

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

func TestHowTheSandboxStandsToAWS(t *testing.T) {
	deviating := Expectation{Answers: []string{"right"}, Sandbox: []string{"wrong"}, Because: "moto"}
	plain := Expectation{Answers: []string{"right"}}
	for name, test := range map[string]struct {
		of   Expectation
		got  []string
		err  error
		want verdict
	}{
		"the same":                        {plain, []string{"right"}, nil, alike},
		"another answer":                  {plain, []string{"wrong"}, nil, differs},
		"an answer less":                  {plain, nil, nil, differs},
		"the answer that is on record":    {deviating, []string{"wrong"}, nil, known},
		"another one than is on record":   {deviating, []string{"worse"}, nil, differs},
		"AWS's, though on record is none": {deviating, []string{"right"}, nil, mended},
		"no answer to some call":          {plain, []string{"right"}, errors.New("lost"), untold},
	} {
		t.Run(name, func(t *testing.T) {
			if got := judge(Outcome{Expectation: test.of, Got: test.got, Err: test.err}, test.of.Answers); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestARecordingTakesThePlaceOfTheDocumentation(t *testing.T) {
	e := Expectation{Name: "x", Answers: []string{"as documented"}}
	r := Recording{Name: "x", Recorded: "2026-11-21", Region: "eu-west-1", From: fromAWS, Answers: []string{"as answered"}}
	dir := t.TempDir()
	if err := r.save(dir); err != nil {
		t.Fatal(err)
	}
	recorded, err := load(dir, []Expectation{e})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]Recording{"x": r}, recorded); diff != "" {
		t.Errorf("recordings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(r.Answers, expected(e, recorded)); diff != "" {
		t.Errorf("expected (-want +got):\n%s", diff)
	}
	table := markdown([]Expectation{e}, recorded)
	if !strings.Contains(table, "one is recorded from AWS and 0 only documented") || !strings.Contains(table, "[recorded 2026-11-21]") {
		t.Errorf("the table:\n%s", table)
	}
}

func TestARecordingOfNothingKnownIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := (Recording{Name: "gone"}).save(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := load(dir, Expectations()); err == nil || !strings.Contains(err.Error(), `"gone"`) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "gone.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(dir, Expectations()); err == nil {
		t.Error("half a file was read")
	}
}

func TestAnswersOfTwoRunsAreAlike(t *testing.T) {
	note := func(run, account, host string) string {
		p := where{account: account, run: run}
		p.config.Region = "eu-west-1"
		a := p.enter(Expectation{Name: "x"})
		a.Note("queue", "url", "https://"+host+"/"+account+"/"+a.prefix, "error", &smithy.GenericAPIError{Code: "Bad",
			Message: "arn:aws:cloudformation:eu-west-1:" + account + ":stack/" + a.prefix + "/" + "01234567-89ab-cdef-0123-456789abcdef at 2026-11-21T10:00:00.000Z"},
			"none", error(nil))
		return a.answers[0]
	}
	const want = "queue: url=QUEUES/NAME error=Bad arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID at TIME none=none"
	if got := note("abcd", "123456789012", "sqs.eu-west-1.amazonaws.com"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := note("efgh", "111122223333", "127.0.0.1:4566"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestARefusalOfTheCallersRightsIsNoAnswer(t *testing.T) {
	for line, fit := range map[string]bool{
		"a role: error=InsufficientCapabilitiesException Requires capabilities : [CAPABILITY_IAM]":        true,
		"a role: error=AccessDenied User: x is not authorized to perform: cloudformation:CreateChangeSet": false,
		"first: code=ThrottlingException": false,
		"first: code=Throttling":          false,
	} {
		if err := noAnswer([]string{"second: code=none", line}); (err == nil) != fit {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestADifferenceIsShownLineByLine(t *testing.T) {
	got := compare([]string{"same", "one", "gone"}, []string{"same", "two"})
	if want := "    - one\n    + two\n    - gone\n"; got != want {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}
