package git

import (
	"bufio"
	"compress/zlib"
	"crypto/sha1" // git names its objects by it; no trust rests on it here
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
)

// header is what stands before an object in a pack (gitformat-pack, "Pack file entry").
type header struct {
	kind plumbing.ObjectType
	size int64         // unpacked; of a difference, not of what comes out
	from int64         // offset of what an OFSDeltaObject is a difference to
	base plumbing.Hash // id of what a REFDeltaObject is a difference to
}

// readHeader reads the header of the object at an offset.
func readHeader(in *bufio.Reader, offset int64) (header, error) {
	const more, kindShift, kindMask, sizeMask, sizeBits = 0x80, 4, 7, 0x0f, 7
	b, err := in.ReadByte()
	if err != nil {
		return header{}, err
	}
	h := header{kind: plumbing.ObjectType(b >> kindShift & kindMask), size: int64(b & sizeMask)}
	for shift := kindShift; b&more != 0; shift += sizeBits {
		if b, err = in.ReadByte(); err != nil {
			return header{}, err
		}
		if shift > 63-sizeBits {
			return header{}, errDamaged
		}
		h.size |= int64(b&^more) << shift
	}
	switch h.kind {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
	case plumbing.REFDeltaObject:
		_, err = io.ReadFull(in, h.base[:])
	case plumbing.OFSDeltaObject:
		h.from, err = readOffset(in, offset)
	case plumbing.InvalidObject, plumbing.AnyObject:
		return header{}, errDamaged
	default:
		return header{}, errDamaged
	}
	return h, err
}

// readOffset reads how far before an offset another object is, and returns where that is.
func readOffset(in *bufio.Reader, offset int64) (int64, error) {
	const more, bits = 0x80, 7
	b, err := in.ReadByte()
	back := int64(b &^ more)
	for err == nil && b&more != 0 {
		if back >= 1<<(62-bits) {
			return 0, errDamaged
		}
		b, err = in.ReadByte()
		back = (back+1)<<bits | int64(b&^more)
	}
	if err == nil && (back <= 0 || back > offset) {
		return 0, errDamaged
	}
	return offset - back, err
}

// resultSize returns the size of what comes out of a difference, which begins with that of
// what it is applied to (gitformat-pack, "Deltified representation").
func resultSize(delta []byte) (int64, error) {
	_, n := binary.Uvarint(delta)
	if n <= 0 {
		return 0, errDamaged
	}
	result, n := binary.Uvarint(delta[n:])
	if n <= 0 || result > 1<<62 {
		return 0, errDamaged
	}
	return int64(result), nil
}

// inflater unpacks objects, one after another.
type inflater struct {
	file *os.File
	in   *bufio.Reader
	z    io.ReadCloser
}

// newInflater returns one that reads objects anywhere in a file.
func newInflater(file *os.File) *inflater {
	const small = 4 << 10 // most objects are: what is read beyond one is for nothing
	return &inflater{file: file, in: bufio.NewReaderSize(nil, small)}
}

// seek goes to the object at an offset.
func (f *inflater) seek(offset int64) (header, error) {
	f.in.Reset(io.NewSectionReader(f.file, offset, 1<<62))
	h, err := readHeader(f.in, offset)
	if err != nil {
		return header{}, fmt.Errorf("read object: %w", err)
	}
	return h, nil
}

// open begins to unpack what comes next. It reads not a byte beyond its end.
func (f *inflater) open() error {
	var err error
	if f.z == nil {
		f.z, err = zlib.NewReader(f.in)
	} else {
		err = f.z.(zlib.Resetter).Reset(f.in, nil) // documented of every reader of package zlib
	}
	return err
}

// content unpacks an object of exactly this size.
func (f *inflater) content(size int64) ([]byte, error) {
	if err := f.open(); err != nil {
		return nil, err
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f.z, data); err != nil {
		return nil, err
	}
	return data, f.ended()
}

