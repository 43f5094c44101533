package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/drift"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const (
	// readsApart is the time between two reads of one look: AWS publishes no rate for
	// GetResource, so this is an assumption, as that of DetectStackDrift is.
	readsApart = time.Second
	// mostReads is how many resources one look reads at most: a step has a minute.
	mostReads = 20
)

// The answers of Cloud Control (API reference, GetResource: Errors) that say that a resource
// cannot be read there, by its type or by what identifies it. All others say that it could not
// be read now.
var unreadable = []string{"TypeNotFoundException", "UnsupportedActionException", "PrivateTypeException",
	"ResourceNotFoundException", "InvalidRequestException", "CFNRegistryException"}

// undeclared looks for what no template says, in the resources that were compared. What
// cannot be read there at all is named in the report's reason and changes nothing; what could
// not be read now is not checkable.
func (l *survey) undeclared(ctx context.Context) error {
	base, err := baseline(ctx, l.w)
	var wrong *gitops.Refusal
	if errors.As(err, &wrong) {
		l.trouble("", wrong.Reason)
		l.report.Complete = false
		return nil
	}
	if err != nil {
		return err
	}
	live, err := l.live(ctx, l.w)
	if err != nil {
		return err
	}
	tags, err := l.tags(ctx)
	if err != nil {
		return err
	}
	var unread []string
	around := slices.Collect(maps.Values(l.declared))
	ids := parentsFirst(l.seen)
	for i, id := range ids[:min(len(ids), mostReads)] {
		if i > 0 && l.pause != nil {
			if err := l.pause(ctx, readsApart); err != nil {
				return fmt.Errorf("wait to read %s: %w", id, err)
			}
		}
		at := slices.IndexFunc(l.report.Resources, func(r gitops.ResourceDrift) bool { return r.LogicalID == id })
		can, err := l.read(ctx, live, id)
		var failed *unreadNow
		switch {
		case errors.As(err, &failed):
			l.uncheckable(at, "what no template says of it could not be read: "+failed.reason)
		case err != nil:
			return err
		case !can:
			unread = append(unread, l.seen[id].Type)
		default:
			l.find(at, drift.Stack{Tags: tags[id[:max(strings.LastIndex(id, "/"), 0)]], Others: around}, base)
		}
	}
	l.remark(unread, len(ids)-mostReads)
	return nil
}

