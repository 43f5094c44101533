package packaging

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/template"
)

// Artefact is an object that the template names.
type Artefact struct {
	Key  string // prefix and hash of the content: an object of this key never has to be written again
	Size int64  // of what it is made from, in bytes
	// Data makes the object. It may be asked for again and gives the same bytes; what it
	// gave is not kept, so that only one artefact is in memory at a time.
	Data func() ([]byte, error)
}

// prefix begins every key, so that a bucket may serve for something else too.
const prefix = "artefacts/"

// maxUnpacked is what the code of a function and its layers may have, unpacked.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, deployment package
const maxUnpacked = 250 << 20

// tooLarge says that an archive would hold too much.
type tooLarge struct{ size int64 }

func (e tooLarge) Error() string {
	return fmt.Sprintf("its files have %d bytes; at most %d are allowed", e.size, maxUnpacked)
}

// pointerError says that a file is elsewhere.
type pointerError struct{ name string }

func (e pointerError) Error() string {
	return e.name + " is a pointer of Git LFS, whose file is not in git: keep the file itself in git"
}

// inMemory is an artefact whose content is small and already there.
func inMemory(data []byte, extension string) Artefact {
	sum := sha256.Sum256(data)
	return Artefact{Key: prefix + hex.EncodeToString(sum[:]) + extension, Size: int64(len(data)),
		Data: func() ([]byte, error) { return data, nil }}
}

// single is a file as it is.
func single(files fs.FS, name string) (Artefact, error) {
	sum := sha256.New()
	size, err := copyFile(files, name, sum)
	if err != nil {
		return Artefact{}, err
	}
	return Artefact{Key: prefix + hex.EncodeToString(sum.Sum(nil)) + path.Ext(name), Size: size,
		Data: func() ([]byte, error) { return fs.ReadFile(files, name) }}, nil
}

// member is a file of an archive.
type member struct {
	name, as   string
	size       int64
	executable bool
}

// archive is a folder, or one file, as a zip. Its key is made from the names, modes and
// contents of what is in it rather than from its bytes: another release of the compressor
// would write other bytes, and every function would be deployed anew for nothing.
func archive(files fs.FS, members []member) (Artefact, error) {
	sum, total := sha256.New(), int64(0)
	for _, m := range members {
		total += m.size
	}
	if total > maxUnpacked {
		return Artefact{}, tooLarge{total}
	}
	for _, m := range members {
		content := sha256.New()
		if _, err := copyFile(files, m.name, content); err != nil {
			return Artefact{}, err
		}
		mark(sum, []byte(m.as), []byte{mode(m)}, content.Sum(nil))
	}
	return Artefact{Key: prefix + hex.EncodeToString(sum.Sum(nil)) + ".zip", Size: total,
		Data: func() ([]byte, error) { return pack(files, members) }}, nil
}

func mode(m member) byte {
	if m.executable {
		return 'x'
	}
	return '-'
}

// mark adds fields to a hash, each after its length, so that no two lists of fields are alike.
func mark(sum hash.Hash, fields ...[]byte) {
	for _, f := range fields {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(f)))
		sum.Write(length[:])
		sum.Write(f)
	}
}

// pack makes an archive, twice: first to know its size, since a buffer that grew until all
// was in it would take more than twice the memory.
func pack(files fs.FS, members []member) ([]byte, error) {
	var size counter
	if err := write(files, members, &size); err != nil {
		return nil, err
	}
	buf := bytes.NewBuffer(make([]byte, 0, size))
	if err := write(files, members, buf); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// epoch is every file's time: the first that an archive can hold.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// write writes an archive in the order of its members. Modes are either of two, whatever
// the repository was checked out with.
func write(files fs.FS, members []member, to io.Writer) error {
	w := zip.NewWriter(to)
	for _, m := range members {
		header := &zip.FileHeader{Name: m.as, Method: zip.Deflate, Modified: epoch}
		header.SetMode(0o644)
		if m.executable {
			header.SetMode(0o755)
		}
		f, err := w.CreateHeader(header)
		if err != nil {
			return fmt.Errorf("pack %s: %w", m.name, err)
		}
		if _, err := copyFile(files, m.name, f); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("pack archive: %w", err)
	}
	return nil
}

// copyFile copies a file, unless Git LFS has it, and returns its size.
func copyFile(files fs.FS, name string, to io.Writer) (int64, error) {
	f, err := files.Open(name)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	if template.IsPointer(head[:n]) {
		return 0, pointerError{name}
	}
	size, err := io.Copy(to, io.MultiReader(bytes.NewReader(head[:n]), f))
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	return size, nil
}

// folder lists the files of a folder by name. What git keeps of itself is none of them.
func folder(files fs.FS, root string) ([]member, error) {
	var members []member
	err := fs.WalkDir(files, root, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == ".git":
			return fs.SkipDir
		case !e.Type().IsRegular():
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		as := name
		if root != "." {
			as = strings.TrimPrefix(name, root+"/")
		}
		members = append(members, member{name: name, as: as, size: info.Size(), executable: info.Mode()&0o111 != 0})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", root, err)
	}
	return members, nil
}

// isArchive reports whether a file is a zip: whether the record that ends one is in it.
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.16
func isArchive(data []byte) bool {
	const longest = 22 + 1<<16 // the record and its comment
	return bytes.Contains(data[max(0, len(data)-longest):], []byte("PK\x05\x06"))
}
