package gitops

import "strings"

// The path of a property is a JSON pointer (RFC 6901): "/Tags/0/Value".

// PathStep returns a name as a path has it.
func PathStep(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// PathSteps divides a path into its names and positions. That of "" is one empty name.
func PathSteps(path string) []string {
	all := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, step := range all {
		all[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	}
	return all
}

// PathOf joins what PathSteps divides.
func PathOf(steps []string) string {
	var b strings.Builder
	for _, step := range steps {
		b.WriteString("/" + PathStep(step))
	}
	return b.String()
}
