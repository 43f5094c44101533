package fake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Store keeps records in memory. It also remembers the deliveries of webhooks.
type Store struct {
	Calls
	// Changed, if set before the first call, is told of every record of a repository, an
	// application or a deployment that is written: as it was, nil where there was none, and as
	// it is. It must neither change them nor call the store.
	Changed func(before, after any)
	// Copies, set before the first call, lets records be kept as copies of what was written
	// instead of as JSON: the same, as a test holds, and faster where many are written.
	Copies bool

	mu           sync.Mutex
	repositories records
	applications records
	deployments  records // by application/id
	latest       records // drift reports by application
	history      records // drift reports by application/time
	claims       map[reconcile.Claim]string
	deliveries   map[string]bool
}

var _ reconcile.Store = (*Store)(nil)

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{
		repositories: records{},
		applications: records{},
		deployments:  records{},
		latest:       records{},
		history:      records{},
		claims:       map[reconcile.Claim]string{},
		deliveries:   map[string]bool{},
	}
}

// call runs do alone, as the table runs one write.
func (s *Store) call(name string, do func() error) error {
	return s.run(name, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return do()
	})
}

// answer moves a record's version on when its write was answered; where the answer is lost,
// the caller knows no more than before.
func answer(err error, versions ...*int64) error {
	if err != nil {
		return err
	}
	for _, v := range versions {
		*v++
	}
	return nil
}

// records is a table of records.
type records map[string]entry

// entry is a record as JSON, or a copy of it: a version that was read is never changed by a
// later write to the value that was stored.
type entry struct {
	data    []byte // nil: value is a copy
	version int64
	value   any    // as it was read or stored, to be looked at only
	read    bool   // value is what data says
	grafted []byte // fields of another version of the program, which every write leaves
}

// put stores a record, and what another version of the program keeps beside it. Without the
// latter a copy is enough where the caller says so.
func put[T any](r records, key string, record T, copies bool) error {
	e := entry{version: version(record), value: record, grafted: r[key].grafted}
	if copies && len(e.grafted) == 0 {
		e.value, e.read = clone(record), true
		r[key] = e
		return nil
	}
	data, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	e.data = data
	if len(e.grafted) > 0 {
		e.data = slices.Concat(data[:len(data)-1], []byte(","), e.grafted, []byte("}"))
	}
	r[key] = e
	return nil
}

// text returns a record as JSON.
func (e entry) text() []byte {
	if e.data != nil {
		return e.data
	}
	data, _ := json.Marshal(e.value) // records have a JSON form
	return data
}

func version(record any) int64 {
	switch r := record.(type) {
	case gitops.Repository:
		return r.Version
	case gitops.Application:
		return r.Version
	case gitops.Deployment:
		return r.Version
	case notify.Notice:
		return r.Version
	}
	return 0
}

// change puts a record and tells of it.
func change[T any](s *Store, r records, key string, record T) error {
	before := r[key].value
	if err := put(r, key, record, s.Copies); err != nil {
		return err
	}
	if s.Changed != nil {
		s.Changed(before, r[key].value)
	}
	return nil
}

// check returns ErrConflict unless the stored version is the given one; zero means that
// there must be none.
func (r records) check(key string, version int64) error {
	if stored := r[key].version; stored != version {
		return fmt.Errorf("%s: stored version %d, not %d: %w", key, stored, version, reconcile.ErrConflict)
	}
	return nil
}

// read returns the record under a key; ErrNotFound.
func read[T any](r records, key string) (T, error) {
	var record T
	e, ok := r[key]
	if !ok {
		return record, fmt.Errorf("%s: %w", key, reconcile.ErrNotFound)
	}
	if !e.read {
		if err := json.Unmarshal(e.data, &record); err != nil {
			return record, fmt.Errorf("decode %s: %w", key, err)
		}
		e.value, e.read = record, true
		r[key] = e
	}
	return clone(e.value.(T)), nil
}

