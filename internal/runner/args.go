package runner

import (
	"maps"
	"slices"
	"time"
)

// The arguments of each call, as lists: no shell sees them. Values of variables are not among
// them, nor is anything secret.

// initArgs begins. The backend's settings are given where it has none of its own. Where the lock
// file is committed, or was when the plan was made, nothing else than what it names is taken.
func initArgs(backend map[string]string, locked bool) []string {
	args := []string{"init", "-input=false", "-no-color"}
	if locked {
		args = append(args, "-lockfile=readonly")
	}
	for _, name := range slices.Sorted(maps.Keys(backend)) {
		args = append(args, "-backend-config="+name+"="+backend[name])
	}
	return args
}

func workspaceArgs(name string) []string {
	return []string{"workspace", "select", "-no-color", "-or-create=true", name}
}

// planArgs plans into a file; the exit code says whether there are changes
// (https://developer.hashicorp.com/terraform/cli/commands/plan, "-detailed-exitcode"). A look for
// drift writes nothing and takes no lock: what is rolled out meanwhile must not wait for it.
func planArgs(file string, refreshOnly bool, wait time.Duration, varFiles []string) []string {
	args := []string{"plan", "-input=false", "-no-color", "-detailed-exitcode"}
	if refreshOnly {
		args = append(args, "-lock=false", "-refresh-only")
	} else {
		args = append(args, "-lock-timeout="+wait.String())
	}
	args = append(args, "-out="+file)
	for _, f := range varFiles {
		args = append(args, "-var-file="+f)
	}
	return args
}

func applyArgs(file string, wait time.Duration) []string {
	return []string{"apply", "-input=false", "-no-color", "-lock-timeout=" + wait.String(), file}
}

func showArgs(file string) []string { return []string{"show", "-json", "-no-color", file} }

// pullArgs prints the state. To ask for the outputs alone would not tell what in them is sensitive.
func pullArgs() []string { return []string{"state", "pull", "-no-color"} }

// unlockArgs removes one lock: Terraform holds its id against the one that is there.
func unlockArgs(id string) []string { return []string{"force-unlock", "-force", id} }
