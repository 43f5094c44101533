package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// How often something that goes on is looked at: often while it is likely to end soon.
const (
	interval = 500 * time.Millisecond
	slowly   = time.Second
	eager    = time.Minute
)

// stumbles is how many looks in a row may fail before waiting ends: a broken connection is
// no reason to leave a person without the end of the story.
const stumbles = 5

// wait looks until look says that it is done, or the time is up. Each look returns what is
// going on, for people.
func (f *flags) wait(ctx context.Context, timeout time.Duration, what string, look func(context.Context) (done bool, err error)) error {
	began, failed := f.Now(), 0
	for {
		done, err := look(ctx)
		if err == nil && done {
			return nil
		}
		failed++
		if err == nil {
			failed = 0
		}
		if err != nil && lost(ctx, failed, err) {
			return err
		}
		waited := f.Now().Sub(began)
		if waited >= timeout {
			return &exitError{ExitTimeout, fmt.Errorf("%s after %s, and goes on by itself", what, timeout)}
		}
		pause := interval
		if waited > eager {
			pause = slowly
		}
		if err := f.Pause(ctx, pause); err != nil {
			return fmt.Errorf("wait: %w", err)
		}
	}
}

// lost reports whether the last of so many failed looks in a row is one too many.
func lost(ctx context.Context, failed int, err error) bool {
	return failed >= stumbles || ctx.Err() != nil || final(err)
}

// final reports whether looking again would tell the same.
func final(err error) bool {
	var exit *exitError
	var answer *refusal
	return errors.As(err, &exit) || errors.As(err, &answer) && answer.final() || errors.Is(err, reconcile.ErrDenied)
}

// progress tells on standard error how something goes on: on a terminal in one line that is
// written anew, elsewhere a line for each change and a dot now and then in between.
type progress struct {
	f     *flags
	began time.Time
	stage string
	said  string
	at    time.Time // when something was written last
	open  bool      // the line has no end yet
}

func (f *flags) progress() *progress { return &progress{f: f, began: f.Now()} }

// quiet is for how long nothing is said before the next look says something: with a look
// at least every second, nobody waits for a sign of life longer than two.
const quiet = time.Second

// say tells the stage that something is in, and what it is doing there.
func (p *progress) say(stage, doing string) {
	now := p.f.Now()
	text := stage + "\x00" + doing
	line := fmt.Sprintf("%-17s %6.1fs  %s", stage, now.Sub(p.began).Seconds(), gitops.Printable(firstLine(doing)))
	switch {
	case p.f.TtyErr:
		if stage != p.stage {
			p.end()
		}
		fmt.Fprint(p.f.Stderr, "\r\x1b[K"+line)
		p.open = true
	case text != p.said:
		p.end()
		fmt.Fprintln(p.f.Stderr, strings.TrimRight(line, " "))
	case now.Sub(p.at) >= quiet:
		fmt.Fprint(p.f.Stderr, ".")
		p.open = true
	default:
		return
	}
	p.stage, p.said, p.at = stage, text, now
}

// end ends the line that is being written, so that something else can follow.
func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.f.Stderr)
	}
	p.open = false
}

// seconds returns how long it took until now.
func (p *progress) seconds() float64 { return p.f.Now().Sub(p.began).Seconds() }

// firstLine cuts a text to what fits beside a stage on one line of a terminal.
func firstLine(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	const room = 52 // of 80 columns
	if runes := []rune(first); len(runes) > room {
		return string(runes[:room-1]) + "…"
	}
	return first
}
