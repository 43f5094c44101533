package builds

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"log/slog"
	"strings"
	"time"
)

// trace is what happened, as a hash, and as text where somebody wants to read it.
type trace struct {
	hash hash.Hash64
	out  io.Writer // nil: nobody reads
}

func newTrace(out io.Writer) trace { return trace{fnv.New64a(), out} }

func (t *trace) event(at time.Duration, who, what string) {
	var when [8]byte
	binary.LittleEndian.PutUint64(when[:], uint64(at))
	for _, b := range [][]byte{when[:], []byte(who), {0}, []byte(what), {0}} {
		_, _ = t.hash.Write(b) // a hash takes everything
	}
	if t.out != nil {
		fmt.Fprintf(t.out, "%12s  %-18s %s\n", at.Round(time.Millisecond), who, what)
	}
}

// lines is a slog.Handler whose lines belong to the trace.
type lines struct{ w *world }

// Enabled implements slog.Handler.
func (l lines) Enabled(context.Context, slog.Level) bool { return l.w.trace.out != nil }

// WithAttrs implements slog.Handler.
func (l lines) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l lines) WithGroup(string) slog.Handler { return l }

// Handle implements slog.Handler.
func (l lines) Handle(_ context.Context, r slog.Record) error {
	p := l.w.running
	if p == nil || p.dead {
		return nil // nobody reads what a process says after its death
	}
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%s", a.Key, a.Value)
		return true
	})
	fmt.Fprintf(l.w.trace.out, "%12s  %-18s %s\n", l.w.at.Round(time.Millisecond), p.name, b.String())
	return nil
}
