package git

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// abilities is what a server can do, as far as it matters here.
type abilities struct {
	v2     bool
	filter bool             // it leaves files out
	byID   bool             // it gives files by their ids
	v0     *capability.List // of a server that does not speak v2
}

// partial reports whether the server sends trees without files, and files by their ids.
func (a abilities) partial() bool { return a.filter && a.byID }

// references is what a server has, as far as it was asked.
type references struct {
	commit string // that the tracked reference stands at; empty: there is none
	trunk  string // the default branch; empty where it is not told, or has no commit
}

// ask is what is wanted of a server.
type ask struct {
	wants   []plumbing.Hash
	shallow bool // commits without their history
	trees   bool // without files
}

// treesOf asks for a commit and its trees, without files.
func treesOf(commit plumbing.Hash) ask {
	return ask{wants: []plumbing.Hash{commit}, shallow: true, trees: true}
}

// allOf asks for a commit and everything in it.
func allOf(commit plumbing.Hash) ask { return ask{wants: []plumbing.Hash{commit}, shallow: true} }

// lsRefs is the v2 command that asks for one reference, and for HEAD, which says what to
// look for where that one is gone (gitprotocol-v2, "ls-refs").
func lsRefs(ref string) []byte {
	var m message
	m.line("command=ls-refs")
	m.mark(delimiter)
	m.line("peel")
	m.line("symrefs")
	m.line("ref-prefix HEAD")
	m.line("ref-prefix " + ref)
	m.mark(flush)
	return m.Bytes()
}

// readRefs reads the answer to lsRefs. A prefix matches longer names as well.
func readRefs(r io.Reader, ref string) (references, error) {
	var found references
	l := &lines{r: r}
	for {
		line, kind, err := l.next()
		if err != nil {
			return found, err
		}
		if kind == flush {
			return found, nil
		}
		fields := strings.Fields(string(line))
		if kind != text || len(fields) < 2 || !isCommit(fields[0]) {
			return found, errMalformed
		}
		switch fields[1] {
		case "HEAD":
			found.trunk = attribute(fields[2:], "symref-target:refs/heads/")
		case ref:
			found.commit = fields[0]
			if peeled := attribute(fields[2:], "peeled:"); isCommit(peeled) { // of an annotated tag
				found.commit = peeled
			}
		}
	}
}

func attribute(fields []string, prefix string) string {
	for _, f := range fields {
		if value, found := strings.CutPrefix(f, prefix); found {
			return value
		}
	}
	return ""
}

// fetchV2 is the v2 command for objects (gitprotocol-v2, "fetch").
func fetchV2(a ask) []byte {
	var m message
	m.line("command=fetch")
	m.mark(delimiter)
	m.line("ofs-delta")
	m.line("no-progress")
	for _, id := range a.wants {
		m.line("want " + id.String())
	}
	if a.shallow {
		m.line("deepen 1")
	}
	if a.trees {
		m.line("filter " + string(packp.FilterBlobNone()))
	}
	m.line("done")
	m.mark(flush)
	return m.Bytes()
}

// openV2 reads the answer to fetchV2 up to its pack, and returns that.
func openV2(r io.Reader) (io.Reader, error) {
	l := &lines{r: r}
	for {
		line, kind, err := l.next()
		switch {
		case err != nil:
			return nil, err
		case kind == text && string(line) == "packfile\n":
			return &sideBand{lines: l}, nil
		case kind == text, kind == delimiter: // shallow-info
		default:
			return nil, errMalformed
		}
	}
}

// offered is what this package can do of what a v0 server can. CodeCommit (and Azure DevOps)
// answer only clients that offer multi_ack (fluxcd/pkg#576), though without a "have" there is
// nothing to acknowledge.
var offered = [][]capability.Capability{
	{capability.MultiACKDetailed, capability.MultiACK},
	{capability.Sideband64k, capability.Sideband},
	{capability.OFSDelta}, {capability.NoProgress}, {capability.Shallow},
}

// fetchV0 is the request for objects of protocol v0 (gitprotocol-pack, "Packfile Negotiation").
func fetchV0(a ask, server *capability.List) []byte {
	var both []string
	for _, alternatives := range offered {
		for _, c := range alternatives {
			if server.Supports(c) {
				both = append(both, c.String())
				break
			}
		}
	}
	if a.trees {
		both = append(both, capability.Filter.String())
	}
	var m message
	for i, id := range a.wants {
		if i == 0 {
			m.line("want " + id.String() + " " + strings.Join(both, " "))
			continue
		}
		m.line("want " + id.String())
	}
	if a.shallow {
		m.line("deepen 1")
	}
	if a.trees {
		m.line("filter " + string(packp.FilterBlobNone()))
	}
	m.mark(flush)
	m.line("done")
	return m.Bytes()
}

