package reconcile

import (
	"io/fs"
	"sync"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// readFiles keeps what configuration files hold, for the next look at their repository by this
// process: most commits change none of them. A file is known by its repository and the id of its
// object, which says what is in it. It is safe for concurrent use.
type readFiles struct {
	mu    sync.Mutex
	files map[string][]byte
	bytes int
}

// maxReadFiles is how many bytes are kept, of all repositories.
const maxReadFiles = 2 << 20

// get returns a file that nobody may change. That without a key is never kept.
func (f *readFiles) get(key string) ([]byte, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, read := f.files[key]
	return data, read
}

// put keeps a file. Where that would be too much it forgets the others.
func (f *readFiles) put(key string, data []byte) {
	if key == "" || len(data) > maxReadFiles/8 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, read := f.files[key]; read {
		return
	}
	if f.bytes += len(data); f.files == nil || f.bytes > maxReadFiles {
		f.files, f.bytes = map[string][]byte{}, len(data)
	}
	f.files[key] = data
}

// whichFile is the key of a regular file, nothing where there is none: what a link leads to is not
// in its object.
func whichFile(repo gitops.Repository, s Snapshot, name string) string {
	info, err := fs.Stat(s.Tree(), name)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	object, err := s.Object(name)
	if err != nil {
		return ""
	}
	return repo.ID + "/" + object
}
