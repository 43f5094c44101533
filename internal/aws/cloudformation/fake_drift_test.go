package cloudformation

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	controltypes "github.com/aws/aws-sdk-go-v2/service/cloudcontrol/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// nestedDrift is the drift detection of a nested stack, and what it found.
type nestedDrift struct {
	detection *cloudformation.DescribeStackDriftDetectionStatusOutput
	drifts    []types.StackResourceDrift
}

// live is Cloud Control and the registry of types.
type live struct {
	schemas    map[string]string // by type
	properties map[string]string // by type and identifier, with a space between
	asked      []string          // likewise, in order
}

// nestStack puts a stack into a stack, and returns its ARN.
func (a *account) nestStack(into, logical string, status types.StackStatus) string {
	arn := "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-jobs-" + logical + "/8a1b"
	if a.below == nil {
		a.below = map[string]below{}
	}
	if a.looks == nil {
		a.looks = map[string]*nestedDrift{}
	}
	a.below[arn] = below{stack: types.Stack{StackName: aws.String("prod-jobs-" + logical), StackId: &arn, StackStatus: status}}
	a.looks[arn] = &nestedDrift{}
	a.put(into, logical, "AWS::CloudFormation::Stack", arn, "")
	return arn
}

// put adds a resource to a stack, "" being the root, and what a detection finds of it unless
// status is empty.
func (a *account) put(into, logical, kind, physical string, status types.StackResourceDriftStatus, differences ...types.PropertyDifference) *types.StackResourceDrift {
	summary := types.StackResourceSummary{LogicalResourceId: &logical, PhysicalResourceId: &physical, ResourceType: &kind, ResourceStatus: types.ResourceStatusCreateComplete}
	d := types.StackResourceDrift{LogicalResourceId: &logical, PhysicalResourceId: &physical, ResourceType: &kind,
		StackResourceDriftStatus: status, PropertyDifferences: differences, Timestamp: aws.Time(a.now.Add(time.Second))}
	if into == "" {
		a.resources = append(a.resources, summary)
		if status == "" {
			return nil
		}
		a.drifts = append(a.drifts, d)
		return &a.drifts[len(a.drifts)-1]
	}
	n := a.below[into]
	n.resources = append(n.resources, summary)
	a.below[into] = n
	if status == "" {
		return nil
	}
	a.looks[into].drifts = append(a.looks[into].drifts, d)
	return &a.looks[into].drifts[len(a.looks[into].drifts)-1]
}

// endDetections ends every detection that runs.
func (a *account) endDetections() {
	all := []*cloudformation.DescribeStackDriftDetectionStatusOutput{a.detection}
	for _, n := range a.looks {
		all = append(all, n.detection)
	}
	for _, d := range all {
		if d != nil {
			d.DetectionStatus, d.StackDriftStatus = types.StackDriftDetectionStatusDetectionComplete, types.StackDriftStatusInSync
		}
	}
}

func (a *account) DetectStackDrift(_ context.Context, in *cloudformation.DetectStackDriftInput, _ ...func(*cloudformation.Options)) (*cloudformation.DetectStackDriftOutput, error) {
	if err := a.call("DetectStackDrift"); err != nil {
		return nil, err
	}
	status, before, id, arn := types.StackStatusDeleteComplete, a.detection, "d-1", stackARN
	has := a.resources
	if n, nested := a.below[aws.ToString(in.StackName)]; nested {
		arn = aws.ToString(in.StackName)
		status, before, id, has = n.stack.StackStatus, a.looks[arn].detection, "d-"+aws.ToString(n.stack.StackName), n.resources
	} else if a.isStack(in.StackName) {
		status = a.stack.StackStatus
	}
	switch {
	case status == types.StackStatusDeleteComplete:
		return nil, apiError("ValidationError", "Stack [%s] does not exist", aws.ToString(in.StackName))
	case before != nil && before.DetectionStatus == types.StackDriftDetectionStatusDetectionInProgress:
		return nil, apiError("ValidationError", "Drift detection is already in progress for stack [%s]", arn)
	case footingOf(status) != footingUpdate && status != types.StackStatusUpdateRollbackFailed: // user guide, "Detect drift on an entire CloudFormation stack"
		return nil, apiError("ValidationError", "Drift detection cannot be performed on a stack in state %s", status)
	}
	for _, wanted := range in.LogicalResourceIds {
		if !holds(has, wanted) {
			return nil, apiError("ValidationError", "Resource %s does not exist for stack %s", wanted, arn)
		}
	}
	a.asked = append(a.asked, in.LogicalResourceIds)
	d := &cloudformation.DescribeStackDriftDetectionStatusOutput{StackDriftDetectionId: &id, StackId: &arn, Timestamp: aws.Time(a.now),
		DetectionStatus: types.StackDriftDetectionStatusDetectionInProgress}
	if arn == stackARN {
		a.detection = d
	} else {
		a.looks[arn].detection = d
	}
	return &cloudformation.DetectStackDriftOutput{StackDriftDetectionId: &id}, a.answer("DetectStackDrift")
}

