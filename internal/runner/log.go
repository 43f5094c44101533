package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"sync"
	"time"
)

const (
	maxLog   = 4 << 20         // bytes that are uploaded
	maxCause = 256 << 10       // bytes of one call's output that are searched for the cause of its end
	every    = 3 * time.Second // how often a log that grows is uploaded
)

// logbook is the file that programs write to. A file never closes on who writes, as a pipe
// does, which would end terraform with the state locked.
type logbook struct {
	file *os.File
	stop context.CancelFunc
	done chan struct{}
	put  func(ctx context.Context, data []byte) error

	mu    sync.Mutex
	shown int            // bytes of the last upload
	hold  *regexp.Regexp // where what is held back begins; nil: nothing is
	from  int64          // where that is looked for
}

// What terraform prints of values, once it comes to that. Its marks of what is sensitive do not
// reach everything that comes of it, and only the plan's JSON says what else is to be hidden.
var (
	values  = regexp.MustCompile(`(?m)^(\w+ used the selected providers|\w+ will perform|\w+ planned the following|Note: Objects have changed|Changes to Outputs:)`)
	outputs = regexp.MustCompile(`(?m)^Outputs:$`)
)

// openLog begins the job's log, and has it uploaded while it grows.
func (s *session) openLog(ctx context.Context) error {
	f, err := os.OpenFile(s.path(string(s.job.Kind)+".log"), os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	// A build that is told to stop goes on uploading: that is when people look.
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.log = &logbook{file: f, stop: stop, done: make(chan struct{}), put: func(ctx context.Context, data []byte) error {
		return s.Blobs.Replace(ctx, s.job.LogKey(), []byte(s.scrub(string(data))))
	}}
	go s.log.follow(ctx)
	return nil
}

// follow uploads the log whenever it has grown, until it is closed.
func (l *logbook) follow(ctx context.Context) {
	defer close(l.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = l.upload(ctx) // the next one tries again, and the last one is told of
		}
	}
}

// upload puts what there is to be seen, up to the cap, if it is more than before.
func (l *logbook) upload(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, err := l.read(0, maxLog)
	if err != nil {
		return err
	}
	if l.hold != nil && int(l.from) <= len(data) {
		if at := l.hold.FindIndex(data[l.from:]); at != nil {
			data = data[:int(l.from)+at[0]]
		}
	}
	// Whole lines alone: half a secret would not be known for one.
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	if len(data) == l.shown {
		return nil
	}
	shown := len(data)
	if l.length() > maxLog {
		data = append(data, fmt.Sprintf("(cut here: a log holds at most %d bytes)\n", maxLog)...)
	}
	if err := l.put(ctx, data); err != nil {
		return err
	}
	l.shown = shown
	return nil
}

// holdBack keeps to itself, until there is nothing to be held back any more, what follows a line
// from now on.
func (l *logbook) holdBack(line *regexp.Regexp) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold, l.from = line, l.length()
}

// close ends the uploads with a last one.
func (l *logbook) close(ctx context.Context) error {
	l.stop()
	<-l.done
	return errors.Join(l.upload(ctx), l.file.Close())
}

// length returns how many bytes were written so far.
func (l *logbook) length() int64 {
	info, err := l.file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// read returns up to most bytes from an offset on.
func (l *logbook) read(from, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.NewSectionReader(l.file, from, most))
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	return data, nil
}

// printf writes a line of our own.
func (l *logbook) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(l.file, format, args...) // a full disk ends terraform, which says so
}
