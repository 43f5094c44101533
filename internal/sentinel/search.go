package sentinel

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
)

// window is how many bytes a place is judged by before a secret is compared: fewer than any
// form of any secret has.
const window = 8

const (
	maxUnpacked = 64 << 20 // of one archive
	maxDepth    = 3        // archives in archives
	around      = 40       // bytes shown on each side of a leak
)

// needle is one form of one secret.
type needle struct {
	secret     Secret
	text, form string
}

// Searcher searches for the secrets that a vault held when it was made. It takes the same
// time for one secret as for a thousand.
type Searcher struct {
	begins  map[uint64][]needle
	perhaps [1 << 16]bool // by the first two bytes
}

// Searcher returns one for the secrets that are known so far.
func (v *Vault) Searcher() *Searcher {
	s := &Searcher{begins: map[uint64][]needle{}}
	for _, secret := range v.Secrets() {
		for text, form := range forms(secret.Value) {
			at := binary.LittleEndian.Uint64([]byte(text))
			s.begins[at] = append(s.begins[at], needle{secret, text, form})
			s.perhaps[uint16(at)] = true
		}
	}
	return s
}

// Search returns the leaks in an output: each secret once, in the first form that is found.
// Archives of zip, gzip and tar are looked into.
func (s *Searcher) Search(o Output) []Leak {
	found := map[string]Leak{}
	s.search(o, o.Where, o.Body, 0, found)
	var leaks []Leak
	for _, l := range found {
		leaks = append(leaks, l)
	}
	return leaks
}

func (s *Searcher) search(o Output, where string, body []byte, depth int, found map[string]Leak) {
	for i := 0; i+window <= len(body); i++ {
		if !s.perhaps[binary.LittleEndian.Uint16(body[i:])] {
			continue
		}
		for _, n := range s.begins[binary.LittleEndian.Uint64(body[i:])] {
			if _, known := found[n.secret.Name]; known || o.FilesOfGit && n.secret.InGit || !bytes.HasPrefix(body[i:], []byte(n.text)) {
				continue
			}
			found[n.secret.Name] = Leak{n.secret.Name, where, n.form, context(body, i, i+len(n.text))}
		}
	}
	if depth == maxDepth {
		return
	}
	for name, inner := range unpacked(body) {
		s.search(o, where+" > "+name, inner, depth+1, found)
	}
}

// context is what lies around a leak.
func context(body []byte, from, to int) string {
	return string(bytes.ToValidUTF8(body[max(0, from-around):from], []byte("?"))) + "***" +
		string(bytes.ToValidUTF8(body[to:min(len(body), to+around)], []byte("?")))
}

// unpacked returns what an archive holds, nothing where the body is none.
func unpacked(body []byte) map[string][]byte {
	out := map[string][]byte{}
	switch {
	case bytes.HasPrefix(body, []byte("\x1f\x8b")):
		if r, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			out["gzip"] = read(r)
		}
	case bytes.HasPrefix(body, []byte("PK\x03\x04")):
		r, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			return nil
		}
		for _, f := range r.File {
			if c, err := f.Open(); err == nil {
				out[f.Name] = read(c)
				_ = c.Close() // read to its end, or as far as it is one
			}
		}
	case len(body) > 262 && string(body[257:262]) == "ustar":
		for r := tar.NewReader(bytes.NewReader(body)); ; {
			h, err := r.Next()
			if err != nil {
				return out
			}
			out[h.Name] = read(r)
		}
	}
	return out
}

// read reads up to the cap: what of an archive is whole.
func read(r io.Reader) []byte {
	data, _ := io.ReadAll(io.LimitReader(r, maxUnpacked)) // a broken end hides nothing of what came before
	return data
}
