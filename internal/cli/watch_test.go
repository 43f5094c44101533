package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// watched runs a watch on a terminal of 20 by 4 for as many looks, and returns what it wrote.
func watched(t *testing.T, looks int, read func(look int, now time.Time) (any, string, error)) (string, error) {
	t.Helper()
	var out bytes.Buffer
	f := waiter(nil)
	f.Stdout, f.TtyOut, f.output = &out, true, "table"
	f.Size = func() (int, int) { return 20, 4 }
	pause, end, n := f.Pause, errors.New("enough"), 0
	f.Pause = func(ctx context.Context, d time.Duration) error {
		if n == looks {
			return end
		}
		return pause(ctx, d)
	}
	err := f.show(t.Context(), true, func(context.Context) (any, func() string, error) {
		n++
		result, text, err := read(n, f.Now())
		return result, func() string { return text }, err
	})
	if errors.Is(err, end) {
		err = nil
	}
	return out.String(), err
}

const home = "\x1b[H"

func TestAWatchWritesOnlyWhatChanged(t *testing.T) {
	out, err := watched(t, 10, func(look int, _ time.Time) (any, string, error) {
		return look / 5, []string{"one\n", "two\n", "three\n"}[look/5], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out, home); n != 3 || strings.Count(out, "\x1b[2J") != 1 {
		t.Errorf("drawn %d times, want 3, and cleared once: %q", n, out)
	}
}

func TestAgesTickOnceASecond(t *testing.T) {
	out, err := watched(t, 21, func(_ int, now time.Time) (any, string, error) { return "the same", now.Format("05.000") + "\n", nil })
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out, home); n != 11 { // in ten seconds
		t.Errorf("drawn %d times, want 11: %q", n, out)
	}
}

func TestAWatchFitsTheTerminal(t *testing.T) {
	out, err := watched(t, 1, func(int, time.Time) (any, string, error) {
		return nil, "HEADER\n" + strings.Repeat("x", 50) + "\n2\n3\n4\n", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := home + "\x1b[2J\x1b[2KHEADER\n\x1b[2K" + strings.Repeat("x", 19) + "…\n\x1b[2K… 3 more\n\x1b[J"; out != want {
		t.Errorf("wrote %q, want %q", out, want)
	}
}

func TestAWatchOutlivesAFewFailedLooks(t *testing.T) {
	reset := errors.New("connection reset")
	out, err := watched(t, 12, func(look int, _ time.Time) (any, string, error) {
		if look%5 != 1 { // four in a row
			return nil, "", reset
		}
		return look, "seen\n" + strings.Repeat("!", look) + "\n", nil
	})
	if err != nil || strings.Count(out, home) != 3 {
		t.Errorf("ended with %v after %q", err, out)
	}
	if _, err := watched(t, 12, func(int, time.Time) (any, string, error) { return nil, "", reset }); !errors.Is(err, reset) {
		t.Errorf("nothing but failures ended with %v", err)
	}
	looks := 0
	if _, err := watched(t, 12, func(int, time.Time) (any, string, error) { looks++; return nil, "", refused(404, nil) }); err == nil || looks != 1 {
		t.Errorf("an answer that says no was asked for %d times, and ended with %v", looks, err)
	}
}
