package cloudformation

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// recording is a REVERT_DRIFT change set in a form that was reported or is documented, as
// DescribeChangeSet answers it, with what a detection found of the same stack. The values are
// made up; the fields and what they hold are those of the source.
type recording struct {
	Says      string `json:"says"`
	Source    string `json:"source"`
	Refused   string `json:"refused"` // why a heal does not go on with it
	ChangeSet cloudformation.DescribeChangeSetOutput
	Drifts    []types.StackResourceDrift
}

// witnesses is a plan and a report of the same stack, as the engine tells them.
type witnesses struct {
	Says    string             `json:"says"`
	Source  string             `json:"source"`
	Refused string             `json:"refused"`
	Plan    gitops.Plan        `json:"plan"`
	Report  gitops.DriftReport `json:"report"`
}

// The recorded change sets become what the rules of healing decide on, whose own test reads it
// (internal/gitops/testdata/heal).
func TestChangeSetsThatRevertDriftBecomeWhatHealingDecidesOn(t *testing.T) {
	files, err := filepath.Glob("testdata/revert/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded change sets: %v", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var in recording
			d := json.NewDecoder(bytes.NewReader(data))
			d.DisallowUnknownFields()
			if err := d.Decode(&in); err != nil {
				t.Fatal(err)
			}
			got := in.seen(t)
			if why := gitops.Refused(got.Plan, got.Report, gitops.DriftPolicy{}, nil); why != in.Refused {
				t.Errorf("refused %q, want %q", why, in.Refused)
			}
			pinned(t, filepath.Join("..", "..", "gitops", "testdata", "heal", name), got)
		})
	}
}

// seen takes the change set and the detection through the engine.
func (r recording) seen(t *testing.T) witnesses {
	t.Helper()
	a := standing("UPDATE_COMPLETE")
	w := work(gitops.OperationPlan)
	w.Kind = gitops.KindHeal
	w = mustStart(t, a.engine(), w)
	if a.created.DeploymentMode != types.DeploymentModeRevertDrift {
		t.Fatalf("the plan of a heal has the mode %q", a.created.DeploymentMode)
	}
	set := r.ChangeSet
	set.ChangeSetId, set.StackId = a.sets[token].ChangeSetId, aws.String(stackARN)
	a.sets[token] = &set
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationReady {
		t.Fatalf("the plan is %s: %s", s.State, s.Reason)
	}
	for _, d := range r.Drifts {
		a.resources = append(a.resources, types.StackResourceSummary{LogicalResourceId: d.LogicalResourceId, PhysicalResourceId: d.PhysicalResourceId,
			ResourceType: d.ResourceType, ResourceStatus: types.ResourceStatusUpdateComplete})
		d.Timestamp = aws.Time(a.now.Add(time.Second))
		a.drifts = append(a.drifts, d)
	}
	w = mustStart(t, a.engine(), work(gitops.OperationDetect))
	a.endDetections()
	return witnesses{Says: r.Says, Source: r.Source, Refused: r.Refused, Plan: *s.Plan, Report: *mustObserve(t, a.engine(), w).Report}
}

// pinned compares a value with a file of its JSON, or writes the file anew.
func pinned(t *testing.T, file string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: go test ./internal/aws/cloudformation -run RevertDrift -update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
