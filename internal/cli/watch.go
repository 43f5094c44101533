package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/render"
)

// view reads something, and tells how it is shown as text.
type view func(ctx context.Context) (result any, text func() string, err error)

// show shows something once or, to watch it, until the context ends: on a terminal in
// place, elsewhere again whenever its record changed. A few looks in a row may fail.
func (f *flags) show(ctx context.Context, watch bool, read view) error {
	s, failed := screen{f: f}, 0
	for {
		result, text, err := read(ctx)
		switch {
		case err == nil && !watch:
			return f.print(result, text)
		case err == nil:
			failed = 0
			if err := s.draw(result, text); err != nil {
				return err
			}
		default:
			if failed++; !watch || lost(ctx, failed, err) {
				return err
			}
		}
		if err := f.Pause(ctx, interval); err != nil {
			return err
		}
	}
}

// screen is what a watch has shown.
type screen struct {
	f      *flags
	record []byte
	text   string
	at     time.Time
}

// draw shows a result if it is not what is shown already. An age alone is written anew at
// most once a second.
func (s *screen) draw(result any, text func() string) error {
	record, err := encode(result)
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	same := bytes.Equal(record, s.record)
	s.record = record
	switch {
	case s.f.TtyOut && s.f.output == "table":
		return s.over(text(), same)
	case same:
		return nil
	}
	return s.f.print(result, text)
}

// over writes a text over the one before, line by line, so that nothing flickers. A line is
// cleared before it is written: after one that is full the cursor still stands on its end.
func (s *screen) over(text string, same bool) error {
	columns, rows := 0, 0
	if s.f.Size != nil {
		columns, rows = s.f.Size()
	}
	text = render.Fit(text, columns, rows-1) // the cursor stands below the last line
	now, out := s.f.Now(), "\x1b[H"
	if text == s.text || same && now.Sub(s.at) < time.Second {
		return nil
	}
	if s.text == "" {
		out += "\x1b[2J"
	}
	s.text, s.at = text, now
	for l := range strings.Lines(text) {
		out += "\x1b[2K" + l
	}
	_, err := io.WriteString(s.f.Stdout, out+"\x1b[J")
	return err
}