// Graft gives every record of an application, and of its deployments, fields that this
// version of the program does not know, as a JSON object's inside: `"later":1`. As in the
// table, whose updates name the attributes that they set, they stay through every write.
func (s *Store) Graft(application, fields string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	graft := func(r records, key string) {
		if e, there := r[key]; there && len(e.grafted) == 0 {
			data := e.text()
			e.grafted = []byte(fields)
			e.data, e.read = slices.Concat(data[:len(data)-1], []byte(","), e.grafted, []byte("}")), false
			r[key] = e
		}
	}
	graft(s.applications, application)
	for key := range s.deployments {
		if strings.HasPrefix(key, application+"/") {
			graft(s.deployments, key)
		}
	}
}

// Contains reports whether a text stands in any record.
func (s *Store) Contains(text string) (key string, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range []records{s.repositories, s.applications, s.deployments, s.latest, s.history} {
		for key, e := range r {
			if bytes.Contains(e.text(), []byte(text)) {
				return key, true
			}
		}
	}
	return "", false
}

// list returns the records whose keys begin with prefix, sorted by key.
func list[T any](r records, prefix string) ([]T, error) {
	var keys []string
	for key := range r {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	all := make([]T, 0, len(keys))
	for _, key := range keys {
		record, err := read[T](r, key)
		if err != nil {
			return nil, err
		}
		all = append(all, record)
	}
	return all, nil
}

// Repository implements reconcile.Repositories.
func (s *Store) Repository(_ context.Context, id string) (r gitops.Repository, err error) {
	err = s.call("Repository", func() error {
		r, err = read[gitops.Repository](s.repositories, id)
		return err
	})
	return r, err
}

// PutRepository implements reconcile.Repositories.
func (s *Store) PutRepository(_ context.Context, r *gitops.Repository) error {
	next := *r
	next.Version++
	err := s.call("PutRepository", func() error {
		if err := s.repositories.check(r.ID, r.Version); err != nil {
			return err
		}
		return change(s, s.repositories, r.ID, next)
	})
	return answer(err, &r.Version)
}

// ListRepositories implements reconcile.Repositories.
func (s *Store) ListRepositories(context.Context) (all []gitops.Repository, err error) {
	err = s.call("ListRepositories", func() error {
		all, err = list[gitops.Repository](s.repositories, "")
		slices.SortStableFunc(all, func(a, b gitops.Repository) int {
			return strings.Compare(a.URL+"\x00"+a.Branch, b.URL+"\x00"+b.Branch)
		})
		return err
	})
	return all, err
}

// DeleteRepository implements reconcile.Repositories.
func (s *Store) DeleteRepository(_ context.Context, id string) error {
	return s.call("DeleteRepository", func() error {
		delete(s.repositories, id)
		return nil
	})
}

// PutReport implements reconcile.Reports.
func (s *Store) PutReport(_ context.Context, r gitops.DriftReport) error {
	return s.call("PutReport", func() error {
		if r.News {
			if err := put(s.history, r.Application+"/"+r.At.UTC().Format("2006-01-02T15:04:05.000000000Z"), r, s.Copies); err != nil {
				return err
			}
		}
		before, err := read[gitops.DriftReport](s.latest, r.Application)
		if err == nil && before.At.After(r.At) {
			return nil
		}
		if err != nil && !errors.Is(err, reconcile.ErrNotFound) {
			return err
		}
		return put(s.latest, r.Application, r, s.Copies)
	})
}

// LatestReport implements reconcile.Reports.
func (s *Store) LatestReport(_ context.Context, application string) (r gitops.DriftReport, err error) {
	err = s.call("LatestReport", func() error {
		r, err = read[gitops.DriftReport](s.latest, application)
		return err
	})
	return r, err
}

// Reports returns every report of an application that was put, oldest first.
func (s *Store) Reports(application string) ([]gitops.DriftReport, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return list[gitops.DriftReport](s.history, application+"/")
}

// SeenDelivery reports whether a webhook's delivery was marked.
func (s *Store) SeenDelivery(_ context.Context, host, id string) (seen bool, err error) {
	err = s.call("SeenDelivery", func() error {
		seen = s.deliveries[host+"#"+id]
		return nil
	})
	return seen, err
}

// MarkDelivery remembers a webhook's delivery.
func (s *Store) MarkDelivery(_ context.Context, host, id string) error {
	return s.call("MarkDelivery", func() error {
		s.deliveries[host+"#"+id] = true
		return nil
	})
}
