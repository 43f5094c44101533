package handler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// maxLog is how many bytes of a log one answer holds at most; in JSON they may be six times as
// many, and a function URL answers 6 MB.
const maxLog = 900_000

// log answers with what the builds of a deployment printed: the one in flight, unless another
// is asked for, else the one that ended last.
func (a *API) log(ctx context.Context, c call) (any, error) {
	app, err := a.Store.Application(ctx, c.id)
	if err != nil {
		return nil, fmt.Errorf("application %s: %w", c.id, err)
	}
	id := cmp.Or(c.query.Get("deployment"), app.InFlight, app.Ended.Deployment)
	if id == "" {
		return nil, &gitops.Refusal{Reason: c.id + " was never deployed"}
	}
	d, err := a.Store.Deployment(ctx, c.id, id)
	if err != nil {
		return nil, fmt.Errorf("deployment %s of %s: %w", id, c.id, err)
	}
	if !d.Settings.Engine.InBuild() {
		return nil, &gitops.Refusal{Reason: fmt.Sprintf("%s is rolled out by %s, not in a build: 'driftless history %s' tells how", c.id, d.Settings.Engine, c.id)}
	}
	from, err := strconv.Atoi(c.query.Get("from"))
	if err != nil && c.query.Get("from") != "" || from < 0 {
		return nil, &gitops.Refusal{Reason: fmt.Sprintf("from %q: where the part begins is a number of bytes", gitops.Printable(c.query.Get("from")))}
	}
	text, err := a.printed(ctx, d)
	if err != nil {
		return nil, err
	}
	out := gitops.Log{Application: c.id, Deployment: id, Phase: d.Phase, Next: from}
	if from < len(text) {
		out.Text = whole(text[from:min(len(text), from+maxLog)])
		out.Next += len(out.Text)
	}
	out.Done = d.Phase.Done() && out.Next >= len(text)
	return out, nil
}

// printed returns what the builds of a deployment printed, in order. What one has printed only
// grows, and so does the whole.
func (a *API) printed(ctx context.Context, d gitops.Deployment) (string, error) {
	var all strings.Builder
	for _, j := range build.Jobs(d) {
		text, err := a.Operator.Blobs.Get(ctx, j.LogKey())
		if errors.Is(err, reconcile.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("read log of %s: %w", j.Token, err)
		}
		all.Write(text)
	}
	return all.String(), nil
}

// whole returns a text without a character that is cut at its end.
func whole(text string) string {
	for end := len(text); end > 0 && end > len(text)-utf8.UTFMax; end-- {
		if r, size := utf8.DecodeLastRuneInString(text[:end]); r != utf8.RuneError || size > 1 {
			return text[:end]
		}
	}
	return text // it is no UTF-8 anyway
}