// parentsFirst returns the ids of what was compared: first those that list children, which
// somebody may have added, then the others, by name.
func parentsFirst(seen map[string]drift.Resource) []string {
	return slices.SortedFunc(maps.Keys(seen), func(a, b string) int {
		if pa, pb := drift.HasChildren(seen[a].Type), drift.HasChildren(seen[b].Type); pa != pb {
			if pa {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
}

// find adds what is undeclared of a resource to the report.
func (l *survey) find(at int, in drift.Stack, base drift.Baseline) {
	res := &l.report.Resources[at]
	found := drift.Undeclared(l.seen[res.LogicalID], in, base.Resources[res.LogicalID])
	if len(found) == 0 {
		return
	}
	res.Status, res.Properties = gitops.ResourceModified, append(res.Properties, found...)
}

// uncheckable notes that a resource that seemed to be in sync could not be looked at whole.
func (l *survey) uncheckable(at int, why string) {
	res := &l.report.Resources[at]
	if res.Status == gitops.ResourceInSync {
		res.Status, res.Reason = gitops.ResourceNotCheckable, why
	}
	l.trouble("", res.LogicalID+": "+why)
	l.report.Complete = false
}

// remark says in the report what was not looked at, once.
func (l *survey) remark(unread []string, left int) {
	var said []string
	if len(unread) > 0 {
		slices.Sort(unread)
		said = append(said, "what no template says was not looked for in "+strings.Join(slices.Compact(unread), ", ")+", which Cloud Control cannot read")
	}
	if left > 0 {
		said = append(said, fmt.Sprintf("what no template says was not looked for in %d more resources: one look reads %d", left, mostReads))
	}
	if l.report.Reason != "" {
		said = append([]string{l.report.Reason}, said...)
	}
	l.report.Reason = strings.Join(said, "; ")
}

// unreadNow says why a resource could not be read, though it may be at another time.
type unreadNow struct{ reason string }

// Error returns the reason.
func (u *unreadNow) Error() string { return u.reason }

// read reads a resource as it is live, false where Cloud Control cannot.
func (l *survey) read(ctx context.Context, live resources, id string) (can bool, err error) {
	r := l.seen[id]
	schema, known, err := l.schema(ctx, r.Type)
	if err != nil || !known {
		return false, err
	}
	name, ok := schema.IdentifierOf(r.PhysicalID, r.Declared)
	if !ok {
		return false, nil
	}
	out, err := live.GetResource(ctx, &cloudcontrol.GetResourceInput{TypeName: &r.Type, Identifier: &name})
	if err != nil {
		return false, later(err, "read "+id)
	}
	if out.ResourceDescription == nil {
		return false, nil
	}
	if r.Live, err = drift.Properties(aws.ToString(out.ResourceDescription.Properties)); err != nil {
		return false, &unreadNow{err.Error()}
	}
	r.Schema = schema
	l.seen[id] = r
	return true, nil
}

// later returns nil for an answer that says that something can never be read, an *unreadNow
// for any other answer of AWS, and the error where there was none.
func later(err error, doing string) error {
	var answer smithy.APIError
	switch {
	case hasCode(err, unreadable...):
		return nil
	case errors.As(err, &answer):
		return &unreadNow{message(err)}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// schema returns what a type's schema says, known false where there is none. It is asked for
// once per type: what a new version of a type adds is found by the next process.
func (l *survey) schema(ctx context.Context, kind string) (s drift.Schema, known bool, err error) {
	key := l.w.Settings.Target.Region + " " + kind
	if kept, ok := l.schemas.Load(key); ok {
		return kept.(drift.Schema), true, nil
	}
	out, err := l.c.DescribeType(ctx, &cloudformation.DescribeTypeInput{Type: types.RegistryTypeResource, TypeName: &kind})
	if err != nil {
		if hasCode(err, codeValidation) {
			return s, false, nil
		}
		return s, false, later(err, "describe type "+kind)
	}
	if s, err = drift.ParseSchema(aws.ToString(out.Schema)); err != nil {
		return s, false, &unreadNow{"schema of " + kind + ": " + err.Error()}
	}
	l.schemas.Store(key, s)
	return s, true, nil
}

// tags returns the tags of the stacks that were looked at, which their resources inherit, by
// the stack's path.
func (l *survey) tags(ctx context.Context) (map[string]map[string]string, error) {
	all := map[string]map[string]string{}
	for p, arn := range l.stacks {
		s, _, err := describe(ctx, l.c, arn)
		if err != nil {
			return nil, err
		}
		all[p] = map[string]string{}
		for _, t := range s.Tags {
			all[p][aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
	}
	return all, nil
}

// baseline reads the application's baseline, a *gitops.Refusal where the file is not what the
// settings say.
func baseline(ctx context.Context, w reconcile.Work) (drift.Baseline, error) {
	if w.Settings.Drift.Baseline == "" {
		return drift.Baseline{}, nil
	}
	name := path.Join(w.Settings.Path, w.Settings.Drift.Baseline)
	if w.Files == nil {
		return drift.Baseline{}, &gitops.Refusal{Reason: "baseline " + name + ": the bundle of what is deployed is not kept"}
	}
	files, err := w.Files(ctx)
	if err != nil {
		return drift.Baseline{}, fmt.Errorf("open bundle %s: %w", w.Bundle, err)
	}
	data, err := fs.ReadFile(files, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return drift.Baseline{}, &gitops.Refusal{Reason: "baseline " + name + " is not in the bundle: drift.baseline names a file below the application's path"}
	}
	if err != nil {
		return drift.Baseline{}, fmt.Errorf("read %s: %w", name, err)
	}
	b, err := drift.ParseBaseline(data)
	if err != nil {
		return b, &gitops.Refusal{Reason: name + ": " + err.Error()}
	}
	return b, nil
}
