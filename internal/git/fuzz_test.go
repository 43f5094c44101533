package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

// sideBanded wraps a pack as a server sends it.
func sideBanded(head func(*message), pack []byte) []byte {
	var m message
	head(&m)
	for len(pack) > 0 {
		n := min(len(pack), 100)
		m.line("\x02Counting objects")
		fmt.Fprintf(&m, "%04x\x01%s", lengthSize+1+n, pack[:n])
		pack = pack[n:]
	}
	m.mark(flush)
	return m.Bytes()
}

// FuzzAnswer gives whatever a server may send to everything that reads it: it comes to an
// end, in time and in little memory, and what is read as a pack can be read.
func FuzzAnswer(f *testing.F) {
	id := plumbing.NewHash("0123456789abcdef0123456789abcdef01234567").String()
	tree := append([]byte("100644 f\x00"), bytes.Repeat([]byte{7}, 20)...)
	pack := makePack(piece{kind: plumbing.TreeObject, data: tree}, piece{kind: plumbing.BlobObject, data: []byte("a")},
		piece{kind: plumbing.OFSDeltaObject, back: 1, data: difference("a", "b")}, piece{kind: plumbing.REFDeltaObject, base: blobID("b"), data: difference("b", "c")})
	f.Add([]byte("0050" + id + " HEAD symref-target:refs/heads/main\n003d" + id + " refs/heads/main\n0000"))
	f.Add([]byte("000eversion 2\n0015agent=git/2.39.5\n0013ls-refs=unborn\n0027fetch=shallow wait-for-done filter\n0017object-format=sha1\n0000"))
	f.Add([]byte("001e# service=git-upload-pack\n0000009b" + id + " HEAD\x00multi_ack side-band-64k shallow filter symref=HEAD:refs/heads/main\n003d" + id + " refs/heads/main\n0000"))
	f.Add([]byte("0049ERR upload-pack: not our ref " + id + "\n"))
	f.Add(sideBanded(func(m *message) {
		m.line("shallow-info")
		m.line("shallow " + id)
		m.mark(delimiter)
		m.line("packfile")
	}, pack))
	f.Add(sideBanded(func(m *message) { m.line("shallow " + id); m.mark(flush); m.line("NAK") }, pack))
	f.Fuzz(func(t *testing.T, data []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = readRefs(bytes.NewReader(data), "refs/heads/main")
		_, _, _ = readAdvertisement(bytes.NewReader(data), "refs/heads/main")
		readFuzzed(ctx, t, data)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 512<<20 {
			t.Errorf("%d bytes took %d bytes of memory in all", len(data), taken)
		}
		if err := ctx.Err(); err != nil {
			t.Errorf("%d bytes took too long: %v", len(data), err)
		}
	})
}

// readFuzzed reads data as an answer with a pack, of either protocol.
func readFuzzed(ctx context.Context, t *testing.T, data []byte) {
	server := capability.NewList()
	if err := server.Set(capability.Sideband64k); err != nil {
		t.Fatal(err)
	}
	v2, errV2 := openV2(bytes.NewReader(data))
	v0, errV0 := openV0(bytes.NewReader(data), allOf(plumbing.ZeroHash), server)
	if errV2 != nil && errV0 != nil {
		return
	}
	if errV2 != nil {
		v2 = v0
	}
	p, err := readPack(ctx, v2, t.TempDir(), Limits{}.or())
	if err != nil {
		return
	}
	defer func() { _ = p.close() }()
	for _, e := range p.entries {
		o, err := p.unpack(e.offset)
		if err != nil && !errors.Is(err, errLarge) {
			t.Errorf("object %s: %v", e.id, err)
		}
		if err == nil && plumbing.ComputeHash(o.kind, o.data) != e.id {
			t.Errorf("object %s is another", e.id)
		}
		for _, err := range entriesOf(o.data) { // it ends, whatever the data
			_ = err
		}
	}
}

// wellFormed is a commit as git writes them: what each looks for stands in its place.
var wellFormed = regexp.MustCompile(`^tree [0-9a-f]{40}\n(parent [0-9a-f]{40}\n)*author [^\n]*\ncommitter [^\n]*\n`)

// FuzzCommit holds what is read of a commit against what go-git reads, where that reads it,
// which puts headers of several lines together and takes long for many of them.
func FuzzCommit(f *testing.F) {
	const who = " Ada <a@example.com> 1700000000 +0100\n"
	tree := "tree 0123456789abcdef0123456789abcdef01234567\n"
	f.Add([]byte(tree + "author" + who + "committer" + who + "\nsubject\n\nbody\n"))
	f.Add([]byte(tree + "parent 0123456789abcdef0123456789abcdef01234567\nauthor" + who + "committer" + who + "gpgsig -----BEGIN\n x\n \n y\nencoding ISO-8859-1\n\n"))
	f.Add([]byte(tree + "author \ncommitter x\nmergetag object x\n tree y\n\n\nm"))
	f.Add([]byte(tree + "author" + who + "committer" + who + "x " + strings.Repeat("h\n ", 30_000) + "\n\nm"))
	for _, text := range hostile.Texts() {
		f.Add([]byte(tree + "author " + text + who + "committer" + who + "x " + text + "\n\n" + text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c commit
		var err error
		fuzzing.Bounded(t, len(data), func() { c, err = readCommit(data) })
		if len(data) > 4096 || !wellFormed.Match(data) {
			return // of the one go-git makes too much, of the other everybody makes something else
		}
		encoded := new(plumbing.MemoryObject)
		encoded.SetType(plumbing.CommitObject)
		if _, err := encoded.Write(data); err != nil {
			t.Fatal(err)
		}
		var want object.Commit
		if want.Decode(encoded) != nil {
			return
		}
		if err != nil || c.tree != want.TreeHash || c.author.Name != want.Author.Name || !c.committer.When.Equal(want.Committer.When) || string(c.message) != want.Message {
			t.Errorf("read as %+v, %v; go-git reads %+v", c, err, want)
		}
	})
}
