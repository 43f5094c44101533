package cli

import (
	"bytes"
	"context"
	"io"
)

// view reads something, and tells how it is shown as text.
type view func(ctx context.Context) (result any, text func() string, err error)

// clear puts the cursor at the top of the screen and clears what is below. Going up by the
// number of lines would miss where long ones were wrapped.
const clearScreen = "\x1b[H\x1b[2J"

// show shows something once or, to watch it, until the context ends: on a terminal in
// place, elsewhere again whenever its record changed.
func (f *flags) show(ctx context.Context, watch bool, read view) error {
	var shown []byte
	for {
		result, text, err := read(ctx)
		if err != nil {
			return err
		}
		if !watch {
			return f.print(result, text)
		}
		record, err := encode(result)
		if err != nil {
			return err
		}
		inPlace := f.TtyOut && f.output == "table"
		switch {
		case inPlace:
			if _, err := io.WriteString(f.Stdout, clearScreen+text()); err != nil {
				return err
			}
		case !bytes.Equal(record, shown):
			if err := f.print(result, text); err != nil {
				return err
			}
		}
		shown = record
		if err := f.Pause(ctx, interval); err != nil {
			return err
		}
	}
}
