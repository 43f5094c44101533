package cloudformation

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// detection is one run of drift detection over a stack.
type detection struct {
	id, stack string
	at        scope
	started   time.Time
	status    types.StackDriftDetectionStatus
	reason    string
	result    types.StackDriftStatus
	drifted   int32
}

// detectable are the states in which AWS detects drift (user guide, "Detect drift on an
// entire CloudFormation stack").
var detectable = []types.StackStatus{types.StackStatusCreateComplete, types.StackStatusUpdateComplete,
	types.StackStatusUpdateRollbackComplete, types.StackStatusUpdateRollbackFailed}

func (s *Service) detectStackDrift(_ context.Context, at scope, in *cloudformation.DetectStackDriftInput) (*cloudformation.DetectStackDriftOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.mayDetect(at, in.StackName)
	if err != nil {
		return nil, err
	}
	for _, id := range in.LogicalResourceIds {
		if st.resources[id] == nil {
			return nil, invalid("Resource %s does not exist for stack %s", id, st.name)
		}
	}
	d := &detection{id: wire.NewUUID(), stack: st.id, at: at, started: s.Now(), status: types.StackDriftDetectionStatusDetectionInProgress}
	s.detections[d.id] = d
	st.detecting = true
	s.emitDetection(st, d, -1)
	ids := in.LogicalResourceIds
	s.start(func(ctx context.Context) { s.detect(ctx, st, d, ids) })
	return &cloudformation.DetectStackDriftOutput{StackDriftDetectionId: aws.String(d.id)}, nil
}

// mayDetect returns the stack, or why its drift cannot be detected now.
func (s *Service) mayDetect(at scope, name *string) (*stack, error) {
	st := s.find(at, text(name))
	switch {
	case st == nil || !st.live():
		return nil, invalid("Stack [%s] does not exist", text(name))
	case st.detecting:
		return nil, invalid("Drift detection is already in progress for stack [%s]", st.id)
	case !slices.Contains(detectable, st.status):
		return nil, invalid("Drift detection cannot be performed on stack [%s] in its current state [%s]", st.id, st.status)
	}
	return st, nil
}

func (s *Service) emitDetection(st *stack, d *detection, count int32) {
	detail := map[string]any{"stack-id": st.id, "stack-drift-detection-id": d.id,
		"status-details":          map[string]string{"stack-drift-status": string(d.result), "detection-status": string(d.status)},
		"drift-detection-details": map[string]any{"drifted-stack-resource-count": count}, "client-request-token": ""}
	s.emit(st, "CloudFormation Drift Detection Status Change", detail)
}

// detect compares the stack's resources, or those named, with what moto holds.
func (s *Service) detect(ctx context.Context, st *stack, d *detection, ids []string) {
	if !s.pause(ctx, s.timing().Detection) {
		return
	}
	s.mu.Lock()
	records := st.sortedRecords()
	s.mu.Unlock()
	var failed []string
	for _, r := range records {
		if len(ids) == 0 || slices.Contains(ids, r.id) {
			if err := s.check(ctx, st, r); err != nil {
				failed = append(failed, r.id)
			}
		}
	}
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.drifted = 0
	for _, r := range st.sortedRecords() {
		if r.drift == types.StackResourceDriftStatusModified || r.drift == types.StackResourceDriftStatusDeleted {
			d.drifted++
		}
	}
	d.status, d.result = types.StackDriftDetectionStatusDetectionComplete, types.StackDriftStatusInSync
	if d.drifted > 0 {
		d.result = types.StackDriftStatusDrifted
	} else if len(failed) > 0 {
		d.result = types.StackDriftStatusUnknown
	}
	if len(failed) > 0 {
		d.status, d.reason = types.StackDriftDetectionStatusDetectionFailed, "Failed to detect drift on resource(s) "+quoted(failed)
	}
	st.drift, st.driftChecked, st.detecting = d.result, aws.Time(s.Now()), false
	s.emitDetection(st, d, d.drifted)
}

