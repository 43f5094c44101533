package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/notify"
)

// bus keeps what is published.
type bus struct {
	types []string
	fail  func(detailType string) error
}

func (b *bus) Publish(_ context.Context, source string, events []notify.Event) (taken int, err error) {
	if source != handler.Source {
		return 0, errors.New("published under " + source)
	}
	for i, e := range events {
		if b.fail != nil {
			if err := b.fail(e.Type); err != nil {
				return i, err
			}
		}
		b.types = append(b.types, e.Type)
	}
	return len(events), nil
}

// teller keeps what is to be shown.
type teller struct {
	told []notify.Subject
	fail func(s notify.Subject) error
}

func (k *teller) Tell(_ context.Context, subjects []notify.Subject) []error {
	k.told = append(k.told, subjects...)
	errs := make([]error, len(subjects))
	for i, s := range subjects {
		if k.fail != nil {
			errs[i] = k.fail(s)
		}
	}
	return errs
}

func TestRecordedStreamRecordsBecomeEvents(t *testing.T) {
	var e events.DynamoDBEvent
	var want struct {
		DetailType string `json:"detailType"`
	}
	event(t, "notifier-deployment-succeeded", &e, &want)
	b := &bus{}
	response, err := handler.Notify(b, &teller{}, quiet)(t.Context(), e)
	if err != nil || len(response.BatchItemFailures) != 0 {
		t.Fatalf("%v %v", response, err)
	}
	if diff := cmp.Diff([]string{want.DetailType}, b.types); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

// change returns a record of the stream, from images in the stream's own form.
func change(t *testing.T, id, pk, sk, before, now string) events.DynamoDBEventRecord {
	t.Helper()
	var r events.DynamoDBEventRecord
	raw := `{"eventID":"` + id + `","dynamodb":{"SequenceNumber":"` + id + `","Keys":{"PK":{"S":"` + pk + `"},"SK":{"S":"` + sk + `"}}`
	for name, image := range map[string]string{"OldImage": before, "NewImage": now} {
		if image != "" {
			raw += `,"` + name + `":` + image
		}
	}
	if err := json.Unmarshal([]byte(raw+"}}"), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOnlyWhatIsShownDifferentlyIsLookedAt(t *testing.T) {
	const (
		planning = `{"repositoryId":{"S":"r1"},"phase":{"S":"Planning"}}`
		applying = `{"repositoryId":{"S":"r1"},"phase":{"S":"Applying"}}`
		busy     = `{"repositoryId":{"S":"r1"},"phase":{"S":"Applying"},"progress":{"S":"applying: Queue"},"version":{"N":"7"}}`
		nobodys  = `{"phase":{"S":"Applying"}}`
		head     = `{"head":{"M":{"commit":{"S":"c1"}}},"forge":{"S":"github"}}`
		looking  = `{"head":{"M":{"commit":{"S":"c1"}}},"forge":{"S":"github"},"observing":{"M":{"n":{"N":"2"},"commit":{"S":"c2"}}}}`
		files    = `{"head":{"M":{"commit":{"S":"c1"}}},"forge":{"S":"github"},"files":{"L":[{"S":"driftless.yaml"}]}}`
		troubled = `{"head":{"M":{"commit":{"S":"c1"}}},"forge":{"S":"github"},"observing":{"M":{"n":{"N":"2"},"commit":{"S":"c2"}}},"trouble":{"S":"503"}}`
		problem  = `{"head":{"M":{"commit":{"S":"c1"}}},"forge":{"S":"github"},"problems":{"L":[{"M":{"message":{"S":"no"}}}]}}`
		token    = `{"head":{"M":{"commit":{"S":"c1"}}},"forge":{"S":"github"},"credentials":{"S":"ssm:/driftless/git/r1"}}`
		broken   = `{"head":{"S":"no object"},"forge":{"S":"github"}}`
		waiting  = `{"touched":{"N":"1"}}`
	)
	deployment := notify.Subject{About: notify.About{Repo: "r1", App: "jobs", Deployment: "01A"}}
	repository := notify.Subject{About: notify.About{Repo: "r1"}}
	for name, c := range map[string]struct {
		pk, sk, before, now string
		want                []notify.Subject
	}{
		"a new deployment":                    {"APP#jobs", "DEPLOYMENT#01A", "", planning, []notify.Subject{deployment}},
		"another phase":                       {"APP#jobs", "DEPLOYMENT#01A", planning, applying, []notify.Subject{deployment}},
		"what an apply is doing":              {"APP#jobs", "DEPLOYMENT#01A", applying, busy, nil},
		"a deployment of no known repository": {"APP#jobs", "DEPLOYMENT#01A", "", nobodys, nil},
		"a deployment that is removed":        {"APP#jobs", "DEPLOYMENT#01A", applying, "", nil},
		"the application itself":              {"APP#jobs", "APP", "", applying, nil},
		"a new head":                          {"REPO#r1", "REPO", looking, head, []notify.Subject{repository}},
		"a problem":                           {"REPO#r1", "REPO", head, problem, []notify.Subject{repository}},
		"a problem that is gone":              {"REPO#r1", "REPO", problem, head, []notify.Subject{repository}},
		"a commit that cannot be read":        {"REPO#r1", "REPO", looking, troubled, []notify.Subject{repository}},
		"another token":                       {"REPO#r1", "REPO", head, token, []notify.Subject{repository}},
		"a look that begins":                  {"REPO#r1", "REPO", head, looking, nil},
		"which files were read":               {"REPO#r1", "REPO", head, files, nil},
		"a record that cannot be read":        {"REPO#r1", "REPO", head, broken, []notify.Subject{repository}},
		"a repository that is removed":        {"REPO#r1", "REPO", head, "", nil},
		"a notice that was touched":           {"NOTICE#r1#c1#driftless/jobs", "NOTICE", "{}", waiting, []notify.Subject{{Place: "r1#c1#driftless/jobs"}}},
		"a notice that was stored":            {"NOTICE#r1#c1#driftless/jobs", "NOTICE", waiting, "{}", nil},
		"a notice that expired":               {"NOTICE#r1#c1#driftless/jobs", "NOTICE", waiting, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			k := &teller{}
			e := events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{change(t, "1", c.pk, c.sk, c.before, c.now)}}
			if response, err := handler.Notify(&bus{}, k, quiet)(t.Context(), e); err != nil || len(response.BatchItemFailures) != 0 {
				t.Fatalf("%v %v", response, err)
			}
			if diff := cmp.Diff(c.want, k.told); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestR10_AStreamIsHandedOverAgainFromTheFirstRecordThatFailed(t *testing.T) {
	var e events.DynamoDBEvent
	for _, id := range []string{"1", "2", "3", "4"} {
		e.Records = append(e.Records, change(t, id, "APP#app-"+id, "DEPLOYMENT#01A", "", `{"repositoryId":{"S":"r1"},"phase":{"S":"Applying"}}`))
	}
	of := func(apps ...string) func(notify.Subject) error {
		return func(s notify.Subject) error {
			for _, app := range apps {
				if s.About.App == app {
					return errors.New("throttled")
				}
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		bus    int // which of the four the bus does not take, from 1
		teller func(notify.Subject) error
		want   string
		told   int
	}{
		"nothing fails":                     {0, of(), "", 4},
		"the bus":                           {3, of(), "3", 2},
		"a notice":                          {0, of("app-3"), "3", 4},
		"two notices":                       {0, of("app-4", "app-2"), "2", 4},
		"a notice before what the bus took": {4, of("app-1"), "1", 3},
		"the bus before a notice":           {2, of("app-4"), "2", 1},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			b := &bus{fail: func(string) error {
				if n++; n == c.bus {
					return errors.New("503")
				}
				return nil
			}}
			k := &teller{fail: c.teller}
			response, err := handler.Notify(b, k, quiet)(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			failed := ""
			for _, f := range response.BatchItemFailures {
				failed += f.ItemIdentifier
			}
			if failed != c.want || len(k.told) != c.told {
				t.Errorf("reported %q after telling %d, want %q after %d", failed, len(k.told), c.want, c.told)
			}
		})
	}
}