func holds(all []types.StackResourceSummary, logical string) bool {
	for _, r := range all {
		if aws.ToString(r.LogicalResourceId) == logical {
			return true
		}
	}
	return false
}

func (a *account) DescribeStackDriftDetectionStatus(_ context.Context, in *cloudformation.DescribeStackDriftDetectionStatusInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackDriftDetectionStatusOutput, error) {
	if err := a.call("DescribeStackDriftDetectionStatus"); err != nil {
		return nil, err
	}
	all := []*cloudformation.DescribeStackDriftDetectionStatusOutput{a.detection}
	for _, n := range a.looks {
		all = append(all, n.detection)
	}
	for _, d := range all {
		if d != nil && aws.ToString(in.StackDriftDetectionId) == aws.ToString(d.StackDriftDetectionId) {
			return d, nil
		}
	}
	return nil, apiError("ValidationError", "Drift detection operation [%s] not found", aws.ToString(in.StackDriftDetectionId))
}

func (a *account) DescribeStackResourceDrifts(_ context.Context, in *cloudformation.DescribeStackResourceDriftsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackResourceDriftsOutput, error) {
	if err := a.call("DescribeStackResourceDrifts"); err != nil {
		return nil, err
	}
	all := a.drifts
	if n, nested := a.looks[aws.ToString(in.StackName)]; nested {
		all = n.drifts
	}
	out := &cloudformation.DescribeStackResourceDriftsOutput{}
	out.StackResourceDrifts, out.NextToken = paged(all, in.NextToken, a.page)
	return out, nil
}

func (a *account) DescribeType(_ context.Context, in *cloudformation.DescribeTypeInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeTypeOutput, error) {
	if err := a.call("DescribeType"); err != nil {
		return nil, err
	}
	schema, ok := a.live.schemas[aws.ToString(in.TypeName)]
	if in.Type != types.RegistryTypeResource || !ok {
		return nil, apiError("TypeNotFoundException", "The type '%s' cannot be found.", aws.ToString(in.TypeName))
	}
	return &cloudformation.DescribeTypeOutput{Schema: &schema}, nil
}

func (a *account) GetResource(_ context.Context, in *cloudcontrol.GetResourceInput, _ ...func(*cloudcontrol.Options)) (*cloudcontrol.GetResourceOutput, error) {
	key := fmt.Sprint(aws.ToString(in.TypeName), " ", aws.ToString(in.Identifier))
	a.live.asked = append(a.live.asked, key)
	if err := a.call("GetResource"); err != nil {
		return nil, err
	}
	properties, ok := a.live.properties[key]
	if !ok {
		return nil, apiError("ResourceNotFoundException", "Resource of type '%s' with identifier '%s' was not found.", aws.ToString(in.TypeName), aws.ToString(in.Identifier))
	}
	return &cloudcontrol.GetResourceOutput{ResourceDescription: &controltypes.ResourceDescription{Identifier: in.Identifier, Properties: &properties}}, nil
}
