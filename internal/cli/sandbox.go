package cli

import (
	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func sandboxCommand(f *flags) *cobra.Command {
	var o sandbox.Options
	timing := sandbox.DefaultTiming
	c := &cobra.Command{Use: "sandbox", Short: "Run AWS on this machine, to try Driftless without an account",
		Long: "Runs moto behind a gateway that is as strict as AWS, on the loopback, until Ctrl-C.\n" +
			"internal/sandbox/README.md says what it shows and what it cannot.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("stack-time") { // all of it before the first resource
				timing.Resource, timing.CleanUp = 0, 0
			}
			o.Timing = &timing
			return sandbox.Run(cmd.Context(), f.Stdout, o)
		}}
	c.PersistentFlags().StringVar(&o.Dir, "dir", "", "where state and logs are kept (default: a temporary directory)")
	c.Flags().StringVar(&o.Addr, "addr", sandbox.DefaultAddr, "loopback address to listen on")
	c.Flags().Float64Var(&o.ScheduleSpeed, "schedule-speed", 1, "fire schedules this many times as often")
	c.Flags().Float64Var(&o.VisibilitySpeed, "visibility-speed", 1, "shorten the queues' waits this many times")
	c.Flags().BoolVar(&o.DropEvents, "drop-events", false, "lose every event of an AWS service: the resync alone has to do")
	c.Flags().DurationVar(&timing.ChangeSet, "changeset-time", timing.ChangeSet, "what CloudFormation takes for a change set; 0 for none")
	c.Flags().DurationVar(&timing.Stack, "stack-time", timing.Stack, "what it takes for a stack beyond its resources; 0 for none")
	c.AddCommand(&cobra.Command{Use: "env", Short: "Print what a shell needs to work with the running sandbox",
		RunE: func(cmd *cobra.Command, _ []string) error { return sandbox.PrintEnv(cmd.Context(), f.Stdout, o.Dir) }})
	c.AddCommand(&cobra.Command{Use: "git-url NAME", Short: "Print the URL of a CodeCommit repository, with a credential for fifteen minutes",
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			endpoint := ""
			if o.Dir == "" { // a shell that "sandbox env" set up knows its sandbox
				endpoint = f.Env("AWS_ENDPOINT_URL")
			}
			return sandbox.PrintGitURL(cmd.Context(), f.Stdout, endpoint, o.Dir, args[0])
		}})
	return c
}
