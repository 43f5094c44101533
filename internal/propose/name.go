package propose

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// said are names of files and directories that say what is in them and not what it is for.
var said = []string{"", ".", "template", "templates", "main", "stack", "stacks", "cloudformation", "cfn", "cf", "index",
	"infra", "infrastructure", "deploy", "deployment", "deployments", "iac", "src", "terraform", "tf", "cdk", "sam", "apps", "app"}

// candidates returns what an application could be called, the shortest first: each says more
// than the one before. The words are those of its path, and those that tell it from others
// in the same directory.
func candidates(dir string, words ...string) []string {
	parts := slices.DeleteFunc(strings.Split(dir, "/"), func(p string) bool { return p == "." })
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(said, w) })
	if len(parts)+len(words) == 0 {
		return []string{"app"}
	}
	tail := len(parts)
	telling := func(p string) bool { return !slices.Contains(said, p) }
	for tail > 0 && !telling(parts[tail-1]) && (len(words) > 0 || slices.ContainsFunc(parts[:tail], telling)) {
		tail-- // a directory called "templates" adds nothing to the name of what is in it
	}
	var names []string
	from := max(tail-1, 0)
	if tail == 0 {
		from = tail
	}
	for ; from >= 0; from-- {
		names = append(names, clean(strings.Join(append(slices.Clone(parts[from:tail]), words...), "-")))
	}
	return names
}

// clean makes a text a name: a small letter, then up to 62 small letters, digits and hyphens.
func clean(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := strings.Trim(b.String(), "-")
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		s = strings.Trim("app-"+s, "-")
	}
	return strings.Trim(s[:min(len(s), 63)], "-")
}

// name gives each application the shortest of its names that no other wants, and numbers
// those that have none.
func name(all []Application) {
	wanted := map[string]int{}
	for _, a := range all {
		for _, n := range slices.Compact(slices.Clone(a.names)) {
			wanted[n]++
		}
	}
	taken := map[string]bool{}
	for i, a := range all {
		best := a.names[len(a.names)-1]
		for _, n := range a.names {
			if wanted[n] == 1 {
				best = n
				break
			}
		}
		all[i].Name = best
		for k := 2; taken[all[i].Name]; k++ {
			suffix := fmt.Sprintf("-%d", k)
			all[i].Name = strings.Trim(best[:min(len(best), 63-len(suffix))], "-") + suffix
		}
		taken[all[i].Name] = true
	}
}

// stem returns a file's name without what follows the first dot.
func stem(file string) string {
	base, _, _ := strings.Cut(path.Base(file), ".")
	return base
}
