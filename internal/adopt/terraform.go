package adopt

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// module is the root module of a Terraform configuration, with its variable files.
type module struct{ files map[string]*hclFile }

// address is that of a resource in a configuration: of a module, and of one of several.
var address = regexp.MustCompile(`^(module\..*\.)?([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)(\[.*\])?$`)

// terraform writes back one attribute of a resource.
func (a *adopter) terraform(c Change) {
	parts := address.FindStringSubmatch(c.Resource)
	switch {
	case parts == nil:
		c.Reason = "it is no resource of the configuration"
	case parts[1] != "":
		c.Reason = "it is made by the module " + strings.TrimSuffix(parts[1], ".") + ", which others may use with other values"
	case parts[4] != "":
		c.Reason = "it is one of several that count or for_each makes of one block"
	default:
		if err := a.load(); err != nil {
			c.Reason = err.Error()
			break
		}
		a.attribute(&c, parts[2], parts[3])
	}
	if c.Reason != "" {
		a.leave(c)
		return
	}
	a.written = append(a.written, c)
}

// load reads the configuration, once.
func (a *adopter) load() error {
	if a.hcl != nil {
		return nil
	}
	entries, err := fs.ReadDir(a.files, a.settings.Path)
	if err != nil {
		a.broken = fmt.Errorf("read %s: %w", a.settings.Path, err)
		return a.broken
	}
	m := &module{files: map[string]*hclFile{}}
	for _, e := range entries {
		name := e.Name()
		tofu := a.settings.Terraform != nil && a.settings.Terraform.Flavor == gitops.FlavorTofu && strings.HasSuffix(name, ".tofu")
		if e.IsDir() || !strings.HasSuffix(name, ".tf") && !tofu {
			continue
		}
		if _, err := m.open(a, path.Join(a.settings.Path, name)); err != nil {
			return err
		}
	}
	a.hcl = m
	return nil
}

// open reads and parses one file of HCL.
func (m *module) open(a *adopter, name string) (*hclFile, error) {
	if f := m.files[name]; f != nil {
		return f, nil
	}
	data, err := a.read(name)
	if err != nil {
		return nil, err
	}
	f := &hclFile{name: name, before: data, now: data}
	if f.body, err = parseHCL(name, data); err != nil {
		return nil, err
	}
	m.files[name] = f
	return f, nil
}

// block returns the block with a type and labels, and the file that it stands in.
func (m *module) block(kind string, labels ...string) (*hclFile, *hclsyntax.Block) {
	for _, f := range m.files {
		for _, b := range f.body.Blocks {
			if b.Type == kind && slices.Equal(b.Labels, labels) {
				return f, b
			}
		}
	}
	return nil, nil
}

// attribute edits one attribute of a resource, or says in c why it cannot be.
func (a *adopter) attribute(c *Change, kind, name string) {
	f, block := a.hcl.block("resource", kind, name)
	if block == nil {
		c.Reason = fmt.Sprintf("it does not stand in the configuration in %s/", a.settings.Path)
		return
	}
	c.File, c.Line = f.name, block.DefRange().Start.Line
	for _, loop := range []string{"count", "for_each"} {
		if block.Body.Attributes[loop] != nil {
			c.Reason = loop + " makes several of it"
			return
		}
	}
	key := []string{"resource", kind, name}
	body, rest := block.Body, gitops.PathSteps(c.Path)
	for {
		key = append(key, rest[0])
		if found := body.Attributes[rest[0]]; found != nil {
			c.Line = found.SrcRange.Start.Line
			e := &expression{adopter: a, file: f, change: c, key: strings.Join(key, "."), attribute: found}
			e.edit(found.Expr, rest[1:])
			return
		}
		below, why := inner(body, rest)
		if why != "" {
			c.Reason = why
			return
		}
		body, rest, key = below.Body, rest[2:], append(key, "0")
	}
}