// openV0 reads the answer to fetchV0 up to its pack, and returns that.
func openV0(r io.Reader, a ask, server *capability.List) (io.Reader, error) {
	l := &lines{r: r}
	for shallow := a.shallow; shallow; {
		line, kind, err := l.next()
		if err != nil {
			return nil, err
		}
		if kind == text && !bytes.HasPrefix(line, []byte("shallow ")) && !bytes.HasPrefix(line, []byte("unshallow ")) {
			return nil, errMalformed
		}
		shallow = kind != flush
	}
	line, kind, err := l.next()
	if err != nil {
		return nil, err
	}
	if kind != text || string(line) != "NAK\n" {
		return nil, errMalformed
	}
	if server.Supports(capability.Sideband64k) || server.Supports(capability.Sideband) {
		return &sideBand{lines: l}, nil
	}
	return r, nil
}

// readAdvertisement reads what a server says of itself when it is asked for nothing else
// (gitprotocol-http, "Smart Clients"; gitprotocol-v2, "Capability Advertisement"). One of
// protocol v0 lists all its references at once.
func readAdvertisement(r io.Reader, ref string) (abilities, references, error) {
	in := bufio.NewReaderSize(r, 256)
	if _, err := in.Peek(1); err != nil {
		return abilities{}, references{}, errSilent
	}
	skip(in, "001e# service=git-upload-pack\n0000")
	if skip(in, "000eversion 2\n") {
		can, err := readCapabilities(in)
		return can, references{}, err
	}
	skip(in, "000eversion 1\n") // which is v0 but for this line
	var all packp.AdvRefs
	all.Capabilities = capability.NewList()
	all.References, all.Peeled = make(map[string]plumbing.Hash), make(map[string]plumbing.Hash)
	err := all.Decode(in)
	var odd *packp.ErrUnexpectedData
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs):
		err = nil
	case errors.As(err, &odd) && bytes.Contains(odd.Data, []byte("object-format=sha256")): // whose ids are longer
		return abilities{}, references{}, otherIDs("sha256")
	case errors.As(err, &odd):
		return abilities{}, references{}, fmt.Errorf("%w: %s", errMalformed, odd.Msg)
	case err != nil:
		return abilities{}, references{}, fmt.Errorf("read list of references: %w", early(err))
	}
	can := abilities{v0: all.Capabilities, filter: all.Capabilities.Supports(capability.Filter),
		byID: all.Capabilities.Supports(capability.AllowReachableSHA1InWant)}
	var found references
	if id, ok := all.References[ref]; ok {
		found.commit = id.String()
	}
	if id, ok := all.Peeled[ref]; ok {
		found.commit = id.String()
	}
	for _, link := range all.Capabilities.Get(capability.SymRef) {
		if trunk, ok := strings.CutPrefix(link, "HEAD:refs/heads/"); ok {
			found.trunk = trunk
		}
	}
	return can, found, err
}

// otherIDs says that a repository has ids that are none of SHA-1's.
func otherIDs(kind string) error {
	return &PathError{Path: ".", Why: fmt.Sprintf("its objects have ids of the kind %q; only sha1 is read", gitops.Printable(kind))}
}

// skip reads over a text, if that is what comes next.
func skip(in *bufio.Reader, text string) bool {
	next, _ := in.Peek(len(text)) // what is wrong is said by whoever reads on
	if string(next) != text {
		return false
	}
	_, err := in.Discard(len(text))
	return err == nil
}

// readCapabilities reads those of a v2 server. It gives every object by its id.
func readCapabilities(r io.Reader) (abilities, error) {
	can := abilities{v2: true, byID: true}
	l := &lines{r: r}
	for {
		line, kind, err := l.next()
		if err != nil {
			return can, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), "=")
		switch {
		case kind == flush:
			return can, nil
		case name == "object-format" && value != "sha1":
			return can, otherIDs(value)
		case name == "fetch":
			for _, feature := range strings.Fields(value) {
				can.filter = can.filter || feature == "filter"
			}
		}
	}
}
