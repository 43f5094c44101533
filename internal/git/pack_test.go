package git

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// piece is an object of a pack that a test makes, as it is and as it says it is.
type piece struct {
	kind plumbing.ObjectType
	data []byte
	back int           // how many pieces before it an OFSDeltaObject's base stands
	base plumbing.Hash // of a REFDeltaObject
	size int           // that it declares; zero: that of data
}

func blobID(data string) plumbing.Hash {
	return plumbing.ComputeHash(plumbing.BlobObject, []byte(data))
}

// difference is what makes one text of another, as git stores it.
func difference(from, to string) []byte { return packfile.DiffDelta([]byte(from), []byte(to)) }

// makePack writes a pack, as gitformat-pack says.
func makePack(pieces ...piece) []byte {
	var b bytes.Buffer
	b.WriteString("PACK")
	_ = binary.Write(&b, binary.BigEndian, []uint32{2, uint32(len(pieces))})
	var offsets []int
	z := zlib.NewWriter(&b)
	for i, p := range pieces {
		offsets = append(offsets, b.Len())
		size := p.size
		if size == 0 {
			size = len(p.data)
		}
		first := byte(p.kind)<<4 | byte(size&0x0f)
		for size >>= 4; size > 0; size >>= 7 {
			b.WriteByte(first | 0x80)
			first = byte(size & 0x7f)
		}
		b.WriteByte(first)
		switch p.kind {
		case plumbing.REFDeltaObject:
			b.Write(p.base[:])
		case plumbing.OFSDeltaObject:
			b.Write(distance(offsets[i] - offsets[i-p.back]))
		}
		z.Reset(&b)
		_, _ = z.Write(p.data)
		_ = z.Close()
	}
	sum := sha1.Sum(b.Bytes())
	b.Write(sum[:])
	return b.Bytes()
}

// distance writes how far back an offset is (gitformat-pack, "offset encoding").
func distance(n int) []byte {
	bytes := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		bytes = append([]byte{byte(n&0x7f) | 0x80}, bytes...)
	}
	return bytes
}

func read(t *testing.T, data []byte) (*pack, error) {
	t.Helper()
	p, err := readPack(t.Context(), bytes.NewReader(data), t.TempDir(), Limits{}.or())
	if err == nil {
		t.Cleanup(func() { _ = p.close() })
	}
	return p, err
}

func TestDifferencesAreResolvedHoweverTheyStand(t *testing.T) {
	one := strings.Repeat("one line of many\n", 100)
	two, three := one+"two\n", "zero\n"+one+"two\n"
	blob := piece{kind: plumbing.BlobObject, data: []byte(one)}
	for name, pieces := range map[string][]piece{
		"by offsets":              {blob, {kind: plumbing.OFSDeltaObject, back: 1, data: difference(one, two)}, {kind: plumbing.OFSDeltaObject, back: 1, data: difference(two, three)}},
		"by ids":                  {blob, {kind: plumbing.REFDeltaObject, base: blobID(one), data: difference(one, two)}, {kind: plumbing.REFDeltaObject, base: blobID(two), data: difference(two, three)}},
		"by ids, backwards":       {{kind: plumbing.REFDeltaObject, base: blobID(two), data: difference(two, three)}, {kind: plumbing.REFDeltaObject, base: blobID(one), data: difference(one, two)}, blob},
		"by both":                 {{kind: plumbing.REFDeltaObject, base: blobID(one), data: difference(one, two)}, {kind: plumbing.OFSDeltaObject, back: 1, data: difference(two, three)}, blob},
		"with the same one twice": {blob, {kind: plumbing.OFSDeltaObject, back: 1, data: difference(one, two)}, blob, {kind: plumbing.REFDeltaObject, base: blobID(two), data: difference(two, three)}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := read(t, makePack(pieces...))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{one, two, three} {
				e, found := p.find(blobID(want))
				if !found {
					t.Errorf("%.10q… is not in the index", want)
					continue
				}
				o, err := p.unpack(e.offset)
				if err != nil || string(o.data) != want || o.kind != plumbing.BlobObject || e.size != int64(len(want)) {
					t.Errorf("%.10q… = %.10q… of %d bytes, %v", want, o.data, e.size, err)
				}
			}
		})
	}
}

