package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestColoursFollowTheConventions(t *testing.T) {
	for name, c := range map[string]struct {
		tty  bool
		set  map[string]string
		want bool
	}{
		"a terminal has colours":                {tty: true, want: true},
		"a pipe has none":                       {},
		"NO_COLOR goes before everything":       {tty: true, set: map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}},
		"a dumb terminal has none":              {tty: true, set: map[string]string{"TERM": "dumb"}},
		"a pipe has them where that is forced":  {set: map[string]string{"CLICOLOR_FORCE": "1"}, want: true},
		"what is forced by zero is not forced":  {set: map[string]string{"CLICOLOR_FORCE": "0"}},
		"an empty NO_COLOR says nothing at all": {tty: true, set: map[string]string{"NO_COLOR": ""}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := colour(c.tty, func(k string) string { return c.set[k] }); got != c.want {
				t.Errorf("colours: %v", got)
			}
		})
	}
}

func TestJSONIsHarmlessOnATerminalAndTheSameToAProgram(t *testing.T) {
	in := []string{"\x1b[2J", "\u009b31m", "\u202eabc", "a\nb\tc", "<b> & ü", "\x7f"}
	data, err := encode(in)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsAny(data, "\x1b\x7f\t\u009b\u202e") || !strings.Contains(string(data), "<b> & ü") {
		t.Errorf("written as %q", data)
	}
	var out []string
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
}

func TestAnErrorsCodeIsThatOfItsCause(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want int
	}{
		"no error":                       {t.Context(), nil, ExitOK},
		"any error":                      {t.Context(), errors.New("x"), ExitFailed},
		"refused credentials":            {t.Context(), fmt.Errorf("x: %w", reconcile.ErrDenied), ExitCredentials},
		"refused by AWS":                 {t.Context(), refused(403, []byte(`{"Message":"Forbidden"}`)), ExitCredentials},
		"refused by the API":             {t.Context(), refused(403, []byte(`{"error":"use the other address"}`)), ExitFailed},
		"a command line":                 {t.Context(), fmt.Errorf("x: %w", usage(errors.New("y"))), ExitUsage},
		"one answer that took too long":  {t.Context(), context.DeadlineExceeded, ExitFailed},
		"whatever an interruption broke": {ended, usage(errors.New("y")), ExitInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			if got := code(c.ctx, c.err); got != c.want {
				t.Errorf("exit code %d, want %d", got, c.want)
			}
		})
	}
}

// waiter is a command whose time goes on while it pauses.
func waiter(errs io.Writer) *flags {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	return &flags{Config: Config{Stderr: errs, Now: func() time.Time { return now },
		Pause: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }}}
}

func TestWaitingOutlivesABrokenConnection(t *testing.T) {
	lost := errors.New("connection reset")
	for name, c := range map[string]struct {
		answers []error // then it is done
		want    error
		looks   int
	}{
		"a few lost answers":             {[]error{lost, lost, lost, lost, nil, lost}, nil, 7},
		"a throttled function":           {[]error{refused(429, nil), refused(500, nil)}, nil, 3},
		"nothing but lost answers":       {[]error{lost, lost, lost, lost, lost, nil}, lost, 5},
		"an answer that says no":         {[]error{refused(404, []byte(`{"error":"no such application"}`))}, reconcile.ErrNotFound, 1},
		"credentials that are over":      {[]error{fmt.Errorf("sign: %w", reconcile.ErrDenied)}, reconcile.ErrDenied, 1},
		"what is done is done at once":   {nil, nil, 1},
		"a failure that the look itself": {[]error{&exitError{ExitFailed, lost}}, lost, 1},
	} {
		t.Run(name, func(t *testing.T) {
			looks := 0
			err := waiter(io.Discard).wait(t.Context(), time.Hour, "it goes on", func(context.Context) (bool, error) {
				looks++
				if looks > len(c.answers) {
					return true, nil
				}
				return false, c.answers[looks-1]
			})
			if !errors.Is(err, c.want) || looks != c.looks {
				t.Errorf("after %d looks: %v; want %d and %v", looks, err, c.looks, c.want)
			}
		})
	}
}

func TestWaitingLooksLessOftenAsItLasts(t *testing.T) {
	looks, f := 0, waiter(io.Discard)
	err := f.wait(t.Context(), 10*time.Minute, "it goes on", func(context.Context) (bool, error) { looks++; return false, nil })
	if code(t.Context(), err) != ExitTimeout || !strings.Contains(err.Error(), "it goes on after 10m0s") {
		t.Errorf("it ended with %v", err)
	}
	if looks < 600 || looks > 700 { // 120 in the first minute, 60 in each further one
		t.Errorf("%d looks", looks)
	}
}

