package codebuild

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// eventTime is how CodeBuild writes moments in its events.
const eventTime = "Jan 2, 2006 3:04:05 PM"

// emitState tells that a build has begun or ended (user guide, "Build notifications input
// format reference").
func (s *Service) emitState(b *build) {
	s.emit(b, "CodeBuild Build State Change", map[string]any{
		"build-status": b.Status, "current-phase": b.CurrentPhase, "current-phase-context": "[]",
	})
}

// emitPhase tells that a phase has ended.
func (s *Service) emitPhase(b *build, p phase) {
	reasons := "[]"
	if len(p.Contexts) > 0 {
		reasons = fmt.Sprintf("[%s: %s]", p.Contexts[0].StatusCode, p.Contexts[0].Message)
	}
	s.emit(b, "CodeBuild Build Phase Change", map[string]any{
		"completed-phase": p.Type, "completed-phase-status": p.Status, "completed-phase-context": reasons,
		"completed-phase-duration-seconds": p.Seconds,
		"completed-phase-start":            time.Time(p.Start).UTC().Format(eventTime),
		"completed-phase-end":              time.Time(*p.End).UTC().Format(eventTime),
	})
}

func (s *Service) emit(b *build, kind string, detail map[string]any) {
	variables := []map[string]string{}
	for _, v := range b.given.Environment.Variables {
		variables = append(variables, map[string]string{"name": v.Name, "type": "PLAINTEXT", "value": v.Value})
	}
	information := map[string]any{
		"artifact": map[string]any{}, "cache": map[string]string{"type": b.Cache.Type},
		"environment": map[string]any{"image": b.Environment.Image, "privileged-mode": b.Environment.PrivilegedMode,
			"compute-type": b.Environment.ComputeType, "type": b.Environment.Type, "environment-variables": variables},
		"timeout-in-minutes": b.Timeout, "queued-timeout-in-minutes": b.QueuedTimeout,
		"build-complete": b.Complete, "build-number": b.Number, "initiator": b.Initiator,
		"build-start-time": time.Time(b.Start).UTC().Format(eventTime),
		"source":           map[string]any{"type": b.Source.Type, "buildspec": b.Source.BuildSpec},
		"phases":           phasesOf(b),
	}
	if b.Logs != nil {
		information["logs"] = map[string]any{"group-name": b.Logs["groupName"], "stream-name": b.Logs["streamName"]}
	}
	detail["project-name"], detail["build-id"], detail["version"] = b.ProjectName, b.ARN, "1"
	detail["additional-information"] = information
	text, err := json.Marshal(detail)
	if err != nil {
		s.c.Log.Error("event not encodable", "build", b.ID, "error", err)
		return
	}
	s.c.Emit(s.ctx, wire.Event{Source: "aws.codebuild", DetailType: kind, Resources: []string{b.ARN}, Detail: text,
		Account: b.project.account, Region: b.project.region})
}

func phasesOf(b *build) []map[string]any {
	list := []map[string]any{}
	for _, p := range b.Phases {
		each := map[string]any{"phase-type": p.Type, "start-time": time.Time(p.Start).UTC().Format(eventTime)}
		if p.End != nil {
			each["end-time"], each["phase-status"], each["duration-in-seconds"] = time.Time(*p.End).UTC().Format(eventTime), p.Status, *p.Seconds
		}
		list = append(list, each)
	}
	return list
}