// inner returns the one block that a path leads into.
func inner(body *hclsyntax.Body, path []string) (*hclsyntax.Block, string) {
	var found []*hclsyntax.Block
	for _, b := range body.Blocks {
		switch {
		case b.Type == "dynamic" && len(b.Labels) > 0 && b.Labels[0] == path[0]:
			return nil, "a dynamic block makes it"
		case b.Type == path[0]:
			found = append(found, b)
		}
	}
	switch {
	case len(found) == 0:
		return nil, "the configuration does not set it: a default, or the provider, decides it"
	case len(path) < 3:
		return nil, "blocks of that name stand there, as a whole"
	case len(found) > 1 || path[1] != "0":
		return nil, fmt.Sprintf("there are %d blocks of that name, or were: which of them is meant is not certain", len(found))
	}
	return found[0], ""
}

// variable edits the value of a variable where it gives one attribute and nothing else.
func (a *adopter) variable(c *Change, name string) {
	t := a.settings.Terraform
	if t == nil {
		t = &gitops.Terraform{}
	}
	_, declared := a.hcl.block("variable", name)
	_, given := t.Vars[name]
	_, secret := t.Secrets[name]
	uses := a.hcl.uses(name)
	switch {
	case declared != nil && declared.Body.Attributes["sensitive"] != nil, secret:
		c.Reason = fmt.Sprintf("the variable %s gives it, which is secret", name)
	case given:
		c.Reason = fmt.Sprintf("the variable %s gives it, by driftless.yaml", name)
	case uses > 1:
		c.Reason = fmt.Sprintf("the variable %s gives it, and is used elsewhere too", name)
	default:
		c.Reason = a.assign(c, t.VarFiles, name)
	}
}

// assign edits a variable in the last of the files that has it.
func (a *adopter) assign(c *Change, files []string, name string) string {
	for _, file := range slices.Backward(files) {
		file = path.Join(a.settings.Path, file)
		if strings.HasSuffix(file, ".json") {
			if found, why := a.assignJSON(c, file, name); found {
				return why
			}
			continue
		}
		f, err := a.hcl.open(a, file)
		if err != nil {
			return err.Error()
		}
		found := f.body.Attributes[name]
		if found == nil {
			continue
		}
		c.File, c.Line, c.Reason = f.name, found.SrcRange.Start.Line, ""
		e := &expression{adopter: a, file: f, change: c, key: name, attribute: found, last: true}
		e.edit(found.Expr, nil)
		return c.Reason
	}
	return fmt.Sprintf("the variable %s gives it, and none of the application's varFiles does", name)
}

// assignJSON edits a variable in a file of JSON, if it stands there.
func (a *adopter) assignJSON(c *Change, file, name string) (found bool, why string) {
	d, err := a.open(file)
	if err != nil {
		return true, err.Error()
	}
	s := d.now.At(name)
	if s.Line == 0 || s.Missing > 0 {
		return false, ""
	}
	c.File, c.Line = file, s.Line
	e := &editor{document: d}
	e.written = func([]string, any, any, int) {}
	e.left = func(_ []string, _, _ any, _ int, reason string) { why = reason }
	declared, live := sides(*c)
	e.edit([]string{name}, declared, live)
	return true, why
}

// uses counts the places that a variable is used in, outputs and its own block aside.
func (m *module) uses(name string) int {
	n := 0
	for _, f := range m.files {
		for _, b := range f.body.Blocks {
			if b.Type == "output" || b.Type == "variable" {
				continue
			}
			_ = hclsyntax.VisitAll(b.Body, func(node hclsyntax.Node) hcl.Diagnostics {
				if t, ok := node.(*hclsyntax.ScopeTraversalExpr); ok && variableOf(t) == name {
					n++
				}
				return nil
			})
		}
	}
	return n
}

// variableOf returns the name of the variable that a traversal begins with, or nothing.
func variableOf(t *hclsyntax.ScopeTraversalExpr) string {
	if len(t.Traversal) < 2 || t.Traversal.RootName() != "var" {
		return ""
	}
	step, _ := t.Traversal[1].(hcl.TraverseAttr)
	return step.Name
}

// sides returns both sides of a difference of Terraform's, which writes an empty text as "".
func sides(c Change) (declared, live any) {
	side := func(text string) any {
		if text == `""` {
			return ""
		}
		return valueOf(text, true)
	}
	return side(c.Declared), side(c.Live)
}

// indexOf returns the index that a step is, -1 where it is none.
func indexOf(step string) int {
	i, err := strconv.Atoi(step)
	if err != nil || i < 0 {
		return -1
	}
	return i
}
