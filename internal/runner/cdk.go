package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/runner/assembly"
)

// synthesise makes templates of a CDK app, publishes its assets and keeps the templates. It
// deploys nothing: each stack's template becomes a change set, elsewhere.
func (s *session) synthesise(ctx context.Context) error {
	if s.job.Kind != gitops.OperationPlan {
		return failed("the order asks for %q of a CDK app; plan is known", s.job.Kind)
	}
	if err := s.step("fetch", func() error { return s.fetch(ctx) }); err != nil {
		return err
	}
	if err := suited(s.app); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.order.CDK.Context)) {
		if name == "" || strings.Contains(name, "=") {
			return failed("cdk.context names %q: a name without = is allowed, since what follows one is the value", gitops.Printable(name))
		}
	}
	if err := s.settings(); err != nil {
		return err
	}
	s.env = cdkEnvironment(s.Lookup, s.env)
	if err := s.step("install", func() error { return s.installCDK(ctx) }); err != nil {
		return err
	}
	out := s.path("cdk.out")
	if err := s.step("synth", func() error { return s.cdk(ctx, synthArgs(out, s.order.CDK.Context)) }); err != nil {
		return err
	}
	root, err := os.OpenRoot(out)
	if err != nil {
		return failed("cdk synth wrote nothing: %v", err)
	}
	defer root.Close()
	made, err := assembly.Read(root.FS())
	if err != nil {
		return failed("what the app synthesised cannot be deployed: %v", err)
	}
	if made.Files > 0 {
		if err := s.step("publish", func() error { return s.cdk(ctx, publishArgs(out)) }); err != nil {
			return err
		}
	}
	return s.step("upload", func() error { return s.keepStacks(ctx, root.FS(), made.Stacks) })
}

// synthArgs synthesises every stack, those of stages too, into a directory. What the app says in
// cdk.json of everything else holds, as it does for cdk deploy: a template that differs from
// that one's in CDKMetadata alone would be a change of every stack that is there already.
func synthArgs(out string, values map[string]string) []string {
	args := []string{"synth", "--quiet", "--no-notices", "--no-color", "--output=" + out}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		args = append(args, "--context="+name+"="+values[name])
	}
	return append(args, "**")
}

// publishArgs publishes the assets of every stack of an assembly. The CDK's command line assumes
// the roles that the assembly names for it, from the target's role. The command is a new one, and
// has to be asked for by name (aws-cdk-cli, pull request 1020; 2.1100.0 has none).
func publishArgs(out string) []string {
	return []string{"publish-assets", "--unstable=publish-assets", "--no-notices", "--no-color", "--app=" + out, "**"}
}

// cdk runs a call of the CDK's command line.
func (s *session) cdk(ctx context.Context, args []string) error {
	r, err := s.tool(ctx, s.app, s.program, args, "cdk")
	if err != nil {
		return err
	}
	switch {
	case r.code == 0:
		return nil
	case strings.Contains(r.output, "Unknown command: publish-assets"):
		return failed("the CDK's command line that the app installs is too old to publish its assets: let it install aws-cdk %s", s.order.CDK.Version)
	}
	return failed("cdk %s: %s", args[0], appCause(r.output, s.app))
}

// keepStacks stores each stack's template, and reports the stacks with the keys of theirs.
func (s *session) keepStacks(ctx context.Context, files fs.FS, stacks []gitops.Stack) error {
	for i, stack := range stacks {
		data, err := fs.ReadFile(files, stack.Template)
		if err != nil {
			return fmt.Errorf("read template: %w", err)
		}
		sum := sha256.Sum256(data)
		stacks[i].Template = s.job.StackKey(hex.EncodeToString(sum[:]))
		if _, err := s.Blobs.PutNew(ctx, stacks[i].Template, data); err != nil {
			return fmt.Errorf("keep template of %s: %w", stack.Name, err)
		}
	}
	s.report.Stacks, s.report.Outcome = stacks, build.OutcomeSynthesised
	return nil
}
