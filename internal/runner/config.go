package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// configuration is what has to be known of a root module before terraform runs.
type configuration struct {
	backend string          // the type of its backend block; "cloud" for a cloud block; empty for neither
	where   string          // file and line of that block
	whole   map[string]bool // variables whose values are expressions rather than texts
	modules []call          // what it calls, in no order
}

// inspect reads the files of a root module. Its error is the first mistake, with file and line.
func inspect(dir string, flavor gitops.Flavor) (configuration, error) {
	c := configuration{whole: map[string]bool{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return c, fmt.Errorf("list configuration: %w", err)
	}
	parser, found := hclparse.NewParser(), false
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		// OpenTofu reads its own files beside Terraform's
		// (https://opentofu.org/docs/language/files/).
		name, parse := e.Name(), parser.ParseHCL
		switch {
		case strings.HasSuffix(name, ".tf"), flavor == gitops.FlavorTofu && strings.HasSuffix(name, ".tofu"):
		case strings.HasSuffix(name, ".tf.json"), flavor == gitops.FlavorTofu && strings.HasSuffix(name, ".tofu.json"):
			parse = parser.ParseJSON
		default:
			continue
		}
		found = true
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return c, fmt.Errorf("read configuration: %w", err)
		}
		file, problems := parse(data, name)
		if problems.HasErrors() {
			return c, mistake(problems)
		}
		if err := c.read(file); err != nil {
			return c, err
		}
	}
	if !found {
		return c, failed("the application's path has no configuration: no file there ends in .tf or .tf.json")
	}
	return c, nil
}

// mistake is the first error among what a parser found.
func mistake(problems hcl.Diagnostics) error {
	for _, p := range problems {
		if p.Severity != hcl.DiagError {
			continue
		}
		text := strings.TrimSuffix(p.Summary, ".")
		if p.Detail != "" {
			text += ": " + p.Detail
		}
		if p.Subject != nil {
			text = fmt.Sprintf("%s:%d: %s", p.Subject.Filename, p.Subject.Start.Line, text)
		}
		return failed("%s", gitops.Printable(text))
	}
	return failed("the configuration cannot be read")
}

// read takes what matters of one file. What is wrong but for its syntax is left to terraform,
// which says it better.
func (c *configuration) read(file *hcl.File) error {
	content, _, _ := file.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "terraform"}, {Type: "variable", LabelNames: []string{"name"}}, {Type: "module", LabelNames: []string{"name"}}}})
	for _, b := range content.Blocks {
		switch b.Type {
		case "variable":
			c.variable(b)
			continue
		case "module":
			c.modules = append(c.modules, called(b))
			continue
		}
		inner, _, _ := b.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
			{Type: "backend", LabelNames: []string{"type"}}, {Type: "cloud"}}})
		for _, kept := range inner.Blocks {
			c.backend, c.where = "cloud", fmt.Sprintf("%s:%d", kept.DefRange.Filename, kept.DefRange.Start.Line)
			if kept.Type == "backend" {
				c.backend = kept.Labels[0]
			}
		}
	}
	return nil
}

// variable notes how a variable's value is to be read: as terraform reads one of the command
// line, a text where its type is simple or not said, else an expression
// (https://developer.hashicorp.com/terraform/language/values/variables).
func (c *configuration) variable(b *hcl.Block) {
	content, _, _ := b.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "type"}}})
	kind, ok := content.Attributes["type"]
	if !ok {
		return
	}
	switch hcl.ExprAsKeyword(kind.Expr) {
	case "string", "number", "bool":
	default:
		c.whole[b.Labels[0]] = true
	}
}

// agrees refuses a configuration whose state would be kept elsewhere than its application says,
// or would end with the build.
func (c configuration) agrees(own bool) error {
	switch {
	case c.backend == "local":
		return failed("%s: the backend \"local\" would keep the state in a build, which ends: leave the block away, and it is kept for you, or name another", c.where)
	case own && c.backend == "":
		return blocked("the application was registered with a backend of its own, and its configuration has no backend or cloud block: its state would be lost")
	case !own && c.backend != "":
		return blocked("%s: the configuration has a %q backend, and the application was registered without one: its state would be in two places", c.where, c.backend)
	}
	return nil
}
