package adopt_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/adopt"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

var update = flag.Bool("update", false, "write what the archives compare anew")

var seen = time.Date(2026, 11, 21, 9, 41, 7, 0, time.UTC)

// reported reads a report, a difference in each line: resource | type | path | kind | declared | live.
func reported(t *testing.T, text string) gitops.DriftReport {
	t.Helper()
	var r gitops.DriftReport
	for line := range strings.Lines(text) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), " | ")
		if len(parts) != 6 {
			t.Fatalf("%q is no difference", line)
		}
		at := -1
		for i, res := range r.Resources {
			if res.LogicalID == parts[0] {
				at = i
			}
		}
		if at < 0 {
			r.Resources = append(r.Resources, gitops.ResourceDrift{LogicalID: parts[0], Type: parts[1], Status: gitops.ResourceModified})
			at = len(r.Resources) - 1
		}
		if parts[3] == "deleted" {
			r.Resources[at].Status = gitops.ResourceDeleted
			continue
		}
		r.Resources[at].Properties = append(r.Resources[at].Properties,
			gitops.Difference{Path: parts[2], Kind: parts[3], Declared: parts[4], Live: parts[5]})
	}
	return r
}

// read takes an archive apart: the repository's files, the settings and the report.
func read(t *testing.T, a *txtar.Archive) (files fstest.MapFS, s gitops.Settings, r gitops.DriftReport) {
	t.Helper()
	files = fstest.MapFS{}
	s = gitops.Settings{Name: "jobs", Path: "stacks/jobs", Engine: gitops.EngineCloudFormation,
		CloudFormation: gitops.CloudFormation{Stack: "prod-jobs", Template: "template.yaml"}}
	for _, f := range a.Files {
		switch f.Name {
		case "settings":
			if err := json.Unmarshal(f.Data, &s); err != nil {
				t.Fatal(err)
			}
		case "report":
			r = reported(t, string(f.Data))
		case "want":
		default:
			files[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return files, s, r
}

// told is what came of a report, as text.
func told(r adopt.Result) string {
	var b strings.Builder
	b.WriteString(r.Patch())
	for _, c := range r.Written {
		fmt.Fprintf(&b, "written: %s (%s:%d)\n", c, c.File, c.Line)
	}
	for _, c := range r.Left {
		fmt.Fprintf(&b, "left: %s: %s\n", c, c.Reason)
	}
	return b.String()
}

// Each archive is a repository, a report, and what comes of it.
func TestDriftIsWrittenBackIntoTheFilesThatDeclareIt(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("%d archives, %v", len(archives), err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSpace(string(a.Comment)), func(t *testing.T) {
			files, s, r := read(t, a)
			result, err := adopt.From(files, s, r)
			if err != nil {
				t.Fatal(err)
			}
			last := &a.Files[len(a.Files)-1]
			got := told(result)
			if *update {
				last.Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(last.Data), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			again(t, files, s, r, result)
		})
	}
}

// again adopts the same report once more, in the files as they are edited: git says it all by
// then, and nothing is edited twice.
func again(t *testing.T, files fstest.MapFS, s gitops.Settings, r gitops.DriftReport, first adopt.Result) {
	t.Helper()
	for _, f := range first.Files {
		files[f.Path] = &fstest.MapFile{Data: f.After}
	}
	second, err := adopt.From(files, s, r)
	if err != nil {
		t.Fatal(err)
	}
	if len(second.Files) > 0 {
		t.Errorf("adopted again, it is edited again:\n%s", second.Patch())
	}
	if len(second.Written) > 0 || len(second.Left) == 0 && len(first.Written) > 0 {
		t.Errorf("adopted again, %v is written and %v left", second.Written, second.Left)
	}
}

// broken is a file system that cannot be read.
type broken struct{ fs.FS }

func (broken) Open(string) (fs.File, error) { return nil, fs.ErrPermission }

func TestFilesThatCannotBeReadAreAnErrorAndNoReason(t *testing.T) {
	report := reported(t, "Queue | AWS::SQS::Queue | /A | NOT_EQUAL | 1 | 2\n")
	for engine, kind := range map[gitops.Engine]string{gitops.EngineCloudFormation: "Queue", gitops.EngineTerraform: "aws_sqs_queue.q"} {
		report.Resources[0].LogicalID = kind
		r, err := adopt.From(broken{}, gitops.Settings{Name: "a", Path: "a", Engine: engine, CloudFormation: gitops.CloudFormation{Template: "t.yaml"}}, report)
		if err == nil || len(r.Left) > 0 {
			t.Errorf("%s: %+v, %v", engine, r, err)
		}
	}
}

const small = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      VisibilityTimeout: 30\n"

// adopted adopts one difference of the queue.
func adopted(t *testing.T, live string) adopt.Result {
	t.Helper()
	files := fstest.MapFS{"stacks/jobs/template.yaml": {Data: []byte(small), Mode: 0o755}}
	report := reported(t, "Queue | AWS::SQS::Queue | /VisibilityTimeout | NOT_EQUAL | 30 | "+live+"\n")
	report.Resources[0].Since = seen
	report.Resources[0].By = &gitops.Touch{By: "arn:aws:iam::111122223333:user/ann", Event: "SetQueueAttributes", From: "192.0.2.1", At: seen}
	report.Resources = append(report.Resources, gitops.ResourceDrift{LogicalID: "Topic", Type: "AWS::SNS::Topic", Status: gitops.ResourceDeleted})
	r, err := adopt.From(files, gitops.Settings{Name: "jobs", Path: "stacks/jobs", CloudFormation: gitops.CloudFormation{Template: "template.yaml"}}, report)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestABranchIsNamedAfterTheEditedContent(t *testing.T) {
	one, same, other := adopted(t, "60").Branch(), adopted(t, "60").Branch(), adopted(t, "61").Branch()
	if one != same || one == other || !strings.HasPrefix(one, "driftless/adopt-jobs-") {
		t.Errorf("%s, %s, %s", one, same, other)
	}
}

func TestAFileStaysExecutable(t *testing.T) {
	if r := adopted(t, "60"); len(r.Files) != 1 || !r.Files[0].Executable {
		t.Errorf("%+v", r.Files)
	}
}

func TestTheWordsSayWhatSinceWhenByWhomAndWhatNot(t *testing.T) {
	r := adopted(t, "60")
	for what, text := range map[string]string{"message": r.Message(), "body": strings.ReplaceAll(r.Body(), "`", "")} {
		for _, want := range []string{"Queue", "/VisibilityTimeout", "30", "60", "2026-11-21 09:41:07Z", "user/ann", "SetQueueAttributes"} {
			if !strings.Contains(text, want) {
				t.Errorf("the %s does not say %q:\n%s", what, want, text)
			}
		}
	}
	if body := r.Body(); !strings.Contains(body, "`Topic`: `it was deleted") {
		t.Errorf("the body does not say what is left:\n%s", body)
	}
	if title := r.Title(); title != "Adopt the drift of jobs: Queue VisibilityTimeout" {
		t.Errorf("the title is %q", title)
	}
}

func TestWhatAValueHoldsIsNoMarkdown(t *testing.T) {
	body := adopted(t, "a`b``c @all <img src=x> \x1b[31m").Body()
	if !strings.Contains(body, "``` a`b``c @all <img src=x> \ufffd[31m ```") {
		t.Errorf("the body is:\n%s", body)
	}
}

func TestTextsFitEveryForge(t *testing.T) {
	r := adopted(t, strings.Repeat("ü", 5000))
	for range 300 {
		r.Written, r.Left = append(r.Written, r.Written[0]), append(r.Left, r.Left[0])
	}
	r.Application = strings.Repeat("j", 63)
	if title := r.Title(); len([]rune(title)) > 150 {
		t.Errorf("the title has %d characters", len([]rune(title)))
	}
	for what, text := range map[string]string{"message": r.Message(), "body": r.Body()} {
		if len(text) > 10_240 || !strings.Contains(text, "lines more") {
			t.Errorf("the %s has %d bytes, and ends with %q", what, len(text), text[len(text)-100:])
		}
	}
}

func TestAStackThatIsGoneOrChangedByOthersIsSaid(t *testing.T) {
	for why, report := range map[string]gitops.DriftReport{
		"no longer there":       {Gone: true},
		"updated by somebody x": {Foreign: "updated by somebody x"},
	} {
		r, err := adopt.From(fstest.MapFS{}, gitops.Settings{Name: "jobs"}, report)
		if err != nil || len(r.Left) != 1 || !strings.Contains(r.Left[0].Reason, why) {
			t.Errorf("%+v, %v", r.Left, err)
		}
	}
}
