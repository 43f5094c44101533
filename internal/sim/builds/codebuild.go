package builds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/codebuild"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim"
)

// codeBuild is CodeBuild: a queue whose order is not known, idempotency tokens that are
// remembered for five minutes, and stops that tell of their status before the process ends.
type codeBuild struct {
	w      *world
	builds []*aBuild
	tokens map[string]*aBuild
}

var _ codebuild.Builds = (*codeBuild)(nil)

// aBuild is a build, and what its program is known to do.
type aBuild struct {
	id, application, key string
	status               codebuild.Status
	phase                string
	over                 bool
	expired              bool // it waited in the queue for too long
	started              time.Duration
	process              *process // nil: it waits
	stopped              bool     // its program is told to stop

	works   string // application whose state it works on
	applies string // token of what it applies and has not reported yet
}

const (
	forgets      = 5 * time.Minute  // after which a token is a new one
	queueTimeout = 30 * time.Minute // a project's queuedTimeoutInMinutes, of 5 to 480
	grace        = 90 * time.Second // until a build that was stopped is killed, at most
	noRoom       = "no room for another build"
)

func (c *codeBuild) byID(id string) *aBuild {
	i := slices.IndexFunc(c.builds, func(b *aBuild) bool { return b.id == id })
	if i < 0 {
		return nil
	}
	return c.builds[i]
}

// busy reports whether a build is not over.
func (c *codeBuild) busy() bool {
	return slices.ContainsFunc(c.builds, func(b *aBuild) bool { return !b.over })
}

// Start implements codebuild.Builds.
func (c *codeBuild) Start(_ context.Context, project, token string, variables map[string]string) (string, error) {
	w := c.w
	lost := w.gate("StartBuild")
	if lost != nil && !errors.Is(lost, fake.ErrLost) {
		return "", lost
	}
	b := c.tokens[token]
	if b == nil || w.at-b.started > forgets {
		b = &aBuild{id: fmt.Sprintf("%s:%d", project, len(c.builds)+1), application: variables[build.EnvApplication], key: variables[build.EnvOrder],
			status: codebuild.StatusInProgress, phase: "QUEUED", started: w.at}
		c.builds, c.tokens[token] = append(c.builds, b), b
		w.judge.started(b)
		c.enqueue(b)
	}
	if lost != nil {
		return "", lost
	}
	return b.id, nil
}

// enqueue lets a build begin some time, or wait in vain.
func (c *codeBuild) enqueue(b *aBuild) {
	w := c.w
	d := time.Duration(1 + w.draw(int(w.knobs.Queue)))
	if f, faulty := w.fault("queued"); faulty {
		d += f.For
	}
	if d >= queueTimeout {
		w.after(queueTimeout, func() {
			b.expired = !b.over
			c.end(b, codebuild.StatusTimedOut)
		})
		return
	}
	w.after(d, func() {
		if b.over {
			return
		}
		if w.knobs.Frail && !w.calm && w.draw(3) == 0 {
			c.end(b, codebuild.StatusFault)
			return
		}
		b.phase = "BUILD"
		p := program{w: w, b: b}
		b.process = w.start(b.id, 0, p.main, func(ended bool) {
			status := codebuild.StatusFault
			switch {
			case ended && p.failed:
				status = codebuild.StatusFailed
			case ended:
				status = codebuild.StatusSucceeded
			}
			c.end(b, status)
		})
		b.process.build = b
	})
}

// end ends a build, whatever its program is about to do, and tells of it.
func (c *codeBuild) end(b *aBuild, status codebuild.Status) {
	if b.over {
		return
	}
	if b.process != nil {
		b.process.dead = true
	}
	if b.status == codebuild.StatusInProgress {
		b.status = status
	}
	b.over, b.phase, b.works = true, "COMPLETED", ""
	c.w.trace.event(c.w.at, "codebuild", b.id+" ended "+string(b.status))
	c.w.judge.over(b)
	c.w.event(reconcile.Message{Application: b.application, Reason: "build " + string(b.status)})
}

// Build implements codebuild.Builds.
func (c *codeBuild) Build(_ context.Context, id string) (codebuild.Build, error) {
	if err := c.w.gate("BatchGetBuilds"); err != nil {
		return codebuild.Build{}, err
	}
	b := c.byID(id)
	if b == nil {
		return codebuild.Build{ID: id}, nil
	}
	told := codebuild.Build{ID: id, Status: b.status, Phase: b.phase, Complete: b.over}
	if b.expired {
		told.Phases = append(told.Phases, queuedInVain)
	}
	return told, nil
}

// queuedInVain is the phase of a build that waited for too long.
var queuedInVain = struct {
	Type     string `json:"phaseType"`
	Status   string `json:"phaseStatus"`
	Contexts []struct {
		Message string `json:"message"`
	} `json:"contexts"`
}{Type: "QUEUED", Status: "TIMED_OUT"}

// Stop implements codebuild.Builds.
func (c *codeBuild) Stop(_ context.Context, id string) error {
	lost := c.w.gate("StopBuild")
	if lost != nil && !errors.Is(lost, fake.ErrLost) {
		return lost
	}
	c.stop(c.byID(id))
	return lost
}

// stop tells a build to stop. CodeBuild says so at once; the program has a while to see to its
// lock, and is killed after that.
func (c *codeBuild) stop(b *aBuild) {
	switch {
	case b == nil || b.over || b.stopped:
	case b.process == nil:
		c.end(b, codebuild.StatusStopped)
	default:
		b.stopped, b.status = true, codebuild.StatusStopped
		c.w.after(time.Duration(1+c.w.draw(int(grace))), func() { c.end(b, codebuild.StatusStopped) })
	}
}

// kill ends a build that runs, as a timeout or a machine that fails does.
func (w *world) kill(a sim.Action) {
	for i := len(w.builds.builds) - 1; i >= 0; i-- {
		b := w.builds.builds[i]
		if b.over || b.application != a.App {
			continue
		}
		switch a.Arg {
		case "stop":
			w.builds.stop(b)
		case "timeout":
			w.builds.end(b, codebuild.StatusTimedOut)
		default:
			w.builds.end(b, codebuild.StatusFault)
		}
		return
	}
}
