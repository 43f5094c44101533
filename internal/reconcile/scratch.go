package reconcile

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// small is up to how many bytes a Bundle is held in memory.
const small = 1 << 20

// scratch takes a Bundle while it is packed or read back: in memory while it is small, which
// most are, on disk from then on, since a function has little memory and may pack several
// applications one after the other.
type scratch struct {
	memory bytes.Buffer
	file   *os.File // nil: it is small
}

// Write implements io.Writer.
func (s *scratch) Write(p []byte) (int, error) {
	if s.file == nil && s.memory.Len()+len(p) <= small {
		return s.memory.Write(p)
	}
	if s.file == nil {
		file, err := temporary()
		if err != nil {
			return 0, err
		}
		s.file = file
		if _, err := s.memory.WriteTo(file); err != nil {
			return 0, fmt.Errorf("write bundle: %w", err)
		}
		s.memory = bytes.Buffer{}
	}
	return s.file.Write(p)
}

// content returns what was written, from its beginning, and its size.
func (s *scratch) content() (interface {
	io.ReadSeeker
	io.ReaderAt
}, int64, error) {
	if s.file == nil {
		return bytes.NewReader(s.memory.Bytes()), int64(s.memory.Len()), nil
	}
	size, err := s.file.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read bundle: %w", err)
	}
	return s.file, size, nil
}

// Close frees the disk.
func (s *scratch) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// temporary returns a file that has no name any more: its space is freed when it is closed
// or collected, whatever becomes of this process.
func temporary() (*os.File, error) {
	file, err := os.CreateTemp("", "driftless-bundle-")
	if err != nil {
		return nil, fmt.Errorf("make file for a bundle: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close() // nothing is in it
		return nil, fmt.Errorf("make file for a bundle: %w", err)
	}
	return file, nil
}
