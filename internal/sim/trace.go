package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// trace is what happened, as a hash, and as text where somebody wants to read it.
type trace struct {
	hash uint64
	out  io.Writer // nil: nobody reads
}

func (t *trace) event(at time.Duration, who, what string, err error) {
	t.add(uint64(at))
	t.text(who)
	t.text(what)
	if t.out != nil {
		line := fmt.Sprintf("%12s  %-16s %s", at.Round(time.Millisecond), who, what)
		if err != nil {
			line += ": " + err.Error()
		}
		fmt.Fprintln(t.out, line)
	}
}

// add and text are FNV-1a over words, of eight letters each.
func (t *trace) add(v uint64) {
	if t.hash == 0 {
		t.hash = 14695981039346656037
	}
	t.hash = (t.hash ^ v) * 1099511628211
	t.hash ^= t.hash >> 32 // a word's upper half is to move the lower one too
}

func (t *trace) text(s string) {
	t.add(uint64(len(s)))
	for ; len(s) >= 8; s = s[8:] {
		t.add(binary.LittleEndian.Uint64([]byte(s[:8])))
	}
	var rest [8]byte
	copy(rest[:], s)
	t.add(binary.LittleEndian.Uint64(rest[:]))
}

// logger returns a logger whose lines belong to the trace, and are searched for secrets.
func (t *trace) logger(w *world) *slog.Logger { return slog.New(lines{w}) }

// lines is a slog.Handler.
type lines struct{ w *world }

// Enabled implements slog.Handler.
func (l lines) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (l lines) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l lines) WithGroup(string) slog.Handler { return l }

// Handle implements slog.Handler.
func (l lines) Handle(_ context.Context, r slog.Record) error {
	if p := l.w.running; p != nil && *p.dead {
		return nil // nobody reads what a process says after its death
	}
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteByte(' ')
		b.WriteString(a.Key)
		b.WriteByte('=')
		b.WriteString(a.Value.String())
		return true
	})
	line, who := b.String(), "world"
	if l.w.running != nil {
		who = l.w.running.name
	}
	if strings.Contains(line, sentinel) {
		l.w.violate("I10", "the secret stands in a log line: %s", line)
	}
	l.w.trace.event(l.w.at, who, line, nil)
	return nil
}
