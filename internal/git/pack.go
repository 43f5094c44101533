package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	// maxObject is the largest object that is ever taken into memory, unless a file may be
	// larger: it bounds what one object can cost before its path is known.
	maxObject = 8 << 20
	// maxObjects bounds the index of a pack, 40 bytes for each.
	maxObjects = 1_000_000
	// maxChain is how many differences may build on one another; git itself makes chains of
	// 4095 at most (git-pack-objects, "--depth").
	maxChain = 4095
	// maxWork is how many bytes may be unpacked for one object by way of what it is a
	// difference to: a tenth of a second or so, for which no context is asked.
	maxWork = 512 << 20
	// maxKept is what a pack keeps of its trees and of what others are differences to.
	maxKept = 4 << 20
)

// pack is a packfile that was received, compressed as it came, in a file without a name, with
// an index in memory. What is read from it is unpacked when it is read. It is safe for
// concurrent use.
type pack struct {
	file    *os.File
	size    int64
	largest int64   // that is unpacked into memory
	entries []entry // sorted by id
	left    bool    // objects were left out of the index, since they are too large

	mu        sync.Mutex
	kept      map[int64]unpacked // by offset
	keptBytes int
	inflaters []*inflater
}

// entry is where one object is.
type entry struct {
	id      plumbing.Hash
	kind    plumbing.ObjectType
	pointer bool // a file that Git LFS keeps elsewhere
	size    int64
	offset  int64
}

// unpacked is an object that was unpacked. Nobody changes its data.
type unpacked struct {
	kind plumbing.ObjectType
	data []byte
}

// errDamaged: what was received is no pack.
var errDamaged = errors.New("it is damaged")

// errDifference: an object is a difference to one that is not there (yet).
var errDifference = errors.New("a difference to an object that is not in the pack")

// errLarge: an object is too large to be unpacked into memory.
var errLarge = errors.New("too large to be read")

// newTemporary returns a file that has no name any more: its space is freed when it is closed
// or collected, whatever becomes of this process.
func newTemporary(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, "driftless-pack-")
	if err != nil {
		return nil, fmt.Errorf("make a file for a pack: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("unname the file for a pack: %w", err)
	}
	return file, nil
}

// readPack receives a pack into a file in dir and indexes it by the way: what is in it has
// the ids that its content gives, whatever the server calls it.
func readPack(ctx context.Context, r io.Reader, dir string, limits Limits) (*pack, error) {
	file, err := newTemporary(dir)
	if err != nil {
		return nil, err
	}
	p := &pack{file: file, largest: max(maxObject, limits.FileBytes), kept: make(map[int64]unpacked)}
	s := newScan(p, r)
	if err = s.run(); err == nil {
		err = p.resolve(ctx, s.differences)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("read pack: %w", early(err))
	}
	return p, nil
}

// resolve completes the index by the objects that are stored as differences to others. Those
// to an object earlier in the pack take one round; those to an id may take more.
func (p *pack) resolve(ctx context.Context, differences []int64) error {
	p.sort()
	for round := 0; len(differences) > 0; round++ {
		var later []int64
		for _, offset := range differences {
			if err := ctx.Err(); err != nil {
				return err
			}
			o, err := p.unpack(offset)
			switch {
			case errors.Is(err, errDifference):
				later = append(later, offset)
				continue
			case errors.Is(err, errLarge):
				p.left = true
				continue
			case err != nil:
				return err
			}
			id, pointer := plumbing.ComputeHash(o.kind, o.data), o.kind == plumbing.BlobObject && isPointer(o.data, int64(len(o.data)))
			p.entries = append(p.entries, entry{id, o.kind, pointer, int64(len(o.data)), offset})
		}
		if len(later) == len(differences) || round > maxChain {
			return errDifference
		}
		differences = later
		p.sort()
	}
	return nil
}

func (p *pack) sort() {
	slices.SortFunc(p.entries, func(a, b entry) int { return slices.Compare(a.id[:], b.id[:]) })
}

// find returns where an object is.
func (p *pack) find(id plumbing.Hash) (entry, bool) {
	i, found := slices.BinarySearchFunc(p.entries, id, func(e entry, id plumbing.Hash) int { return slices.Compare(e.id[:], id[:]) })
	if !found {
		return entry{}, false
	}
	return p.entries[i], true
}

// unpack returns the object at an offset. errLarge, errDifference.
func (p *pack) unpack(offset int64) (unpacked, error) {
	if o, found := p.recall(offset); found {
		return o, nil
	}
	f := p.inflater()
	defer p.giveBack(f)
	var chain []int64 // of differences, from the one that is wanted towards what they build on
	var o unpacked
	for at, whole := offset, false; !whole; {
		var err error
		if o, whole = p.recall(at); whole {
			break
		}
		h, err := f.seek(at)
		switch {
		case err != nil:
			return unpacked{}, err
		case h.size > p.largest:
			return unpacked{}, errLarge
		case !h.kind.IsDelta():
			o.kind, whole = h.kind, true
			if o.data, err = f.content(h.size); err != nil {
				return unpacked{}, err
			}
			if o.kind != plumbing.BlobObject || len(chain) > 0 {
				p.keep(at, o)
			}
			continue
		case len(chain) == maxChain:
			return unpacked{}, errDamaged
		case h.kind == plumbing.REFDeltaObject:
			base, found := p.find(h.base)
			if !found {
				return unpacked{}, errDifference
			}
			h.from = base.offset
		}
		chain, at = append(chain, at), h.from
	}
	work := int64(0)
	for _, at := range slices.Backward(chain) {
		var err error
		if o.data, err = p.patch(f, at, o.data); err != nil {
			return unpacked{}, err
		}
		if work += int64(len(o.data)); work > maxWork {
			return unpacked{}, errLarge
		}
		p.keep(at, o)
	}
	return o, nil
}

// patch applies the difference at an offset.
func (p *pack) patch(f *inflater, at int64, base []byte) ([]byte, error) {
	h, err := f.seek(at)
	if err != nil {
		return nil, err
	}
	delta, err := f.content(h.size)
	if err != nil {
		return nil, err
	}
	result, err := resultSize(delta)
	switch {
	case err != nil:
		return nil, err
	case result > p.largest:
		return nil, errLarge
	}
	data, err := packfile.PatchDelta(base, delta)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return data, nil
}

// recall returns an object that was kept.
func (p *pack) recall(offset int64) (unpacked, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, found := p.kept[offset]
	return o, found
}

// keep keeps an object for whoever needs it next: a directory is gone through often, and
// what one object is a difference to, others close to it are as well.
func (p *pack) keep(offset int64, o unpacked) {
	if len(o.data) > maxKept/4 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keptBytes += len(o.data); p.keptBytes > maxKept {
		clear(p.kept)
		p.keptBytes = len(o.data)
	}
	p.kept[offset] = o
}

// inflater returns one that nobody else uses.
func (p *pack) inflater() *inflater {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.inflaters); n > 0 {
		f := p.inflaters[n-1]
		p.inflaters = p.inflaters[:n-1]
		return f
	}
	return newInflater(p.file)
}

func (p *pack) giveBack(f *inflater) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inflaters = append(p.inflaters, f)
}

// close frees the pack's space on disk.
func (p *pack) close() error { return p.file.Close() }
