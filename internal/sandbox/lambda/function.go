package lambda

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/bootstrap"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// configuration is a function, or a published version of it, as Lambda's API shows it.
// A value once stored is never changed, only replaced.
type configuration struct {
	settings
	FunctionName     string
	FunctionArn      string
	Version          string
	Architectures    []string
	PackageType      string
	CodeSha256       string
	CodeSize         int64
	RevisionId       string
	State            string
	LastUpdateStatus string
	LastModified     string

	source code
	dir    string // the unpacked code
	from   string // of a version: the fingerprint of what was published
}

// fingerprint is equal where code and settings are.
func (c configuration) fingerprint() string {
	b, err := json.Marshal(c.settings)
	if err != nil {
		return c.RevisionId
	}
	return fmt.Sprint(c.CodeSha256, c.source.ImageURI, c.Architectures, string(b))
}

// function is all that belongs to one function name. The service's lock guards it.
type function struct {
	name     string
	latest   configuration
	versions []configuration
	counter  int // the last version's number; numbers are never given twice
	aliases  map[string]alias
	policies map[string][]permission       // by qualifier, "" for the function itself
	invokes  map[string]*eventInvokeConfig // by qualifier, "$LATEST" for the function itself
	reserved *int
	tags     map[string]string
	gate     *gate
	pools    map[string]*bootstrap.Pool // by revision
}

type createFunction struct {
	settings
	FunctionName                 string
	Code                         code
	Architectures                []string
	PackageType                  string
	Publish                      boolean
	Tags                         map[string]string
	ReservedConcurrentExecutions *integer
}

// create makes a function.
func (s *Service) create(ctx context.Context, in createFunction) (configuration, error) {
	name := parseReference(in.FunctionName).name
	s.mu.Lock()
	_, exists := s.functions[name]
	s.mu.Unlock()
	if exists {
		return configuration{}, conflict("Function already exist: %s", name)
	}
	c, err := s.configure(ctx, name, in)
	if err != nil {
		return configuration{}, err
	}
	f := &function{
		name: name, latest: c, aliases: map[string]alias{}, policies: map[string][]permission{},
		invokes: map[string]*eventInvokeConfig{}, tags: maps.Clone(in.Tags), gate: newGate(),
		pools: map[string]*bootstrap.Pool{},
	}
	if in.ReservedConcurrentExecutions != nil {
		f.reserved = new(int(*in.ReservedConcurrentExecutions))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.functions[name]; exists {
		return configuration{}, conflict("Function already exist: %s", name)
	}
	s.functions[name] = f
	if in.Publish {
		return s.publishLocked(f, "")
	}
	return c, nil
}

// configure checks all of a function's settings and takes in its code.
func (s *Service) configure(ctx context.Context, name string, in createFunction) (configuration, error) {
	in.setDefaults()
	in.PackageType = cmp.Or(in.PackageType, "Zip")
	if len(in.Architectures) == 0 {
		in.Architectures = []string{"x86_64"}
	}
	if len(in.Architectures) != 1 || !slices.Contains([]string{"x86_64", "arm64"}, in.Architectures[0]) {
		return configuration{}, invalid("Architectures must be one of x86_64 and arm64, not %v", in.Architectures)
	}
	if err := in.validate(in.PackageType); err != nil {
		return configuration{}, err
	}
	if err := s.checkDeadLetter(ctx, in.settings); err != nil {
		return configuration{}, err
	}
	d, err := s.take(ctx, in.Code)
	if err != nil {
		return configuration{}, err
	}
	return s.stamp(configuration{
		settings: in.settings, FunctionName: name, FunctionArn: s.arn(name, ""), Version: "$LATEST",
		Architectures: in.Architectures, PackageType: in.PackageType,
		CodeSha256: d.sha256, CodeSize: d.size, dir: d.dir, source: in.Code,
		State: "Active", LastUpdateStatus: "Successful",
	}), nil
}

// stamp marks a configuration as new.
func (s *Service) stamp(c configuration) configuration {
	c.RevisionId = wire.NewUUID()
	c.LastModified = s.config.Now().UTC().Format("2006-01-02T15:04:05.000-0700")
	c.source.ZipFile = nil
	return c
}

// replace puts a new configuration in the place of a function's latest one. Invocations
// under way end with the old code.
func (s *Service) replace(f *function, c configuration) configuration {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := f.latest.RevisionId
	f.latest = s.stamp(c)
	f.retire(old)
	return f.latest
}

func (f *function) retire(revision string) {
	if p := f.pools[revision]; p != nil {
		delete(f.pools, revision)
		go p.Retire()
	}
}

// close ends the function's processes and returns when they are gone. It takes them under
// the service's lock; the caller waits without.
func (f *function) close() (wait func()) {
	pools := f.pools
	f.pools = map[string]*bootstrap.Pool{}
	return func() {
		for _, p := range pools {
			p.Close()
		}
	}
}

// publish makes the latest configuration a version. One that is the same as the last
// version is that version, as on Lambda.
func (s *Service) publish(name, description string) (configuration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[parseReference(name).name]
	if f == nil {
		return configuration{}, s.noFunction(parseReference(name))
	}
	return s.publishLocked(f, description)
}

func (s *Service) publishLocked(f *function, description string) (configuration, error) {
	from := f.latest.fingerprint()
	if n := len(f.versions); n > 0 && f.versions[n-1].from == from {
		return f.versions[n-1], nil
	}
	f.counter++
	v := f.latest
	v.Version = strconv.Itoa(f.counter)
	v.FunctionArn = s.arn(f.name, v.Version)
	v.RevisionId, v.from = wire.NewUUID(), from
	v.Description = cmp.Or(description, v.Description)
	f.versions = append(f.versions, v)
	return v, nil
}

// remove deletes a function with all that belongs to it, or one version of it.
func (s *Service) remove(ref reference) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, c, err := s.findLocked(ref)
	if err != nil {
		return err
	}
	if ref.qualifier == "" {
		go f.close()()
		delete(s.functions, f.name)
		maps.DeleteFunc(s.urls, func(_ string, u *functionURL) bool { return u.function == f.name })
		return nil
	}
	if ref.qualifier != c.Version || c.Version == "$LATEST" {
		return invalid("$LATEST version and aliases cannot be deleted without deleting the function.")
	}
	for _, a := range f.aliases {
		if a.FunctionVersion == c.Version {
			return conflict("Version %s is used by alias %s", c.Version, a.Name)
		}
	}
	f.versions = slices.DeleteFunc(f.versions, func(v configuration) bool { return v.Version == c.Version })
	f.retire(c.RevisionId)
	return nil
}

