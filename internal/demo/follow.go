package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// push commits, pushes and announces it.
func (d *demo) push(ctx context.Context, message string) error {
	commit, err := d.Push(ctx, name, message)
	if err != nil {
		return err
	}
	d.pushed = time.Now()
	d.screen.act(fmt.Sprintf("git push               main %s  %q", gitops.Short(commit), message))
	return nil
}

// show runs a command of the CLI and shows what it printed.
func (d *demo) show(ctx context.Context, args ...string) error {
	out, err := d.Run(ctx, args...)
	if err != nil {
		return err
	}
	d.screen.command("driftless "+strings.Join(args, " "), out)
	return nil
}

func (d *demo) views(ctx context.Context) (views []gitops.View, err error) {
	err = d.JSON(ctx, &views, "status")
	return views, err
}

// until follows the applications on the screen until something holds.
func (d *demo) until(ctx context.Context, holds func([]gitops.View) bool) ([]gitops.View, error) {
	return d.follow(ctx, holds, func(views []gitops.View) { d.screen.table(d.rows(ctx, views)) })
}

// quietly is until, without the table.
func (d *demo) quietly(ctx context.Context, holds func([]gitops.View) bool) ([]gitops.View, error) {
	return d.follow(ctx, holds, func([]gitops.View) {})
}

func (d *demo) follow(ctx context.Context, holds func([]gitops.View) bool, draw func([]gitops.View)) ([]gitops.View, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	var last []gitops.View
	for {
		views, err := d.views(ctx)
		if err == nil {
			last = views
			draw(views)
			if holds(views) {
				return views, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("did not happen within %s; last seen: %s", patience, describe(last))
		case <-tick.C:
		}
	}
}

// rows turns what is seen into the table. What did not move since the push is not shown.
func (d *demo) rows(ctx context.Context, views []gitops.View) []row {
	var rows []row
	for _, v := range views {
		a := v.Application
		r := row{name: a.ID, engine: string(a.Settings.Engine)}
		switch dep := v.Deployment; {
		case dep != nil:
			r.phase, r.note, r.elapsed = string(dep.Phase), dep.Progress, seconds(time.Since(d.pushed))
			if dep.Plan.Digest != "" {
				r.plan = dep.Plan.String()
			}
		case a.Wanted.Seq > a.Ended.Seq:
			r.phase = string(gitops.PhasePending)
		case a.Ended.At.Before(d.pushed):
			continue
		default:
			r.phase, r.ended, r.failed = string(a.Ended.Phase), true, a.Ended.Phase == gitops.PhaseFailed
			r.note, r.elapsed, r.plan = a.Ended.Reason, seconds(a.Ended.At.Sub(d.pushed)), d.plan(ctx, a.ID, a.Ended.Deployment)
		}
		rows = append(rows, r)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	return rows
}

// plan returns the plan of an ended deployment in short, reading it once.
func (d *demo) plan(ctx context.Context, app, deployment string) string {
	if known, ok := d.plans[deployment]; ok {
		return known
	}
	var history []gitops.Deployment
	if err := d.JSON(ctx, &history, "history", app, "--limit", "1"); err != nil || len(history) == 0 || history[0].ID != deployment {
		return ""
	}
	d.plans[deployment] = "-"
	if p := history[0].Plan; p.Digest != "" {
		d.plans[deployment] = p.String()
	}
	return d.plans[deployment]
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }

// all holds when there are n applications, all ended in a phase.
func all(n int, phase gitops.Phase) func([]gitops.View) bool {
	return func(views []gitops.View) bool {
		return len(views) == n && !slices.ContainsFunc(views, func(v gitops.View) bool {
			return v.Application.Ended.Phase != phase || v.Deployment != nil
		})
	}
}

// arrived holds when an application has ended a deployment since before, in a phase.
func (d *demo) arrived(app string, phase gitops.Phase, before []gitops.View) func([]gitops.View) bool {
	was := ended(before, app)
	return func(views []gitops.View) bool {
		return slices.ContainsFunc(views, func(v gitops.View) bool {
			return v.Application.ID == app && v.Deployment == nil && v.Application.Ended.Deployment != was && v.Application.Ended.Phase == phase
		})
	}
}

func ended(views []gitops.View, app string) string {
	for _, v := range views {
		if v.Application.ID == app {
			return v.Application.Ended.Deployment
		}
	}
	return ""
}

// onlyMoved fails if any application but those named began a deployment.
func onlyMoved(before, after []gitops.View, names ...string) error {
	for _, v := range after {
		id := v.Application.ID
		if !slices.Contains(names, id) && (v.Deployment != nil || v.Application.Ended.Deployment != ended(before, id)) {
			return fmt.Errorf("%s was rolled out too, though the push does not touch it", id)
		}
	}
	return nil
}

// head waits until the repository's head has a commit's subject, and returns the commit.
func (d *demo) head(ctx context.Context, subject string) (string, error) {
	var commit string
	_, err := d.quietly(ctx, func([]gitops.View) bool {
		var repos []gitops.Repository
		if err := d.JSON(ctx, &repos, "repository", "list"); err != nil || len(repos) != 1 {
			return false
		}
		commit = repos[0].Head.Commit
		return repos[0].Head.Message == subject && !repos[0].Unfinished()
	})
	return commit, err
}

// describe says in one line where every application stands.
func describe(views []gitops.View) string {
	var parts []string
	for _, v := range views {
		phase := v.Application.Ended.Phase
		if v.Deployment != nil {
			phase = v.Deployment.Phase
		}
		parts = append(parts, fmt.Sprintf("%s %s (%s)", v.Application.ID, phase, v.Message))
	}
	if len(parts) == 0 {
		return "no application"
	}
	return strings.Join(parts, ", ")
}

// keepLogs saves the sandbox's directory from being removed, and returns where it is.
func (d *demo) keepLogs() string {
	dir, err := os.MkdirTemp("", "driftless-demo-logs-")
	if err != nil {
		return "lost: " + err.Error()
	}
	for _, name := range []string{"sandbox.log", "sandbox"} {
		if err := os.Rename(filepath.Join(d.scratch, name), filepath.Join(dir, name)); err != nil {
			return "lost: " + err.Error()
		}
	}
	return dir
}
