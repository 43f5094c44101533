package runner

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// What is downloaded is kept for later builds: terraform itself for those of its version, and for
// those of the same lock file its providers and its modules, an archive each, written once, after
// everything else of the build. Terraform's release is held to its maker's signature, and it holds
// providers to the lock file's hashes, wherever they come from, so that what was changed in the
// bucket is refused. Of modules nobody knows hashes: they are as trusted as the builds of their
// side, which alone can write there.

// MaxKept is how many bytes an archive that is kept may have.
const MaxKept = 1 << 30

// keeping is how long it may take to pack and upload what is kept.
const keeping = 10 * time.Minute

// kept are the limits of such an archive, unpacked. Permissions are kept as they are, since
// configurations can tell them (archive_file of hashicorp/archive packs them).
var kept = limits{"what an earlier build downloaded", 4 << 30, 100_000, 0o777}

// Names of what is kept: terraform itself, and directories below its own that init fills.
const (
	programDir   = "program"
	providersDir = "providers"
	modulesDir   = "modules"
)

// download is something that was downloaded, the directory that has it, and the key under which
// it is kept.
type download struct{ name, dir, key string }

// reused is what init takes of an earlier build.
type reused struct {
	some bool
	args []string // what init is told of it
}

// restore brings what an earlier build downloaded. Whatever is wrong with it, init can do without.
func (s *session) restore(ctx context.Context) reused {
	var r reused
	if s.Cache == nil || s.lock == nil {
		return r
	}
	downloads := []download{s.filled(providersDir, nil)}
	if calls, err := elsewhere(s.app, "", s.config, s.order.Terraform.Flavor); err == nil && len(calls) > 0 {
		downloads = append(downloads, s.filled(modulesDir, calls))
	}
	for _, d := range downloads {
		err := s.bringFor(ctx, d)
		switch {
		case errors.Is(err, reconcile.ErrNotFound):
			s.fresh = append(s.fresh, d)
		case err != nil:
			s.log.printf("the %s that an earlier build downloaded are not taken: %v\n", d.name, err)
		default:
			s.log.printf("the %s are those that an earlier build of this lock file downloaded\n", d.name)
			r.some = true
			if d.name == providersDir {
				// Without it init asks the registry for versions all the same
				// (terraform, internal/providercache/installer.go, EnsureProviderVersions).
				r.args = []string{"-plugin-dir=" + s.path(providersDir)}
			}
		}
	}
	return r
}

// filled is what init downloads for the lock file and the modules that are called.
func (s *session) filled(name string, calls []call) download {
	slices.SortFunc(calls, func(a, b call) int { return strings.Compare(a.Path, b.Path) })
	t := s.order.Terraform
	sum := sha256.New()
	// Of texts and bytes it has no error.
	_ = json.NewEncoder(sum).Encode([]any{s.lock, t.Flavor, t.Version, runtime.GOOS, runtime.GOARCH, calls})
	return download{name, s.path("terraform/" + name), build.CacheKey(s.job.Side, name+"/"+hex.EncodeToString(sum.Sum(nil))+".zip")}
}

// bring unpacks an archive to a directory that it makes.
func (s *session) bring(ctx context.Context, d download, to string) error {
	packed := s.path(d.name + ".zip")
	f, err := os.OpenFile(packed, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(packed)
	if err := errors.Join(s.Cache.GetFile(ctx, d.key, f), f.Close()); err != nil {
		return err
	}
	if err := kept.unpack(packed, to); err != nil {
		return errors.Join(err, os.RemoveAll(to))
	}
	return nil
}

// bringFor unpacks an archive to where init looks for it.
func (s *session) bringFor(ctx context.Context, d download) error {
	if d.name != modulesDir {
		return s.bring(ctx, d, s.path(d.name))
	}
	if err := os.MkdirAll(s.path("terraform"), 0o700); err != nil {
		return err
	}
	err := s.bring(ctx, d, d.dir)
	if err == nil {
		err = s.settle()
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(d.dir))
	}
	return nil
}

// forget removes what an earlier build downloaded.
func (s *session) forget() error {
	if err := errors.Join(os.RemoveAll(s.path(providersDir)), os.RemoveAll(s.path("terraform"))); err != nil {
		return fmt.Errorf("remove what an earlier build downloaded: %w", err)
	}
	return nil
}

// store keeps what init downloaded, if another build would find the very same. What goes wrong
// is a slower build some day.
func (s *session) store(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, keeping)
	defer cancel()
	for _, d := range s.fresh {
		if ctx.Err() != nil {
			return
		}
		began := s.Now()
		size, err := s.keepOne(ctx, d)
		if err != nil {
			s.Log.Info("what was downloaded is not kept", "what", d.name, "why", err.Error())
			continue
		}
		s.Log.Info("what was downloaded is kept", "what", d.name, "key", d.key, "bytes", size, "milliseconds", s.Now().Sub(began).Milliseconds())
	}
}

// keepOne packs a directory and uploads it. Its error says why it is not kept.
func (s *session) keepOne(ctx context.Context, d download) (size int64, err error) {
	instead := map[string][]byte{}
	switch d.name {
	case providersDir:
		err = s.locked(d.dir)
	case modulesDir:
		instead[manifest], err = s.portable()
	}
	if err != nil {
		return 0, err
	}
	f, err := os.OpenFile(s.path(d.name+".zip"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := kept.pack(ctx, d.dir, f, instead); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() > MaxKept {
		return 0, fmt.Errorf("it has %d bytes, and %d at most are kept", info.Size(), MaxKept)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	return info.Size(), s.Cache.PutFile(ctx, d.key, f)
}

// locked reports why the providers that init installed are not to be kept: a mirror on this
// machine has them, or the lock file has no hash by which a package that is unpacked could be
// told to be the one.
func (s *session) locked(root string) error {
	packages, err := filepath.Glob(filepath.Join(root, "*", "*", "*", "*", runtime.GOOS+"_"+runtime.GOARCH))
	if err != nil {
		return err
	}
	if len(packages) == 0 {
		return errors.New("none was installed")
	}
	for _, dir := range packages {
		name, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
			return fmt.Errorf("%s is a link into a mirror on this machine", name)
		}
		hash, err := packageHash(dir)
		if err != nil {
			return fmt.Errorf("hash %s: %w", name, err)
		}
		if !strings.Contains(string(s.lock), `"`+hash+`"`) {
			return fmt.Errorf("the lock file has no hash of %s: add it with \"terraform providers lock -platform=%s_%s\"", name, runtime.GOOS, runtime.GOARCH)
		}
	}
	return nil
}

// packageHash is the hash of an unpacked package as a lock file has it: that of a list of its
// files' hashes and names (https://developer.hashicorp.com/terraform/language/files/dependency-lock,
// "h1"; golang.org/x/mod/sumdb/dirhash, Hash1).
func packageHash(dir string) (string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	slices.Sort(names)
	list := sha256.New()
	for _, name := range names {
		sum, err := sumOf(name)
		if err != nil {
			return "", err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(list, "%s  %s\n", sum, filepath.ToSlash(relative))
	}
	return "h1:" + base64.StdEncoding.EncodeToString(list.Sum(nil)), nil
}
