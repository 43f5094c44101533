package handler

import (
	"context"
	"errors"
	"fmt"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func (a *API) applications(ctx context.Context, _ call) (any, error) {
	apps, err := a.Store.ListApplications(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("list applications: %w", err)
	}
	repos, err := a.Store.ListRepositories(ctx)
	if err != nil {
		return nil, fmt.Errorf("list repositories: %w", err)
	}
	byID := map[string]gitops.Repository{}
	for _, r := range repos {
		byID[r.ID] = r
	}
	views := []gitops.View{}
	for _, app := range apps {
		v, err := a.view(ctx, app, byID[app.Repository])
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return append(views, refused(apps, repos)...), nil
}

// refused returns a view of each application that was refused before it had a record.
func refused(apps []gitops.Application, repos []gitops.Repository) []gitops.View {
	known := map[string]bool{"": true}
	for _, a := range apps {
		known[a.ID] = true
	}
	var views []gitops.View
	for _, r := range repos {
		for _, p := range r.Problems {
			if !known[p.Application] {
				known[p.Application] = true
				views = append(views, gitops.NewView(gitops.Application{ID: p.Application, Repository: r.ID}, nil, r))
			}
		}
	}
	return views
}

// view reads the deployment in flight, if there is one, and puts everything together.
func (a *API) view(ctx context.Context, app gitops.Application, r gitops.Repository) (gitops.View, error) {
	if app.InFlight == "" {
		return gitops.NewView(app, nil, r), nil
	}
	d, err := a.Store.Deployment(ctx, app.ID, app.InFlight)
	if err != nil {
		return gitops.View{}, fmt.Errorf("read deployment %s: %w", app.InFlight, err)
	}
	return gitops.NewView(app, &d, r), nil
}

func (a *API) application(ctx context.Context, c call) (any, error) {
	app, err := a.Store.Application(ctx, c.id)
	if errors.Is(err, reconcile.ErrNotFound) {
		return a.unregistered(ctx, c.id, err)
	}
	if err != nil {
		return nil, fmt.Errorf("application %s: %w", c.id, err)
	}
	return a.viewOf(ctx, app)
}

// unregistered answers for an application that was refused before it had a record.
func (a *API) unregistered(ctx context.Context, id string, notFound error) (any, error) {
	repos, err := a.Store.ListRepositories(ctx)
	if err != nil {
		return nil, fmt.Errorf("list repositories: %w", err)
	}
	for _, v := range refused(nil, repos) {
		if v.Application.ID == id {
			return v, nil
		}
	}
	return nil, fmt.Errorf("application %s: %w", id, notFound)
}

// viewOf is view, with the application's repository read first; one that was removed is none.
func (a *API) viewOf(ctx context.Context, app gitops.Application) (gitops.View, error) {
	r, err := a.Store.Repository(ctx, app.Repository)
	if err != nil && !errors.Is(err, reconcile.ErrNotFound) {
		return gitops.View{}, fmt.Errorf("read repository %s: %w", app.Repository, err)
	}
	return a.view(ctx, app, r)
}

func (a *API) deployments(ctx context.Context, c call) (any, error) {
	if _, err := a.Store.Application(ctx, c.id); err != nil {
		return nil, fmt.Errorf("application %s: %w", c.id, err)
	}
	all, err := a.Store.ListDeployments(ctx, c.id, limit(c.query))
	if err != nil {
		return nil, fmt.Errorf("list deployments of %s: %w", c.id, err)
	}
	if all == nil {
		all = []gitops.Deployment{}
	}
	return all, nil
}

func (a *API) diff(ctx context.Context, c call) (any, error) {
	app, err := a.Store.Application(ctx, c.id)
	if err != nil {
		return nil, fmt.Errorf("application %s: %w", c.id, err)
	}
	v, err := a.viewOf(ctx, app)
	if err != nil {
		return nil, err
	}
	out := gitops.Diff{Application: app.ID, Sync: v.Sync, Message: v.Message, Deployment: v.Deployment}
	asked := c.query.Get("deployment")
	if asked != "" && asked != app.InFlight {
		d, err := a.Store.Deployment(ctx, app.ID, asked)
		if err != nil {
			return nil, fmt.Errorf("deployment %s of %s: %w", asked, app.ID, err)
		}
		out.Deployment = &d
	}
	if out.Deployment != nil {
		plan, err := a.Operator.Plan(ctx, *out.Deployment)
		if err == nil {
			out.Plan = &plan
			return out, nil
		}
		if !errors.Is(err, reconcile.ErrNotFound) || asked != "" {
			return nil, err
		}
	}
	report, err := a.latest(ctx, app)
	if err == nil {
		out.Report = &report
	} else if !errors.Is(err, reconcile.ErrNotFound) {
		return nil, err
	}
	return out, nil
}

// latest returns the latest drift report. One that found nothing new is not stored: that it
// was found again, the application says.
func (a *API) latest(ctx context.Context, app gitops.Application) (gitops.DriftReport, error) {
	report, err := a.Store.LatestReport(ctx, app.ID)
	if err != nil {
		return report, fmt.Errorf("read drift report of %s: %w", app.ID, err)
	}
	if app.Drift.At.After(report.At) {
		report.At, report.News = app.Drift.At, false
	}
	return report, nil
}

func (a *API) drift(ctx context.Context, c call) (any, error) {
	app, err := a.Store.Application(ctx, c.id)
	if err != nil {
		return nil, fmt.Errorf("application %s: %w", c.id, err)
	}
	report, err := a.latest(ctx, app)
	if errors.Is(err, reconcile.ErrNotFound) {
		return nil, &gitops.Refusal{Reason: fmt.Sprintf("the drift of %s was never looked for: 'driftless drift %s --detect' does", c.id, c.id)}
	}
	if err != nil {
		return nil, err
	}
	return report, nil
}

func (a *API) repositories(ctx context.Context, _ call) (any, error) {
	all, err := a.Store.ListRepositories(ctx)
	if err != nil {
		return nil, fmt.Errorf("list repositories: %w", err)
	}
	if all == nil {
		all = []gitops.Repository{}
	}
	return all, nil
}

func (a *API) sync(ctx context.Context, c call) (any, error) {
	return a.Operator.Sync(ctx, c.id, c.by)
}

func (a *API) detect(ctx context.Context, c call) (any, error) {
	return a.Operator.DetectDrift(ctx, c.id, c.by)
}

func (a *API) heal(ctx context.Context, c call) (any, error) {
	return a.Operator.Heal(ctx, c.id, c.by)
}

func (a *API) rollback(ctx context.Context, c call) (any, error) {
	var body struct {
		To string `json:"to"`
	}
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	return a.Operator.Rollback(ctx, c.id, body.To, c.by)
}

func (a *API) recover(ctx context.Context, c call) (any, error) {
	var body struct {
		Skip []string `json:"skip"`
	}
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	return a.Operator.Recover(ctx, c.id, body.Skip, c.by)
}

func (a *API) approve(ctx context.Context, c call) (any, error) {
	var body struct {
		Digest string `json:"digest"`
	}
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	return a.Operator.Approve(ctx, c.id, body.Digest, c.by)
}

func (a *API) reject(ctx context.Context, c call) (any, error) {
	var body struct {
		Digest string `json:"digest"`
		Reason string `json:"reason"`
	}
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	return a.Operator.Reject(ctx, c.id, body.Digest, c.by, body.Reason)
}

func (a *API) suspend(ctx context.Context, c call) (any, error) {
	var body struct {
		Reason string `json:"reason"`
	}
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	return a.Operator.Suspend(ctx, c.id, c.by, body.Reason)
}

func (a *API) resume(ctx context.Context, c call) (any, error) {
	return a.Operator.Resume(ctx, c.id, c.by)
}

func (a *API) addRepository(ctx context.Context, c call) (any, error) {
	var body struct {
		URL         string          `json:"url"`
		Branch      string          `json:"branch"`
		Tag         string          `json:"tag"`
		Forge       gitops.Forge    `json:"forge"`
		Targets     []gitops.Target `json:"targets"`
		Credentials string          `json:"credentials"`
	}
	if err := decode(c, &body); err != nil {
		return nil, err
	}
	return a.Operator.AddRepository(ctx, gitops.Repository{URL: body.URL, Branch: body.Branch, Tag: body.Tag,
		Forge: body.Forge, Targets: body.Targets, Credentials: body.Credentials}, c.by)
}

func (a *API) removeRepository(ctx context.Context, c call) (any, error) {
	if err := a.Operator.RemoveRepository(ctx, c.id); err != nil {
		return nil, err
	}
	return struct {
		Removed string `json:"removed"`
	}{c.id}, nil
}
