package codecommit

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const (
	branchPrefix = "refs/heads/"
	tagPrefix    = "refs/tags/"
)

// place is what names a repository: the same name may be in other accounts and regions.
type place struct{ account, region, name string }

// repository is one bare repository.
type repository struct {
	place
	id, description string
	tags            map[string]string
	created         time.Time
	dir             string
	pushing         sync.Mutex // held during a push, so that its changes are its own
}

func (r *repository) arn() string {
	return "arn:aws:codecommit:" + r.region + ":" + r.account + ":" + r.name
}

// refs returns the commit of every reference under the prefix, by full name. It reads git's
// files itself, for the sake of pushes, which ask twice: a process costs them 5 ms each time.
// A loose file has precedence over packed-refs (git-pack-refs(1)).
func (r *repository) refs(prefix string) (map[string]string, error) {
	refs := map[string]string{}
	add := func(name, commit string) {
		if strings.HasPrefix(name, prefix) && len(commit) == 40 {
			refs[name] = commit
		}
	}
	packed, err := os.ReadFile(filepath.Join(r.dir, "packed-refs"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read references: %w", err)
	}
	for line := range strings.Lines(string(packed)) {
		commit, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		add(name, commit)
	}
	err = filepath.WalkDir(filepath.Join(r.dir, "refs"), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // deleted meanwhile
		}
		if err != nil || e.IsDir() || strings.HasSuffix(path, ".lock") {
			return err
		}
		commit, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		add(filepath.ToSlash(strings.TrimPrefix(path, r.dir+string(filepath.Separator))), strings.TrimSpace(string(commit)))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read references: %w", err)
	}
	return refs, nil
}

// head is the reference that HEAD names, which need not be there.
func (r *repository) head() string {
	text, err := os.ReadFile(filepath.Join(r.dir, "HEAD"))
	name, symbolic := strings.CutPrefix(strings.TrimSpace(string(text)), "ref: ")
	if err != nil || !symbolic {
		return ""
	}
	return name
}

// defaultBranch is the branch that HEAD names, if it is there.
func (r *repository) defaultBranch() (string, bool) {
	refs, err := r.refs(branchPrefix)
	head := r.head()
	_, there := refs[head]
	return strings.TrimPrefix(head, branchPrefix), err == nil && there
}

// setDefault makes a branch the default one.
func (r *repository) setDefault(ctx context.Context, branch string) error {
	_, err := git(ctx, r.dir, "symbolic-ref", "HEAD", branchPrefix+branch)
	return err
}

// adoptDefault makes the first branch pushed the default one, as CodeCommit does (user
// guide, "Change branch settings").
func (r *repository) adoptDefault(ctx context.Context, refs map[string]string) error {
	if _, ok := refs[r.head()]; ok {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		if branch, ok := strings.CutPrefix(name, branchPrefix); ok {
			return r.setDefault(ctx, branch)
		}
	}
	return nil
}

// store holds the repositories of all accounts and regions.
type store struct {
	dir    string
	filter bool
	now    func() time.Time

	mu      *sync.Mutex
	byPlace map[place]*repository
}

func newStore(c Config) store {
	return store{dir: c.Dir, filter: c.Filter, now: c.Now, mu: &sync.Mutex{}, byPlace: map[place]*repository{}}
}

func (s store) create(ctx context.Context, at place, description string, tags map[string]string) (*repository, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.byPlace[at]; ok {
		return nil, &wire.Error{Code: "RepositoryNameExistsException", Message: "Repository named " + at.name + " already exists"}
	}
	r := &repository{place: at, id: newID(), description: description, tags: tags, created: s.now()}
	r.dir = filepath.Join(s.dir, r.id+".git")
	if err := s.makeBare(ctx, r.dir); err != nil {
		return nil, fmt.Errorf("create repository %s: %w", at.name, err)
	}
	s.byPlace[at] = r
	return r, nil
}

// makeBare writes the settings by which the repository serves: no filter unless asked for,
// any commit by its hash as CodeCommit advertises allow-*-sha1-in-want, and no garbage
// collection that would outlive the push that starts it.
func (s store) makeBare(ctx context.Context, dir string) error {
	if _, err := git(ctx, s.dir, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", dir); err != nil {
		return err
	}
	config, err := os.OpenFile(filepath.Join(dir, "config"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(config, "[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = %t\n"+
		"[receive]\n\tautogc = false\n[gc]\n\tauto = 0\n", s.filter)
	if closed := config.Close(); err == nil {
		err = closed
	}
	return err
}

func (s store) get(at place) (*repository, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.byPlace[at]
	if !ok {
		return nil, &wire.Error{Code: "RepositoryDoesNotExistException", Message: at.name + " does not exist"}
	}
	return r, nil
}

// named returns the account's repositories of that name in all regions, in their order.
func (s store) named(account, name string) []*repository {
	return s.where(func(at place) bool { return at.account == account && at.name == name })
}

// list returns the repositories of the account and region, by name.
func (s store) list(in place) []*repository {
	return s.where(func(at place) bool { return at.account == in.account && at.region == in.region })
}

func (s store) where(fits func(place) bool) []*repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*repository
	for at, r := range s.byPlace {
		if fits(at) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *repository) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.region, b.region))
	})
	return found
}

// remove returns the id of what it removed, empty when there was nothing.
func (s store) remove(at place) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.byPlace[at]
	if !ok {
		return "", nil
	}
	delete(s.byPlace, at)
	if err := os.RemoveAll(r.dir); err != nil {
		return "", fmt.Errorf("remove repository %s: %w", at.name, err)
	}
	return r.id, nil
}

// change renames and describes a repository.
func (s store) change(at place, name, description string) (*repository, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.byPlace[at]
	if !ok {
		return nil, &wire.Error{Code: "RepositoryDoesNotExistException", Message: at.name + " does not exist"}
	}
	to := place{at.account, at.region, name}
	if _, taken := s.byPlace[to]; taken && to != at {
		return nil, &wire.Error{Code: "RepositoryNameExistsException", Message: "Repository named " + name + " already exists"}
	}
	renamed := &repository{place: to, id: r.id, description: description, tags: r.tags, created: r.created, dir: r.dir}
	delete(s.byPlace, at)
	s.byPlace[to] = renamed
	return renamed, nil
}

var validName = regexp.MustCompile(`^[\w.-]{1,100}$`)

// checkName holds a name to what CodeCommit allows (API reference, CreateRepository).
func checkName(name string) error {
	switch {
	case name == "":
		return &wire.Error{Code: "RepositoryNameRequiredException", Message: "A repository name is required, but was not specified."}
	case !validName.MatchString(name) || strings.HasSuffix(name, ".git"):
		return &wire.Error{Code: "InvalidRepositoryNameException", Message: "The specified repository name is not valid: " + name}
	default:
		return nil
	}
}

func names(refs map[string]string) []string {
	short := []string{}
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		short = append(short, strings.TrimPrefix(name, branchPrefix))
	}
	return short
}

// git runs one git command in dir, without the person's own settings.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, gitEnv(dir)...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return string(out), nil
}

func gitEnv(home string) []string {
	return []string{"HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull}
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