// reference names a function and perhaps a version or an alias of it.
type reference struct{ name, qualifier string }

// parseReference reads a function's name or ARN, whole or partial, with or without a
// qualifier ("f", "f:live", "123456789012:function:f", "arn:aws:lambda:…:function:f:live").
func parseReference(s string) reference {
	if _, after, ok := strings.Cut(s, ":function:"); ok {
		s = after
	}
	name, qualifier, _ := strings.Cut(s, ":")
	return reference{name, qualifier}
}

// or fills in a qualifier that was given beside the name.
func (r reference) or(qualifier string) reference {
	r.qualifier = cmp.Or(r.qualifier, qualifier)
	return r
}

func (s *Service) arn(name, qualifier string) string {
	arn := fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", s.config.Region, s.config.Account, name)
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return arn
}

func (s *Service) noFunction(ref reference) error {
	return notFound("Function not found: %s", s.arn(ref.name, ref.qualifier))
}

// find returns a function and the configuration that the reference means.
func (s *Service) find(ref reference) (*function, configuration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.findLocked(ref)
}

func (s *Service) findLocked(ref reference) (*function, configuration, error) {
	f := s.functions[ref.name]
	if f == nil {
		return nil, configuration{}, s.noFunction(ref)
	}
	version := ref.qualifier
	if a, ok := f.aliases[version]; ok {
		version = a.FunctionVersion
	}
	if version == "" || version == "$LATEST" {
		return f, f.latest, nil
	}
	for _, v := range f.versions {
		if v.Version == version {
			return f, v, nil
		}
	}
	return nil, configuration{}, s.noFunction(ref)
}

// throttled is the answer where no more invocations may run.
func throttled() error {
	return &wire.Error{Code: "TooManyRequestsException", Message: "Rate Exceeded.", Status: http.StatusTooManyRequests}
}
