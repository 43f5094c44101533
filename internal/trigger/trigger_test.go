package trigger_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/trigger"
)

// events is the folder of recorded events; those of EventBridge have a key beside them.
const events = "../../events"

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// recorded returns the recorded events of EventBridge's rules, by name.
func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(events, "eventbridge-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		if name := strings.TrimSuffix(file, ".json"); !strings.HasSuffix(name, ".want") {
			all[name] = read(t, file)
		}
	}
	if len(all) < 5 {
		t.Fatalf("%d events in %s", len(all), events)
	}
	return all
}

func TestRecordedEventsNameWhatStandsBesideThem(t *testing.T) {
	for name, raw := range recorded(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			var want trigger.Key
			decoder := json.NewDecoder(strings.NewReader(string(read(t, name+".want.json"))))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&want); err != nil {
				t.Fatal(err)
			}
			got, err := trigger.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("key (-want +got):\n%s", diff)
			}
		})
	}
}

// Every event has beside it what it leads to, and nothing else is in the folder.
func TestEveryEventHasItsExpectation(t *testing.T) {
	files, err := os.ReadDir(events)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name, ok := strings.CutSuffix(file.Name(), ".json")
		switch {
		case file.Name() == "README.md":
			continue
		case !ok:
			t.Errorf("%s is no event", file.Name())
			continue
		}
		if !json.Valid(read(t, filepath.Join(events, file.Name()))) {
			t.Errorf("%s is no JSON", file.Name())
		}
		other := name + ".want.json"
		if event, want := strings.CutSuffix(name, ".want"); want {
			other = event + ".json"
		}
		if _, err := os.Stat(filepath.Join(events, other)); err != nil {
			t.Errorf("%s has no %s beside it", file.Name(), other)
		}
	}
}

const push = `{"source":"aws.codecommit","detail-type":"CodeCommit Repository State Change","account":"111122223333","region":"eu-west-1",
"resources":["arn:aws:codecommit:eu-west-1:111122223333:infra"],
"detail":{"event":"referenceUpdated","repositoryName":"infra","referenceType":"branch","referenceName":"main"}}`

const status = `{"source":"aws.cloudformation","detail-type":"CloudFormation Stack Status Change","account":"111122223333","region":"eu-west-1",
"detail":{"stack-id":"arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-jobs/8f2d","status-details":{"status":"UPDATE_COMPLETE"}}}`

const build = `{"source":"aws.codebuild","detail-type":"CodeBuild Build State Change","account":"111122223333","region":"eu-west-1",
"detail":{"build-status":"FAILED","additional-information":{"environment":{"environment-variables":[{"name":"DRIFTLESS_APPLICATION","value":"data","type":"PLAINTEXT"}]}}}}`

const queueCall = `{"source":"aws.sqs","detail-type":"AWS API Call via CloudTrail","account":"111122223333","region":"eu-west-1",
"detail":{"eventSource":"sqs.amazonaws.com","eventName":"SetQueueAttributes","eventTime":"2026-11-21T09:41:07Z","sourceIPAddress":"203.0.113.7","readOnly":false,
"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann"},
"requestParameters":{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/prod-jobs"}}}`

