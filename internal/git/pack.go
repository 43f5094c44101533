package git

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	billy "github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/memfs"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	// maxObject is the largest object that is ever taken into memory, whatever the cap of
	// a file: it bounds what one object can cost before its path is known.
	maxObject = 64 << 20
	// maxObjects bounds the index of a pack, some 60 bytes for each.
	maxObjects = 2_000_000
	// baseCache is what a pack keeps inflated of the objects that others are deltas of.
	baseCache = 16 * cache.MiByte
)

// pack is a packfile that was received, kept compressed, with its index. Its reader has
// one position, so whoever uses it holds the snapshot's lock.
type pack struct {
	file billy.File
	*packfile.Packfile
}

// newMemory returns a file in memory for a pack.
func newMemory() (billy.File, error) { return memfs.New().Create("pack") }

// newTemporary returns a file on disk that has no name any more: its space is freed when
// it is closed or collected, whatever becomes of this process.
func newTemporary(dir string) (billy.File, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	disk := osfs.New(dir) // whose names are relative to dir
	file, err := disk.TempFile("", "driftless-pack-")
	if err != nil {
		return nil, fmt.Errorf("make a file for a pack: %w", err)
	}
	if err := disk.Remove(file.Name()); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("unname the file for a pack: %w", err)
	}
	return file, nil
}

// readPack receives a pack of at most limit bytes into file and indexes it. The first
// pass judges every object by its declared size while it is received; only then is any
// taken into memory, since go-git's parser has no caps of its own.
func readPack(ctx context.Context, r io.Reader, file billy.File, limit int64) (_ *pack, err error) {
	defer func() {
		if err != nil {
			_ = file.Close()
		}
	}()
	received := io.TeeReader(capped(ctx, r, limit), file)
	if err := judge(received); err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, received); err != nil { // the end of the side-band
		return nil, fmt.Errorf("receive pack: %w", err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("rewind pack: %w", err)
	}
	index := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(newCancelable(ctx, file)), index)
	if err != nil {
		return nil, fmt.Errorf("parse pack: %w", err)
	}
	if _, err := parser.Parse(); err != nil {
		return nil, fmt.Errorf("parse pack: %w", err)
	}
	entries, err := index.Index()
	if err != nil {
		return nil, fmt.Errorf("index pack: %w", err)
	}
	return &pack{file, packfile.NewPackfileWithCache(entries, nil, file, cache.NewObjectLRU(baseCache), 0)}, nil
}

// judge reads a pack to its checksum and refuses objects that are too large or too many.
func judge(r io.Reader) error {
	scanner := packfile.NewScanner(r)
	_, count, err := scanner.Header()
	if err != nil {
		return fmt.Errorf("read pack: %w", err)
	}
	if count > maxObjects {
		return &PathError{Path: ".", Why: fmt.Sprintf("it has %d objects; at most %d are read", count, maxObjects)}
	}
	for range count {
		if err := judgeObject(scanner); err != nil {
			return err
		}
	}
	if _, err := scanner.Checksum(); err != nil {
		return fmt.Errorf("read pack: %w", err)
	}
	return nil
}

func judgeObject(scanner *packfile.Scanner) error {
	header, err := scanner.NextObjectHeader()
	if err != nil {
		return fmt.Errorf("read pack: %w", err)
	}
	if header.Length > maxObject {
		return tooLarge(header.Length)
	}
	start := headBuffer{max: 2 * binary.MaxVarintLen64}
	if _, _, err := scanner.NextObject(&start); err != nil {
		return fmt.Errorf("read pack: %w", err)
	}
	if !header.Type.IsDelta() {
		return nil
	}
	// A delta begins with the sizes of what it is applied to and of what comes out
	// (gitformat-pack, "Deltified representation"): a few bytes can ask for gigabytes.
	_, n := binary.Uvarint(start.head)
	if n <= 0 {
		return errors.New("read pack: a delta without its sizes")
	}
	result, n := binary.Uvarint(start.head[n:])
	if n <= 0 {
		return errors.New("read pack: a delta without its sizes")
	}
	if result > maxObject {
		return tooLarge(int64(min(result, 1<<62)))
	}
	return nil
}

func tooLarge(n int64) error {
	return &PathError{Path: ".", Why: fmt.Sprintf("one of its files or directories has %s; at most %s are read", size(n), size(maxObject))}
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

// readerFunc is a function as an io.Reader. It holds a context only for the call that
// made it.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// capped ends with an error after limit bytes, or when the context ends: what is unpacked
// from few bytes can keep a processor busy for long.
func capped(ctx context.Context, r io.Reader, limit int64) io.Reader {
	left := limit
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if left < 0 {
			return 0, &PathError{Path: ".", Why: "the answer to one request has more than " + size(limit) + ", the most that is read"}
		}
		n, err := r.Read(p[:min(int64(len(p)), left+1)])
		left -= int64(n)
		return n, err
	})
}

// cancelable is a file whose reads end with a context, for go-git's parser, which knows none.
type cancelable struct {
	billy.File
	read readerFunc
}

func newCancelable(ctx context.Context, file billy.File) cancelable {
	return cancelable{file, func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return file.Read(p)
	}}
}

func (c cancelable) Read(p []byte) (int, error) { return c.read(p) }

// read returns the content of an object of the type that is wanted.
// plumbing.ErrObjectNotFound when the pack has none.
func (p *pack) read(id plumbing.Hash, want plumbing.ObjectType) (plumbing.EncodedObject, error) {
	o, err := p.Get(id)
	if err != nil {
		return nil, err
	}
	if o.Type() != want {
		return nil, fmt.Errorf("object %s is a %s, not a %s", id, o.Type(), want)
	}
	return o, nil
}

// has reports whether the pack holds an object, without reading it.
func (p *pack) has(id plumbing.Hash) bool {
	ok, err := p.Contains(id)
	return ok && err == nil
}

// content returns an object's bytes.
func content(o plumbing.EncodedObject) ([]byte, error) {
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // it is in memory
	var b bytes.Buffer
	b.Grow(int(o.Size()))
	_, err = b.ReadFrom(r)
	return b.Bytes(), err
}