func TestNobodyIsLeftWithoutASignOfLife(t *testing.T) {
	for name, live := range map[string]bool{"on a terminal": true, "elsewhere": false} {
		t.Run(name, func(t *testing.T) {
			var errs bytes.Buffer
			f := waiter(&errs)
			f.TtyErr = live
			p := f.progress()
			last, longest, size := f.Now(), time.Duration(0), 0
			_ = f.wait(t.Context(), 3*time.Minute, "it goes on", func(context.Context) (bool, error) {
				p.say("Applying", "a stack")
				if errs.Len() > size {
					longest, last, size = max(longest, f.Now().Sub(last)), f.Now(), errs.Len()
				}
				return false, nil
			})
			p.end()
			if longest > 2*time.Second || size == 0 {
				t.Errorf("nothing was said for %s:\n%s", longest, errs.String())
			}
			if lines := strings.Count(errs.String(), "\n"); lines > 2 {
				t.Errorf("it took %d lines:\n%s", lines, errs.String())
			}
		})
	}
}

// blocked is a terminal at which nobody answers.
type blocked chan struct{}

func (b blocked) Read([]byte) (int, error) { <-b; return 0, io.EOF }

func TestAQuestionCanBeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in := make(blocked)
	defer close(in)
	f := &flags{Config: Config{Stdin: in}}
	cancel()
	if got := f.answer(ctx); got != "" {
		t.Errorf("answered %q", got)
	}
}

func TestTheEndOfInputIsNoAnswer(t *testing.T) {
	for in, want := range map[string]string{"": "", "y": "y", "YES\r\n": "yes", "\n": ""} {
		f := &flags{Config: Config{Stdin: strings.NewReader(in)}}
		if got := f.answer(t.Context()); got != want {
			t.Errorf("%q is taken for %q", in, got)
		}
	}
}

func TestARefusalIsToldInItsOwnWords(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"by the API":           {http.StatusConflict, `{"error":"jobs is suspended"}`, "jobs is suspended"},
		"no JSON":              {http.StatusBadGateway, `<html>`, "the API answered 502 Bad Gateway"},
		"by Lambda":            {http.StatusInternalServerError, `{"Message":"Internal Server Error"}`, "the API answered 500 Internal Server Error Internal Server Error"},
		"a status of nobody's": {599, ``, "the API answered 599"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refused(c.status, []byte(c.body)).Error(); got != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnErrorDrivesNoTerminal(t *testing.T) {
	var errs bytes.Buffer
	got := Run(t.Context(), Config{Stdout: io.Discard, Stderr: &errs}, []string{"status", "--\x1b[2J\u202e"})
	if got != ExitUsage || !strings.Contains(errs.String(), "unknown flag") || strings.ContainsAny(errs.String(), "\x1b\u202e") {
		t.Errorf("exit code %d, and told %q", got, errs.String())
	}
}

func TestThisDirectoryIsValidatedWhereNoneIsNamed(t *testing.T) {
	t.Chdir("../../templates/starter")
	var out, errs bytes.Buffer
	if got := Run(t.Context(), Config{Stdout: &out, Stderr: &errs}, []string{"validate"}); got != ExitOK {
		t.Errorf("the starter repository is refused with %d: %s%s", got, out.String(), errs.String())
	}
}

func TestEveryCommandAndFlagIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "completion" || c.Name() == "help" {
			return
		}
		if c.HasParent() && !strings.Contains(string(page), "## "+c.CommandPath()+"\n") {
			t.Errorf("docs/cli.md has no section about %s", c.CommandPath())
		}
		for _, f := range strings.Split(c.LocalFlags().FlagUsages(), "\n") {
			_, name, ok := strings.Cut(f, "--")
			if name, _, _ = strings.Cut(name, " "); ok && name != "help" && !strings.Contains(string(page), "--"+name) {
				t.Errorf("docs/cli.md says nothing of --%s of %s", name, c.CommandPath())
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(New(Config{}))
	for l := range strings.Lines(exitHelp) {
		if code, _, ok := strings.Cut(strings.TrimSpace(l), " "); ok && code != "Exit" && !strings.Contains(string(page), "| "+code+" |") {
			t.Errorf("docs/cli.md does not list exit code %s", code)
		}
	}
}