func TestR45_DamagedPacksAreRefused(t *testing.T) {
	blob := piece{kind: plumbing.BlobObject, data: []byte("content")}
	whole := makePack(blob)
	changed := func(at int, to byte) []byte {
		data := bytes.Clone(whole)
		data[at] = to
		return data
	}
	a, b := blobID("a"), blobID("b")
	for name, data := range map[string][]byte{
		"nothing":                         {},
		"no pack":                         []byte("<html>please log in</html>"),
		"another version":                 changed(7, 3),
		"more objects than it has":        changed(11, 2),
		"fewer objects than it has":       changed(11, 0),
		"more objects than are read":      changed(8, 0x7f),
		"an object of no kind":            changed(12, 0x07),
		"an object of a kind to come":     changed(12, 0x57),
		"an object that does not inflate": changed(13, 0),
		"something behind its end":        append(bytes.Clone(whole), 0),
		"no checksum":                     whole[:len(whole)-20],
		"an object larger than it says":   makePack(piece{kind: plumbing.BlobObject, data: []byte("content"), size: 6}),
		"an object smaller than it says":  makePack(piece{kind: plumbing.BlobObject, data: []byte("content"), size: 8}),
		"an object of endless size":       append(append([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01"), bytes.Repeat([]byte{0xbf}, 20)...), 0),
		"a difference to nothing":         makePack(piece{kind: plumbing.REFDeltaObject, base: a, data: difference("a", "b")}),
		"differences to one another": makePack(piece{kind: plumbing.REFDeltaObject, base: a, data: difference("a", "b")},
			piece{kind: plumbing.REFDeltaObject, base: b, data: difference("b", "a")}),
		"a difference to itself":       makePack(piece{kind: plumbing.OFSDeltaObject, data: difference("a", "b")}),
		"a difference to what is none": makePack(blob, piece{kind: plumbing.OFSDeltaObject, back: 1, data: difference("some other", "b")}),
		"a difference without sizes":   makePack(blob, piece{kind: plumbing.OFSDeltaObject, back: 1, data: []byte{0x80}}),
		"a difference of nothing":      makePack(blob, piece{kind: plumbing.OFSDeltaObject, back: 1}),
	} {
		t.Run(name, func(t *testing.T) {
			if p, err := read(t, data); err == nil {
				t.Errorf("it was read, with %d objects", len(p.entries))
			}
		})
	}
	for cut := range whole {
		if _, err := read(t, whole[:cut]); err == nil {
			t.Errorf("the first %d of %d bytes were read as a pack", cut, len(whole))
		}
	}
}

// A few bytes can ask for gigabytes.
func TestR47_DifferencesThatWouldFillTheMemoryAreLeftOut(t *testing.T) {
	base := strings.Repeat("x", 1<<16)
	blob := piece{kind: plumbing.BlobObject, data: []byte(base)}
	bomb := func(copies int) []byte {
		delta := binary.AppendUvarint(binary.AppendUvarint(nil, 1<<16), uint64(copies)<<16)
		return append(delta, bytes.Repeat([]byte{0x80}, copies)...) // copy 65,536 bytes from the start, each
	}
	most := maxObject >> 16
	p, err := read(t, makePack(blob, piece{kind: plumbing.OFSDeltaObject, back: 1, data: bomb(most)}))
	if err != nil || p.left || len(p.entries) != 2 {
		t.Fatalf("at the cap: %v, %+v", err, p)
	}
	p, err = read(t, makePack(blob, piece{kind: plumbing.OFSDeltaObject, back: 1, data: bomb(most + 1)},
		piece{kind: plumbing.OFSDeltaObject, back: 1, data: difference("a", "b")}))
	if err != nil || !p.left || len(p.entries) != 1 {
		t.Fatalf("one above: %v, %+v; want both differences left out", err, p)
	}
	if _, found := p.find(blobID(base)); !found {
		t.Error("what they are differences to was left out as well")
	}
}

func TestChainsOfDifferencesHaveAnEnd(t *testing.T) {
	for name, c := range map[string]struct {
		length int
		fine   bool
	}{"as long as git makes them": {maxChain, true}, "one longer": {maxChain + 1, false}} {
		pieces := []piece{{kind: plumbing.BlobObject, data: []byte("a")}}
		for range c.length {
			pieces = append(pieces, piece{kind: plumbing.OFSDeltaObject, back: 1, data: []byte{1, 1, 0x90, 1}}) // copy one byte
		}
		p, err := read(t, makePack(pieces...))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p.kept = map[int64]unpacked{} // what was resolved step by step is now read at once
		_, err = p.unpack(p.largestOffset())
		if (err == nil) != c.fine || err != nil && !errors.Is(err, errDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// largestOffset returns where the last object is.
func (p *pack) largestOffset() (offset int64) {
	for _, e := range p.entries {
		offset = max(offset, e.offset)
	}
	return offset
}