// copy unpacks an object of exactly this size to w.
func (f *inflater) copy(w io.Writer, size int64, buffer []byte) error {
	if err := f.open(); err != nil {
		return err
	}
	for left := size; left > 0; {
		n, err := f.z.Read(buffer[:min(left, int64(len(buffer)))])
		_, _ = w.Write(buffer[:n]) // a hash or a buffer: it cannot fail
		left -= int64(n)
		if err != nil && left > 0 {
			return err
		}
	}
	return f.ended()
}

// ended reads the end of what is unpacked, behind which its checksum stands.
func (f *inflater) ended() error {
	var one [1]byte
	for {
		n, err := f.z.Read(one[:])
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return nil
		case n > 0:
			return errDamaged
		case err != nil:
			return err
		}
	}
}

// scan goes once through a pack while it is received: it keeps the pack in its file, and the
// ids of all objects but those that are differences to others.
type scan struct {
	pack        *pack
	from        *tee
	f           *inflater
	hash        hash.Hash
	buffer      []byte
	differences []int64 // offsets of those
}

// tee reads and keeps what it read.
type tee struct {
	r    io.Reader
	file *os.File
	n    int64
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.n += int64(n)
	if n > 0 {
		if _, err := t.file.Write(p[:n]); err != nil {
			return 0, fmt.Errorf("keep pack: %w", err)
		}
	}
	return n, err
}

func newScan(p *pack, r io.Reader) *scan {
	const large = 64 << 10
	from := &tee{r: r, file: p.file}
	return &scan{pack: p, from: from, f: &inflater{in: bufio.NewReaderSize(from, large)}, hash: sha1.New(), buffer: make([]byte, large/2)}
}

// run reads the pack to its end. The checksum there is not compared: every object is known
// by that of its own content.
func (s *scan) run() error {
	var head struct {
		Signature      [4]byte
		Version, Count uint32
	}
	if err := binary.Read(s.f.in, binary.BigEndian, &head); err != nil {
		return err
	}
	if string(head.Signature[:]) != "PACK" || head.Version != 2 {
		return errDamaged
	}
	if head.Count > maxObjects {
		return &PathError{Path: ".", Why: fmt.Sprintf("it has %d objects; at most %d are read", head.Count, maxObjects)}
	}
	s.pack.entries = make([]entry, 0, head.Count)
	for range head.Count {
		if err := s.object(); err != nil {
			return err
		}
	}
	if _, err := io.CopyN(io.Discard, s.f.in, int64(s.hash.Size())); err != nil {
		return err
	}
	if _, err := s.f.in.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.Join(errDamaged, err)
	}
	s.pack.size = s.from.n
	return nil
}

// object reads the next object.
func (s *scan) object() error {
	offset := s.from.n - int64(s.f.in.Buffered())
	h, err := readHeader(s.f.in, offset)
	if err != nil {
		return err
	}
	if h.kind.IsDelta() {
		s.differences = append(s.differences, offset)
		return s.f.copy(io.Discard, h.size, s.buffer)
	}
	start := &headBuffer{max: len(lfsPrefix)}
	s.hash.Reset()
	fmt.Fprintf(s.hash, "%s %d\x00", h.kind, h.size)
	if err := s.f.copy(io.MultiWriter(s.hash, start), h.size, s.buffer); err != nil {
		return err
	}
	e := entry{kind: h.kind, size: h.size, offset: offset, pointer: h.kind == plumbing.BlobObject && isPointer(start.head, h.size)}
	s.hash.Sum(e.id[:0])
	s.pack.entries = append(s.pack.entries, e)
	return nil
}

// headBuffer keeps the first bytes that are written to it.
type headBuffer struct {
	head []byte
	max  int
}

func (b *headBuffer) Write(p []byte) (int, error) {
	b.head = append(b.head, p[:min(len(p), b.max-len(b.head))]...)
	return len(p), nil
}
