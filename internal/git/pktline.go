package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// kind says what a pkt-line is. Three lengths that no line can have mean something else
// (gitprotocol-v2, "Packet-Line Framing"); go-git's scanner knows the first of them alone.
type kind int

const (
	flush     kind = 0 // the end of a message
	delimiter kind = 1 // between two sections
	end       kind = 2 // of an answer, where a connection serves many
	text      kind = 3
)

const (
	lengthSize = 4     // of a pkt-line's length, in hexadecimal
	maxLine    = 65516 // of a pkt-line's content (gitprotocol-common, "pkt-line Format")
)

// errSilent answers where a server ended without a word: git's own does so, over HTTP, when
// it does not understand a request.
var errSilent = errors.New("the server's answer is empty")

// errMalformed is in the chain of every error about an answer that is none of git's.
var errMalformed = errors.New("the server's answer is not one of git's")

// errRemote is what a server said instead of an answer.
type errRemote string

func (e errRemote) Error() string { return "the server says: " + strconv.Quote(string(e)) }

func remoteError(said []byte) errRemote {
	const most = 200
	line, _, _ := bytes.Cut(said, []byte("\n"))
	return errRemote(strings.ToValidUTF8(string(line[:min(len(line), most)]), "?"))
}

// lines reads pkt-lines and not a byte beyond them.
type lines struct {
	r     io.Reader
	begun bool
	data  []byte
}

// next returns the content of the next pkt-line, valid until the next call. A line that
// reports an error is an errRemote; an answer always ends with more than its last line, so
// that one without is io.ErrUnexpectedEOF.
func (l *lines) next() ([]byte, kind, error) {
	var length [lengthSize]byte
	n, err := io.ReadFull(l.r, length[:])
	if errors.Is(err, io.EOF) && !l.begun {
		return nil, flush, errSilent
	}
	if err != nil {
		return nil, flush, early(err)
	}
	l.begun = true
	size, err := strconv.ParseUint(string(length[:n]), 16, 16)
	switch {
	case err != nil || size == lengthSize-1 || size > maxLine+lengthSize:
		return nil, flush, errMalformed
	case size < lengthSize:
		return nil, kind(size), nil
	}
	if l.data == nil {
		l.data = make([]byte, maxLine)
	}
	line := l.data[:size-lengthSize]
	if _, err := io.ReadFull(l.r, line); err != nil {
		return nil, flush, early(err)
	}
	if said, found := bytes.CutPrefix(line, []byte("ERR ")); found {
		return nil, flush, remoteError(said)
	}
	return line, text, nil
}

// early says that an answer ended before its end.
func early(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the answer ends early: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// sideBand reads the data out of a side-band, to its end (gitprotocol-pack, "Packfile Data").
type sideBand struct {
	lines *lines
	rest  []byte
	ended bool
}

// Read implements io.Reader. What the server reports as fatal is an errRemote.
func (b *sideBand) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if b.ended {
			return 0, io.EOF
		}
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *sideBand) fill() error {
	const data, progress, fatal = 1, 2, 3
	line, kind, err := b.lines.next()
	switch {
	case err != nil:
		return err
	case kind == flush:
		b.ended = true
	case kind != text || len(line) == 0:
		return errMalformed
	case line[0] == data:
		b.rest = line[1:]
	case line[0] == progress:
	case line[0] == fatal:
		return remoteError(line[1:])
	default:
		return errMalformed
	}
	return nil
}

// message is a request while its lines are written.
type message struct{ bytes.Buffer }

// line writes a line of text.
func (m *message) line(text string) {
	fmt.Fprintf(m, "%04x%s\n", lengthSize+len(text)+1, text)
}

// mark writes what stands between lines.
func (m *message) mark(k kind) { fmt.Fprintf(m, "%04x", int(k)) }