// Each case changes one thing of an event that names something.
func TestR4_EventsThatNameNothing(t *testing.T) {
	for name, c := range map[string]struct {
		event, old, new string
		refused         bool
	}{
		"a source of somebody's own":                 {push, "aws.codecommit", "com.example.codecommit", false},
		"a source that begins like AWS's":            {push, "aws.codecommit", "aws.codecommit.example", false},
		"another detail type of the same source":     {push, "Repository State Change", "Pull Request State Change", false},
		"a detail type of another source":            {push, "aws.codecommit", "aws.cloudformation", false},
		"an event of a single resource":              {status, "Stack Status Change", "Resource Status Change", false},
		"a reference that is neither":                {push, `"branch"`, `"note"`, false},
		"a tag whose full name is a branch's":        {push, `"referenceType":"branch"`, `"referenceType":"tag","referenceFullName":"refs/heads/main"`, true},
		"a full name of another branch":              {push, `"referenceName"`, `"referenceFullName":"refs/heads/other","referenceName"`, true},
		"a comment on a commit":                      {push, "referenceUpdated", "commentOnCommitCreated", false},
		"a repository of another account":            {push, "arn:aws:codecommit:eu-west-1:111122223333", "arn:aws:codecommit:eu-west-1:444455556666", true},
		"a repository of another region":             {push, "arn:aws:codecommit:eu-west-1", "arn:aws:codecommit:us-east-1", true},
		"a repository that the detail calls other":   {push, `"repositoryName":"infra"`, `"repositoryName":"other"`, true},
		"a name that no repository has":              {strings.ReplaceAll(push, `"repositoryName":"infra"`, `"repositoryName":"a/b"`), "3333:infra", "3333:a/b", true},
		"a name of 101 characters":                   {strings.ReplaceAll(push, `"repositoryName":"infra"`, `"repositoryName":"`+strings.Repeat("x", 101)+`"`), "3333:infra", "3333:" + strings.Repeat("x", 101), true},
		"a stack's name of 129 characters":           {status, "stack/prod-jobs", "stack/" + strings.Repeat("x", 129), true},
		"a status of 65 characters":                  {status, "UPDATE_COMPLETE", strings.Repeat("X", 65), true},
		"no resource":                                {push, `["arn:aws:codecommit:eu-west-1:111122223333:infra"]`, `[]`, true},
		"no branch":                                  {push, `"main"`, `""`, true},
		"a stack of another account":                 {status, "eu-west-1:111122223333", "eu-west-1:444455556666", true},
		"a stack of another region":                  {status, "cloudformation:eu-west-1", "cloudformation:us-east-1", true},
		"a change set in place of a stack":           {status, "stack/prod-jobs", "changeSet/prod-jobs", true},
		"no ARN":                                     {status, "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-jobs/8f2d", "prod-jobs", true},
		"a status that is text":                      {status, "UPDATE_COMPLETE", "<b>hello</b>", true},
		"no account":                                 {status, `"account":"111122223333"`, `"account":""`, true},
		"a region that is text":                      {status, `"region":"eu-west-1"`, `"region":"here"`, true},
		"a detail that is no object":                 {`{"source":"aws.cloudformation","detail-type":"CloudFormation Stack Status Change","account":"111122223333","region":"eu-west-1","detail":"x"}`, "x", "y", true},
		"a build of nobody's":                        {build, "DRIFTLESS_APPLICATION", "APPLICATION", false},
		"a build of a name that none has":            {build, `"data"`, `"../data"`, false},
		"a build that has only begun":                {build, "FAILED", "IN_PROGRESS", false},
		"a build's status that is text":              {build, "FAILED", "<b>", true},
		"a call under somebody's own source":         {queueCall, "aws.sqs", "com.example.sqs", false},
		"a call to a service that is not known":      {queueCall, "aws.sqs", "aws.kms", false},
		"a call to another service than the event's": {queueCall, "sqs.amazonaws.com", "sns.amazonaws.com", true},
		"a call that changes no resource":            {queueCall, "SetQueueAttributes", "SendMessage", false},
		"a call that only read":                      {queueCall, `"readOnly":false`, `"readOnly":true`, false},
		"a call that failed":                         {queueCall, `"readOnly":false`, `"errorCode":"AccessDenied"`, false},
		"a call of CloudFormation's":                 {queueCall, `"type":"IAMUser"`, `"invokedBy":"cloudformation.amazonaws.com"`, false},
		"a call of a role of Driftless's":            {queueCall, `"type":"IAMUser"`, `"sessionContext":{"sessionIssuer":{"userName":"driftless-exec"}}`, false},
		"a call without parameters":                  {queueCall, `{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/prod-jobs"}`, `null`, false},
		"a queue of another account":                 {queueCall, "111122223333/prod-jobs", "444455556666/prod-jobs", false},
		"a queue that is text":                       {queueCall, "/prod-jobs", "/<b>hello</b>", false},
		"a call's name that is text":                 {queueCall, "SetQueueAttributes", "SetQueueAttributes<b>", false},
		"a time that is none":                        {queueCall, "2026-11-21T09:41:07Z", "yesterday", true},
		"nobody who made the call":                   {queueCall, `"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann"},`, "", true},
		"no JSON":                                    {push, "{", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(c.event, c.old) {
				t.Fatalf("the event has no %q", c.old)
			}
			if key, err := trigger.Parse([]byte(c.event)); (c.event == push || c.event == status || c.event == build || c.event == queueCall) && (err != nil || key.IsZero()) {
				t.Fatalf("unchanged: %+v, %v", key, err)
			}
			key, err := trigger.Parse([]byte(strings.Replace(c.event, c.old, c.new, 1)))
			if !key.IsZero() || (err != nil) != c.refused {
				t.Errorf("got %+v, %v; want nothing, refused: %v", key, err, c.refused)
			}
		})
	}
}
