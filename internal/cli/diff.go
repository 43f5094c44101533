package cli

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

func diffCommand(f *flags) *cobra.Command {
	var exit bool
	c := &cobra.Command{Use: "diff APPLICATION", Short: "Show the plan of the unfinished deployment, else the latest drift",
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			api, err := connect(cmd.Context(), f)
			if err != nil {
				return err
			}
			var d gitops.Diff
			if err := api.get(cmd.Context(), "/v1/applications/"+args[0]+"/diff", &d); err != nil {
				return err
			}
			if err := f.print(d, func() string { return render.Diff(d, f.Now(), f.Color) }); err != nil {
				return err
			}
			if differs := d.Plan != nil && len(d.Plan.Changes) > 0 || d.Report != nil && d.Report.Summary().Drifted > 0; exit && differs {
				return &exitError{code: ExitDifferences}
			}
			return nil
		}}
	c.Flags().BoolVar(&exit, "exit-code", false, "exit with 2 if there are differences")
	return c
}

func approveCommand(f *flags) *cobra.Command {
	var digest string
	var yes bool
	c := &cobra.Command{Use: "approve APPLICATION", Short: "Say yes to the plan that waits: exactly that plan is applied",
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			api, err := connect(cmd.Context(), f)
			if err != nil {
				return err
			}
			if digest, err = waiting(cmd, f, api, args[0], digest, yes); err != nil {
				return err
			}
			var d gitops.Deployment
			body := map[string]string{"digest": digest}
			if err := api.post(cmd.Context(), "/v1/applications/"+args[0]+"/approve", body, &d); err != nil {
				return err
			}
			return f.print(d, func() string { return fmt.Sprintf("%s  plan %s approved\n", args[0], gitops.Short(digest)) })
		}}
	c.Flags().StringVar(&digest, "digest", "", "the plan's digest; without it the plan is shown first")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "approve the plan that waits without asking")
	return c
}

func rejectCommand(f *flags) *cobra.Command {
	var digest, reason string
	c := &cobra.Command{Use: "reject APPLICATION", Short: "Say no to the plan that waits",
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			api, err := connect(cmd.Context(), f)
			if err != nil {
				return err
			}
			if digest, err = waiting(cmd, f, api, args[0], digest, true); err != nil {
				return err
			}
			var d gitops.Deployment
			body := map[string]string{"digest": digest, "reason": reason}
			if err := api.post(cmd.Context(), "/v1/applications/"+args[0]+"/reject", body, &d); err != nil {
				return err
			}
			return f.print(d, func() string { return fmt.Sprintf("%s  plan %s rejected\n", args[0], gitops.Short(digest)) })
		}}
	c.Flags().StringVar(&digest, "digest", "", "the plan's digest; without it whatever waits")
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return c
}

// waiting returns the digest of the plan that waits, or the one that was given in full. A
// person sees the plan and is asked, unless yes says otherwise.
func waiting(cmd *cobra.Command, f *flags, api *client, app, digest string, yes bool) (string, error) {
	if len(digest) == 64 {
		return digest, nil
	}
	var d gitops.Diff
	if err := api.get(cmd.Context(), "/v1/applications/"+app+"/diff", &d); err != nil {
		return "", err
	}
	switch {
	case d.Deployment == nil || d.Plan == nil || d.Deployment.Phase != gitops.PhaseAwaitingApproval:
		return "", fmt.Errorf("%s has nothing that waits for an approval", app)
	case digest != "" && !strings.HasPrefix(d.Plan.Digest, digest):
		return "", fmt.Errorf("the plan of %s is %s, not %s: look at it with 'driftless diff %s'", app, gitops.Short(d.Plan.Digest), digest, app)
	case digest != "" || yes:
		return d.Plan.Digest, nil
	case !f.Tty:
		return "", usage(fmt.Errorf("not a terminal: give --digest %s, or --yes", d.Plan.Digest))
	}
	fmt.Fprint(f.Stderr, render.Plan(*d.Deployment, *d.Plan, f.Color)+"\nApply exactly this plan? [y/N] ")
	line, _ := bufio.NewReader(f.Stdin).ReadString('\n') // an end of input is a no
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return "", &exitError{ExitFailed, fmt.Errorf("not approved")}
	}
	return d.Plan.Digest, nil
}
