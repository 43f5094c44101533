package cloudformation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// detectionsApart stands between the ids of the detections that one operation is made of, the
// root stack's first. AWS's are UUIDs.
const detectionsApart = ","

// nothingToDetect is the id of a detection of resources that the stack does not have (any more).
const nothingToDetect = "nothing"

// nestedIn returns the ARNs of the stacks nested in one, by logical id.
func nestedIn(resources []types.StackResourceSummary) map[string]string {
	m := map[string]string{}
	for _, r := range resources {
		if aws.ToString(r.ResourceType) == gitops.TypeNestedStack && stageOf(r.ResourceStatus) != stageGone && aws.ToString(r.PhysicalResourceId) != "" {
			m[aws.ToString(r.LogicalResourceId)] = aws.ToString(r.PhysicalResourceId)
		}
	}
	return m
}

// beginNested begins a detection of every stack nested in one, and in those, and returns the
// ids with theirs. A detection of a stack looks at none of the resources of its nested stacks
// (user guide, "Detecting unmanaged configuration changes": nested stacks).
func beginNested(ctx context.Context, c api, stack string, ids []string) ([]string, error) {
	resources, err := resourcesOf(ctx, c, stack)
	if noStack(err) { // deleted in between: Observe tells
		return ids, nil
	}
	if err != nil {
		return ids, translate("list resources of stack "+stack, err)
	}
	below := nestedIn(resources)
	for _, name := range slices.Sorted(maps.Keys(below)) {
		id, err := beginOne(ctx, c, below[name], nil)
		if err != nil {
			return ids, err
		}
		if id == "" {
			continue
		}
		if ids, err = beginNested(ctx, c, below[name], append(ids, id)); err != nil {
			return ids, err
		}
	}
	return ids, nil
}

// beginOne begins a detection of one stack below the root, of all its resources or of some.
// "" stands for one that cannot be looked at now, by its state or for want of a right: Observe
// tells why. One that is being looked at is an error, to be tried again.
func beginOne(ctx context.Context, c api, stack string, only []string) (string, error) {
	doing := "detect drift of nested stack " + stack
	out, err := c.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: &stack, LogicalResourceIds: only})
	switch {
	case err == nil:
		return aws.ToString(out.StackDriftDetectionId), nil
	case noStack(err), hasCode(err, denials...):
		return "", nil
	case !hasCode(err, codeValidation):
		return "", translate(doing, err)
	}
	s, found, looking := describe(ctx, c, stack)
	switch {
	case errors.Is(looking, reconcile.ErrDenied):
		return "", nil
	case looking != nil:
		return "", looking
	case found && (footingOf(s.StackStatus) == footingUpdate || footingOf(s.StackStatus) == footingBusy):
		return "", fmt.Errorf("%s: not yet: %s", doing, message(err))
	}
	return "", nil
}

// startSome begins a detection of the resources of Only, in the stacks in which they are: a
// detection of one resource of a nested stack is one of that stack alone.
func startSome(ctx context.Context, c api, w reconcile.Work) (gitops.Operation, error) {
	op := w.Operation
	root, found, err := describe(ctx, c, stackOf(w))
	if err != nil {
		return op, err
	}
	if !found {
		op.ID = undetectable
		return op, nil
	}
	op.StackID = aws.ToString(root.StackId)
	ids, err := beginSome(ctx, c, op.StackID, "", byStack(w.Only))
	if err != nil {
		return op, err
	}
	op.ID = cmp.Or(strings.Join(ids, detectionsApart), nothingToDetect)
	return op, nil
}

// byStack returns logical ids by the path of the stack that they are in, "" being the root.
func byStack(only []string) map[string][]string {
	m := map[string][]string{}
	for _, id := range only {
		i := strings.LastIndex(id, "/")
		path := id[:max(i, 0)]
		m[path] = append(m[path], id[i+1:])
	}
	return m
}

// beginSome begins a detection of what is wanted of a stack, and of those nested in it. What the
// stack does not have is left out: AWS refuses a detection that names it.
func beginSome(ctx context.Context, c api, stack, path string, wanted map[string][]string) ([]string, error) {
	resources, err := resourcesOf(ctx, c, stack)
	if noStack(err) {
		return nil, nil
	}
	if err != nil {
		return nil, translate("list resources of stack "+stack, err)
	}
	var ids, here []string
	for _, r := range resources {
		if id := aws.ToString(r.LogicalResourceId); stageOf(r.ResourceStatus) != stageGone && slices.Contains(wanted[path], id) {
			here = append(here, id)
		}
	}
	if len(here) > 0 {
		id, err := beginOne(ctx, c, stack, here)
		if err != nil {
			return nil, err
		}
		if id != "" {
			ids = append(ids, id)
		}
	}
	below := nestedIn(resources)
	for _, name := range slices.Sorted(maps.Keys(below)) {
		inner := under(path, name)
		if !leads(wanted, inner) {
			continue
		}
		more, err := beginSome(ctx, c, below[name], inner, wanted)
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	return ids, nil
}

// under returns the name of what is in a stack of a path.
func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}

// leads reports whether something is wanted in the stack of a path or in one nested in it.
func leads(wanted map[string][]string, path string) bool {
	for p := range wanted {
		if p == path || strings.HasPrefix(p, path+"/") {
			return true
		}
	}
	return false
}