// check compares one resource. Its error says that nothing could be found out.
func (s *Service) check(ctx context.Context, st *stack, r *record) error {
	live, found, readable, err := s.live(ctx, st, r)
	if !readable || r.skipped {
		return nil // NOT_CHECKED
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.driftChecked = aws.Time(s.Now())
	r.differences, r.actual = nil, ""
	r.driftReason = ""
	if err != nil {
		r.drift, r.driftReason = types.StackResourceDriftStatusUnknown, reasonOf(err)
		return err
	}
	compared, actual := declared(r.kind, r.properties, live)
	r.expected = encoded(compared)
	if !found {
		r.drift = types.StackResourceDriftStatusDeleted
		return nil
	}
	r.actual = encoded(actual)
	r.drift = types.StackResourceDriftStatusInSync
	for _, l := range diff("", compared, actual) {
		r.drift = types.StackResourceDriftStatusModified
		r.differences = append(r.differences, difference(l))
	}
	return nil
}

// live reads a resource from moto, through its kind. Most kinds cannot.
func (s *Service) live(ctx context.Context, st *stack, r *record) (properties map[string]any, found, readable bool, err error) {
	reader, ok := s.kinds[r.kind].(wire.Reader)
	if !ok || r.physical == "" {
		return nil, false, false, nil
	}
	if err := s.scripted(st.name, r.id, "READ"); err != nil {
		return nil, false, true, err
	}
	d := &deployment{Service: s, st: st}
	request, err := d.request(r, nil)
	if err != nil {
		return nil, false, true, err
	}
	properties, found, err = reader.Read(ctx, request)
	return properties, found, true, err
}

func difference(l leaf) types.PropertyDifference {
	kind := types.DifferenceTypeNotEqual
	if l.before == nil {
		kind = types.DifferenceTypeAdd
	} else if l.after == nil {
		kind = types.DifferenceTypeRemove
	}
	show := func(v any) *string {
		if v == nil {
			return aws.String("null")
		}
		return aws.String(template.Text(v))
	}
	return types.PropertyDifference{PropertyPath: aws.String(l.path), DifferenceType: kind, ExpectedValue: show(l.before), ActualValue: show(l.after)}
}

func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "{}"
	}
	return string(b)
}

func (s *Service) describeStackDriftDetectionStatus(_ context.Context, at scope, in *cloudformation.DescribeStackDriftDetectionStatusInput) (*cloudformation.DescribeStackDriftDetectionStatusOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.detections[text(in.StackDriftDetectionId)]
	if d == nil || d.at != at {
		return nil, invalid("Drift detection [%s] does not exist", text(in.StackDriftDetectionId))
	}
	out := &cloudformation.DescribeStackDriftDetectionStatusOutput{StackDriftDetectionId: aws.String(d.id), StackId: aws.String(d.stack),
		DetectionStatus: d.status, Timestamp: aws.Time(d.started), StackDriftStatus: d.result}
	if d.status != types.StackDriftDetectionStatusDetectionInProgress {
		out.DriftedStackResourceCount = aws.Int32(d.drifted)
	}
	if d.reason != "" {
		out.DetectionStatusReason = aws.String(d.reason)
	}
	return out, nil
}

// describeStackResourceDrifts lists the resources that were looked at; those whose type is
// not supported are not among them.
func (s *Service) describeStackResourceDrifts(_ context.Context, at scope, in *cloudformation.DescribeStackResourceDriftsInput) (*cloudformation.DescribeStackResourceDriftsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(at, text(in.StackName))
	if st == nil {
		return nil, invalid("Stack [%s] does not exist", text(in.StackName))
	}
	all := []types.StackResourceDrift{}
	for _, r := range st.sortedRecords() {
		if r.driftChecked == nil || r.drift == types.StackResourceDriftStatusNotChecked {
			continue
		}
		if len(in.StackResourceDriftStatusFilters) == 0 || slices.Contains(in.StackResourceDriftStatusFilters, r.drift) {
			all = append(all, st.driftOf(r))
		}
	}
	size := pageSize
	if in.MaxResults != nil {
		if *in.MaxResults < 1 || *in.MaxResults > pageSize {
			return nil, invalid("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100", *in.MaxResults)
		}
		size = int(*in.MaxResults)
	}
	list, next, err := page(all, in.NextToken, size)
	return &cloudformation.DescribeStackResourceDriftsOutput{StackResourceDrifts: list, NextToken: next}, err
}

func (st *stack) driftOf(r *record) types.StackResourceDrift {
	out := types.StackResourceDrift{StackId: aws.String(st.id), LogicalResourceId: aws.String(r.id), PhysicalResourceId: aws.String(r.physical),
		ResourceType: aws.String(r.kind), StackResourceDriftStatus: r.drift, Timestamp: r.driftChecked,
		PropertyDifferences: slices.Clone(r.differences), ExpectedProperties: aws.String(r.expected)}
	if out.PropertyDifferences == nil {
		out.PropertyDifferences = []types.PropertyDifference{}
	}
	if r.actual != "" {
		out.ActualProperties = aws.String(r.actual)
	}
	if r.driftReason != "" {
		out.DriftStatusReason = aws.String(r.driftReason)
	}
	return out
}

func (s *Service) detectStackResourceDrift(ctx context.Context, at scope, in *cloudformation.DetectStackResourceDriftInput) (*cloudformation.DetectStackResourceDriftOutput, error) {
	s.mu.Lock()
	st, err := s.mayDetect(at, in.StackName)
	var r *record
	if err == nil {
		r = st.resources[text(in.LogicalResourceId)]
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, invalid("Resource %s does not exist for stack %s", text(in.LogicalResourceId), st.name)
	}
	if _, ok := s.kinds[r.kind].(wire.Reader); !ok {
		return nil, invalid("Resource type %s is not supported for drift detection", r.kind)
	}
	err = s.check(ctx, st, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && r.drift != types.StackResourceDriftStatusUnknown {
		return nil, err
	}
	d := st.driftOf(r)
	return &cloudformation.DetectStackResourceDriftOutput{StackResourceDrift: &d}, nil
}
