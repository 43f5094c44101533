package cli

import (
	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func sandboxCommand(f *flags) *cobra.Command {
	var o sandbox.Options
	var dir string
	c := &cobra.Command{Use: "sandbox", Short: "Run AWS on this machine, to try Driftless without an account",
		Long: "Runs moto behind a gateway that is as strict as AWS, on the loopback, until Ctrl-C.\n" +
			"internal/sandbox/README.md says what it shows and what it cannot.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Dir = dir
			return sandbox.Run(cmd.Context(), f.Stdout, o)
		}}
	c.Flags().StringVar(&o.Addr, "addr", sandbox.DefaultAddr, "loopback address to listen on")
	c.Flags().StringVar(&dir, "dir", "", "where state and logs are kept (default: a temporary directory)")
	c.Flags().Float64Var(&o.ScheduleSpeed, "schedule-speed", 1, "fire schedules this many times as often")
	c.Flags().Float64Var(&o.VisibilitySpeed, "visibility-speed", 1, "shorten the queues' waits this many times")
	c.Flags().BoolVar(&o.DropEvents, "drop-events", false, "lose every event of an AWS service: the resync alone has to do")
	c.AddCommand(&cobra.Command{Use: "env", Short: "Print what a shell needs to work with the running sandbox",
		RunE: func(cmd *cobra.Command, _ []string) error { return sandbox.PrintEnv(cmd.Context(), f.Stdout, dir) }})
	return c
}
