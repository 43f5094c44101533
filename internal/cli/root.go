package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Config is what a program gives the commands.
type Config struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Now            func() time.Time
	Env            func(string) string
	// Pause waits between two looks at something that goes on; nil: for as long as it is told.
	Pause func(ctx context.Context, d time.Duration) error
	// Connect finds the API of the installation; nil: that of the caller's AWS account.
	Connect func(ctx context.Context, f *flags) (*client, error)

	TtyIn, TtyOut, TtyErr bool // which streams are a terminal
	Color, ColorErr       bool // which outputs want colours
	// Size is how many columns and rows the terminal has; nil or zero: nothing is cut to it.
	Size func() (columns, rows int)
}

// flags are those that every command has.
type flags struct {
	Config
	output  string
	region  string
	profile string
	noColor bool
}

// Run runs one command line and returns its exit code. An error is told on standard error,
// unless the person interrupted and knows.
func Run(ctx context.Context, c Config, args []string) int {
	if c.Pause == nil {
		c.Pause = reconcile.Pause
	}
	root := New(c)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && err.Error() != "" && !errors.Is(ctx.Err(), context.Canceled) {
		fmt.Fprintln(c.Stderr, "driftless: "+below(err.Error()))
	}
	return code(ctx, err)
}

// The groups of commands in the help.
const (
	groupSee  = "see"
	groupAct  = "act"
	groupHere = "here"
)

// New returns the root command.
func New(c Config) *cobra.Command {
	f := &flags{Config: c}
	root := &cobra.Command{
		Use:   "driftless",
		Short: "Keep AWS equal to git, without a server",
		Long: "driftless talks to the installation of Driftless in your AWS account.\n" +
			"It uses your AWS credentials and region as the AWS command line does.\n\n" + exitHelp + "\n" + environmentHelp,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if f.noColor {
				f.Color, f.ColorErr = false, false
			}
			if f.output != "table" && f.output != "json" {
				return usage(fmt.Errorf("--output %q: must be table or json", f.output))
			}
			return nil
		},
	}
	root.SetIn(c.Stdin)
	root.SetOut(c.Stdout)
	root.SetErr(c.Stderr)
	p := root.PersistentFlags()
	p.StringVarP(&f.output, "output", "o", "table", "table or json")
	p.StringVar(&f.region, "region", "", "AWS region of the installation (default: as the AWS command line)")
	p.StringVar(&f.profile, "profile", "", "AWS profile (default: as the AWS command line)")
	p.BoolVar(&f.noColor, "no-color", false, "no colours (also NO_COLOR)")
	group(root, groupSee, "See what is:", statusCommand(f), diffCommand(f), driftCommand(f), historyCommand(f), logsCommand(f), diagnoseCommand(f))
	group(root, groupAct, "Change what is:", syncCommand(f), healCommand(f), adoptCommand(f), rollbackCommand(f), recoverCommand(f), approveCommand(f), rejectCommand(f), suspendCommand(f),
		resumeCommand(f), repositoryCommand(f))
	group(root, groupHere, "On this machine:", initCommand(f), validateCommand(f), preflightCommand(f), sandboxCommand(f), versionCommand(f))
	root.SetHelpCommandGroupID(groupHere)
	root.SetCompletionCommandGroupID(groupHere)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	refuseUnknown(root)
	return root
}

const environmentHelp = `Environment:
  DRIFTLESS_API, DRIFTLESS_API_WRITE   addresses of the API (default: the outputs of the stack Driftless)
  NO_COLOR, CLICOLOR_FORCE             never, or always, colours
`

func group(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, c := range commands {
		c.GroupID = id
	}
	root.AddCommand(commands...)
}

// one is a command about one application.
func one(f *flags, use, short string, run func(ctx context.Context, api *client, app string) error) *cobra.Command {
	return &cobra.Command{Use: use + " APPLICATION", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := applicationName(args[0]); err != nil {
				return err
			}
			api, err := connect(cmd.Context(), f)
			if err != nil {
				return err
			}
			return run(cmd.Context(), api, args[0])
		}}
}
