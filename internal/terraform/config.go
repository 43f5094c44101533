package terraform

import (
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// declared are the names of the arguments and blocks that a resource's configuration has.
type declared map[string]bool

// configured returns what is declared, by the address of the resource without its instances' keys.
func configured(p *tfjson.Plan) map[string]declared {
	all := map[string]declared{}
	if p.Config != nil {
		configuredIn(p.Config.RootModule, "", all, 0)
	}
	return all
}

func configuredIn(m *tfjson.ConfigModule, prefix string, into map[string]declared, depth int) {
	if m == nil || depth > maxDepth {
		return
	}
	for _, r := range m.Resources {
		if r == nil {
			continue
		}
		said := declared{}
		for name := range r.Expressions {
			said[name] = true
		}
		into[prefix+r.Type+"."+r.Name] = said
	}
	for name, call := range m.ModuleCalls {
		if call != nil {
			configuredIn(call.Module, prefix+"module."+name+".", into, depth+1)
		}
	}
}

// of returns what is declared of a changed resource, nil where the configuration does not have it.
func of(config map[string]declared, r *tfjson.ResourceChange) declared {
	module := withoutKeys(r.ModuleAddress)
	if module != "" {
		module += "."
	}
	return config[module+r.Type+"."+r.Name]
}

// withoutKeys takes the keys of instances out of an address: module.a["x"].module.b[0].
func withoutKeys(address string) string {
	var b strings.Builder
	inKey, quoted, escaped := false, false, false
	for _, r := range address {
		switch {
		case !inKey && r == '[':
			inKey = true
		case !inKey:
			b.WriteRune(r)
		case escaped:
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case !quoted && r == ']':
			inKey = false
		}
	}
	return b.String()
}
