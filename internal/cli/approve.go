package cli

import (
	"bufio"
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

func approveCommand(f *flags) *cobra.Command {
	var digest string
	var yes bool
	c := one(f, "approve", "Say yes to the plan that waits: exactly that plan is applied", func(ctx context.Context, api *client, app string) error {
		whole, err := waiting(ctx, f, api, app, digest, yes)
		if err != nil {
			return err
		}
		var d gitops.Deployment
		if err := api.postOf(ctx, app, "approve", map[string]string{"digest": whole}, &d); err != nil {
			return err
		}
		next := fmt.Sprintf("'driftless status %s --watch' follows it", app)
		if v, err := api.application(ctx, app); err == nil && v.Application.Suspended != nil { // it is approved even if nobody can tell more
			next = fmt.Sprintf("it starts when it is resumed: 'driftless resume %s'", app)
		}
		return f.print(d, func() string { return fmt.Sprintf("%s  plan %s approved; %s\n", app, gitops.Short(whole), next) })
	})
	c.Flags().StringVar(&digest, "digest", "", "the plan's digest, or its beginning; without it the plan is shown first")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "approve the plan that waits without asking")
	return c
}

func rejectCommand(f *flags) *cobra.Command {
	var digest, reason string
	c := one(f, "reject", "Say no to the plan that waits", func(ctx context.Context, api *client, app string) error {
		whole, err := waiting(ctx, f, api, app, digest, true)
		if err != nil {
			return err
		}
		var d gitops.Deployment
		body := map[string]string{"digest": whole, "reason": reason}
		if err := api.postOf(ctx, app, "reject", body, &d); err != nil {
			return err
		}
		return f.print(d, func() string { return fmt.Sprintf("%s  plan %s rejected\n", app, gitops.Short(whole)) })
	})
	c.Flags().StringVar(&digest, "digest", "", "the plan's digest, or its beginning; without it whatever waits")
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return c
}

var digestPattern = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// waiting returns the digest of the plan that waits, or the one that was given in full. A
// person sees the plan and is asked, unless yes says otherwise.
func waiting(ctx context.Context, f *flags, api *client, app, digest string, yes bool) (string, error) {
	switch {
	case digest != "" && !digestPattern.MatchString(digest):
		return "", usage(fmt.Errorf("--digest %q: must be 7 to 64 hexadecimal digits, as 'driftless diff %s' shows", digest, app))
	case len(digest) == 64:
		return digest, nil
	}
	var d gitops.Diff
	if err := api.getOf(ctx, app, "/diff", &d); err != nil {
		return "", err
	}
	switch {
	case d.Deployment == nil:
		return "", fmt.Errorf("%s has nothing that waits for an approval", app)
	case d.Plan == nil || d.Deployment.Phase != gitops.PhaseAwaitingApproval:
		return "", fmt.Errorf("%s has nothing that waits for an approval: deployment %s is %s", app, d.Deployment.ID, d.Deployment.Phase)
	case digest != "" && !strings.HasPrefix(d.Plan.Digest, digest):
		return "", fmt.Errorf("the plan of %s is %s, not %s: look at it with 'driftless diff %s'", app, gitops.Short(d.Plan.Digest), gitops.Short(digest), app)
	case digest != "" || yes:
		return d.Plan.Digest, nil
	case !f.TtyIn:
		return "", usage(fmt.Errorf("nobody can be asked, since standard input is not a terminal: "+
			"look at 'driftless diff %s', then give --digest %s, or --yes for whatever waits", app, gitops.Short(d.Plan.Digest)))
	}
	fmt.Fprint(f.Stderr, render.Plan(*d.Deployment, *d.Plan, f.ColorErr)+"\nApply exactly this plan? [y/N] ")
	if answer := f.answer(ctx); answer != "y" && answer != "yes" {
		return "", &exitError{ExitFailed, fmt.Errorf("not approved")}
	}
	return d.Plan.Digest, nil
}

// answer reads one line, in lower case. An end of input and an interruption are no answer.
func (f *flags) answer(ctx context.Context) string {
	lines := make(chan string, 1)
	go func() { // reading a terminal cannot be interrupted; the program ends without it
		line, _ := bufio.NewReader(f.Stdin).ReadString('\n')
		lines <- line
	}()
	select {
	case line := <-lines:
		return strings.ToLower(strings.TrimSpace(line))
	case <-ctx.Done():
		return ""
	}
}
