package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// call is a module that a configuration calls.
type call struct{ Path, Source, Version string }

// called reads a call; a source that is no constant is empty.
func called(b *hcl.Block) call {
	c := call{Path: b.Labels[0]}
	content, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "source"}, {Name: "version"}}})
	for name, a := range content.Attributes {
		value, problems := a.Expr.Value(nil)
		if problems.HasErrors() || value.IsNull() || !value.IsKnown() || value.Type() != cty.String {
			continue
		}
		if name == "source" {
			c.Source = value.AsString()
		} else {
			c.Version = value.AsString()
		}
	}
	return c
}

// local reports whether a call is of a directory of the same package.
func (c call) local() bool {
	return strings.HasPrefix(c.Source, "./") || strings.HasPrefix(c.Source, "../")
}

var (
	exact = regexp.MustCompile(`^\s*=?\s*v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?\s*$`)
	fixed = regexp.MustCompile(`^([0-9a-f]{40}|(.*/)?v?\d+(\.\d+)+([-+][0-9A-Za-z.+-]+)?)$`)
)

// pinned reports whether a call is of the same module whenever it is downloaded: an exact version
// of a registry, a commit, or a tag that is a version. A branch goes on, and so does a range.
func (c call) pinned() bool {
	if c.Version != "" {
		return exact.MatchString(c.Version)
	}
	_, query, _ := strings.Cut(c.Source, "?")
	values, err := url.ParseQuery(query)
	return err == nil && fixed.MatchString(values.Get("ref"))
}

// elsewhere lists the modules that a configuration, and those of its own modules, call from
// elsewhere.
func elsewhere(dir, path string, c configuration, flavor gitops.Flavor) ([]call, error) {
	if strings.Count(path, ".") > maxDepth {
		return nil, errors.New("its modules call each other")
	}
	var calls []call
	for _, m := range c.modules {
		m.Path = path + m.Path
		if !m.local() {
			calls = append(calls, m)
			continue
		}
		inner := filepath.Join(dir, filepath.FromSlash(m.Source))
		read, err := inspect(inner, flavor)
		if err != nil {
			return nil, err
		}
		more, err := elsewhere(inner, m.Path+".", read, flavor)
		if err != nil {
			return nil, err
		}
		calls = append(calls, more...)
	}
	return calls, nil
}

// manifest is the file in which init notes where modules are; moved stands there, in what is
// kept, for the directory of modules, which is another one in each build.
const (
	manifest = "modules.json"
	moved    = ".terraform/modules/"
)

// portable returns the manifest of init's modules for another build, and why they are not to be
// kept: one of them may be another one by then.
func (s *session) portable() ([]byte, error) {
	return s.rewrite(func(dir string) (string, error) {
		inside := s.path("terraform/modules") + string(filepath.Separator)
		at := dir
		if !filepath.IsAbs(dir) {
			at = filepath.Join(s.app, dir)
		}
		c, err := inspect(at, s.order.Terraform.Flavor)
		if err != nil {
			return "", err
		}
		for _, m := range c.modules {
			if !m.local() && !m.pinned() {
				return "", fmt.Errorf("%s is not pinned to a version or a commit", gitops.Printable(m.Source))
			}
		}
		if below, ok := strings.CutPrefix(dir, inside); ok {
			return moved + filepath.ToSlash(below), nil
		}
		return dir, nil
	})
}

// settle says in a manifest that was kept where modules are now.
func (s *session) settle() error {
	data, err := s.rewrite(func(dir string) (string, error) {
		below, ok := strings.CutPrefix(dir, moved)
		switch {
		case ok && filepath.IsLocal(filepath.FromSlash(below)):
			return s.path("terraform/modules/" + below), nil
		case ok || filepath.IsAbs(dir):
			return "", fmt.Errorf("%s leads elsewhere", gitops.Printable(dir))
		}
		return dir, nil
	})
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("terraform/modules/"+manifest), data, 0o600)
}

// rewrite returns the manifest with other directories.
func (s *session) rewrite(to func(dir string) (string, error)) ([]byte, error) {
	data, err := os.ReadFile(s.path("terraform/modules/" + manifest))
	if err != nil {
		return nil, err
	}
	var noted struct{ Modules []map[string]string }
	if err := json.Unmarshal(data, &noted); err != nil {
		return nil, fmt.Errorf("decode %s: %w", manifest, err)
	}
	for _, m := range noted.Modules {
		if m["Dir"], err = to(m["Dir"]); err != nil {
			return nil, err
		}
	}
	return json.Marshal(noted)
}
