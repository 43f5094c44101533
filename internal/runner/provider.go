package runner

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"
)

// A provider takes longer to start, and to tell its schema, than most of what it then does; and
// plan, show and apply would each start it anew. So each provider is started once, from the
// package that init verified, and terraform is told where it listens, as for debugging
// (https://developer.hashicorp.com/terraform/plugin/debugging). A provider has one configuration
// at a time that way, which is why this is left where one might have two.

// cookie is what providers want to see before they serve (terraform-plugin-go, tfprotov5/server).
const cookie = "TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"

// handshake is how long a provider may take until it serves.
const handshake = 30 * time.Second

// reattach says where a provider listens, as terraform reads it.
type reattach struct {
	Protocol        string
	ProtocolVersion int
	Pid             int
	Test            bool // it outlives the call
	Addr            struct{ Network, String string }
}

// providers starts the providers that init installed, and returns the variable that tells
// terraform of them, nil where terraform is to start them itself.
func (s *session) providers(ctx context.Context) []string {
	programs, err := s.installed()
	if err != nil || len(programs) == 0 || !s.single() {
		return nil
	}
	where := map[string]reattach{}
	for source, program := range programs {
		r, err := s.serve(ctx, program)
		if err != nil {
			s.log.printf("%s is started by each call: %v\n", source, err)
			continue
		}
		where[source] = r
		s.log.printf("%s is started once for all calls\n", source)
	}
	data, err := json.Marshal(where)
	if err != nil || len(where) == 0 {
		return nil
	}
	return []string{"TF_REATTACH_PROVIDERS=" + string(data)}
}

// installed returns the programs of the providers that init installed, by their addresses. It
// installs host/namespace/type/version/os_arch/terraform-provider-….
func (s *session) installed() (map[string]string, error) {
	root := s.path("terraform/providers")
	found, err := filepath.Glob(filepath.Join(root, "*", "*", "*", "*", runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-*"))
	if err != nil {
		return nil, err
	}
	programs := map[string]string{}
	for _, program := range found {
		relative, err := filepath.Rel(root, program)
		if err != nil {
			return nil, err
		}
		source := strings.Join(strings.Split(filepath.ToSlash(relative), "/")[:3], "/")
		if programs[source] != "" {
			return nil, fmt.Errorf("%s has two programs", source)
		}
		programs[source] = program
	}
	return programs, nil
}

// single reports whether no provider can have more than one configuration: the root module alone
// configures any, each once, under no other name than its own.
func (s *session) single() bool {
	var modules struct{ Modules []struct{ Key, Dir string } }
	data, err := os.ReadFile(s.path("terraform/modules/modules.json"))
	if err == nil {
		err = json.Unmarshal(data, &modules)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false
	}
	seen := map[string]bool{}
	if !configuredOnce(s.app, true, seen) {
		return false
	}
	for _, m := range modules.Modules {
		dir := m.Dir
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(s.app, dir)
		}
		if m.Key != "" && !configuredOnce(dir, false, seen) {
			return false
		}
	}
	return true
}

// configuredOnce reports whether a module's files configure no provider a second time.
func configuredOnce(dir string, root bool, seen map[string]bool) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	parser := hclparse.NewParser()
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".tf.json") || strings.HasSuffix(e.Name(), ".tofu.json") {
			return false // of JSON this is left to terraform
		}
		if !strings.HasSuffix(e.Name(), ".tf") && !strings.HasSuffix(e.Name(), ".tofu") {
			continue
		}
		file, problems := parser.ParseHCLFile(filepath.Join(dir, e.Name()))
		if problems.HasErrors() || !once(file.Body, root, seen) {
			return false
		}
	}
	return true
}

// once reports whether a file configures no provider a second time, nor under another name.
func once(body hcl.Body, root bool, seen map[string]bool) bool {
	content, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "terraform"}, {Type: "provider", LabelNames: []string{"name"}}}})
	for _, b := range content.Blocks {
		if b.Type == "provider" {
			inner, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "alias"}, {Name: "for_each"}}})
			if !root || seen[b.Labels[0]] || len(inner.Attributes) > 0 {
				return false
			}
			seen[b.Labels[0]] = true
			continue
		}
		inner, _, _ := b.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "required_providers"}}})
		for _, required := range inner.Blocks {
			attributes, problems := required.Body.JustAttributes()
			if problems.HasErrors() {
				return false
			}
			for name, a := range attributes {
				if !namedSo(name, a.Expr) {
					return false
				}
			}
		}
	}
	return true
}

// namedSo reports whether a provider is required under the name of its type, without aliases.
func namedSo(name string, required hcl.Expression) bool {
	pairs, problems := hcl.ExprMap(required)
	if problems.HasErrors() {
		return true // a version alone, as before Terraform 0.13: the provider of that name
	}
	for _, p := range pairs {
		switch hcl.ExprAsKeyword(p.Key) {
		case "configuration_aliases":
			return false
		case "source":
			value, problems := p.Value.Value(nil)
			if problems.HasErrors() || value.Type() != cty.String || path.Base(value.AsString()) != name {
				return false
			}
		}
	}
	return true
}

// serve starts a provider and returns where it listens.
func (s *session) serve(ctx context.Context, program string) (reattach, error) {
	cmd := exec.Command(program)
	cmd.Dir = s.app
	cmd.Env = append(append([]string{}, s.env...), cookie, "PLUGIN_PROTOCOL_VERSIONS=5,6")
	apart(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return reattach{}, err
	}
	ended, began := make(chan struct{}), make(chan error, 1)
	go func() {
		_ = pinned(func() error {
			err := cmd.Start()
			began <- err
			if err != nil {
				return err
			}
			defer close(ended)
			<-s.over
			_ = cmd.Process.Kill() // it keeps nothing that terraform has not got
			return cmd.Wait()
		})
	}()
	if err := <-began; err != nil {
		return reattach{}, err
	}
	s.started = append(s.started, ended)
	line := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		text, _ := r.ReadString('\n')
		line <- text
		_, _ = io.Copy(io.Discard, r) // nobody waits for who reads
	}()
	select {
	case text := <-line:
		return greeted(text, cmd.Process.Pid)
	case <-ctx.Done():
		return reattach{}, ctx.Err()
	case <-time.After(handshake):
		return reattach{}, fmt.Errorf("it did not begin to serve within %s", handshake)
	}
}

// greeted reads the line by which a provider says that it serves: core version, protocol, network,
// address, "grpc" (go-plugin, docs/internals.md).
func greeted(line string, pid int) (reattach, error) {
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 5 || parts[0] != "1" || parts[4] != "grpc" {
		return reattach{}, fmt.Errorf("it does not serve as providers do")
	}
	protocol, err := strconv.Atoi(parts[1])
	if err != nil {
		return reattach{}, fmt.Errorf("it serves a protocol that is no number")
	}
	r := reattach{Protocol: "grpc", ProtocolVersion: protocol, Pid: pid, Test: true}
	r.Addr.Network, r.Addr.String = parts[2], parts[3]
	return r, nil
}
