package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

// Config is what a program gives the commands.
type Config struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Now            func() time.Time
	Env            func(string) string
	// Connect finds the API of the installation; nil: that of the caller's AWS account.
	Connect func(ctx context.Context, f *flags) (*client, error)
	Color   bool // a terminal that wants colours
	Tty     bool // a terminal on standard output
}

// flags are those that every command has.
type flags struct {
	Config
	output  string
	region  string
	profile string
	noColor bool
}

// Main runs the program and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	tty := isatty.IsTerminal(os.Stdout.Fd())
	return Run(ctx, Config{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now, Env: os.Getenv,
		Tty: tty, Color: colour(tty, os.Getenv)}, os.Args[1:])
}

// colour follows no-color.org and bixense.com/clicolors.
func colour(tty bool, env func(string) string) bool {
	if force := env("CLICOLOR_FORCE"); force != "" && force != "0" {
		return true
	}
	return tty && env("NO_COLOR") == "" && env("TERM") != "dumb"
}

// Run runs one command line and returns its exit code.
func Run(ctx context.Context, c Config, args []string) int {
	root := New(c)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && err.Error() != "" && !errors.Is(ctx.Err(), context.Canceled) {
		fmt.Fprintln(c.Stderr, "driftless: "+err.Error())
	}
	return code(ctx, err)
}

// New returns the root command.
func New(c Config) *cobra.Command {
	f := &flags{Config: c}
	root := &cobra.Command{
		Use:           "driftless",
		Short:         "Keep AWS equal to git, without a server",
		Long:          "driftless talks to the installation of Driftless in your AWS account.\nIt uses your AWS credentials and region as the AWS command line does.\n\n" + exitHelp,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if f.noColor {
				f.Color = false
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
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	p := root.PersistentFlags()
	p.StringVarP(&f.output, "output", "o", "table", "table or json")
	p.StringVar(&f.region, "region", "", "AWS region of the installation (default: as the AWS command line)")
	p.StringVar(&f.profile, "profile", "", "AWS profile (default: as the AWS command line)")
	p.BoolVar(&f.noColor, "no-color", false, "no colours (also NO_COLOR)")
	root.AddCommand(validateCommand(f), statusCommand(f), diffCommand(f), syncCommand(f), approveCommand(f), rejectCommand(f),
		driftCommand(f), historyCommand(f), suspendCommand(f), resumeCommand(f), repositoryCommand(f), sandboxCommand(f), preflightCommand(f), versionCommand(f))
	refuseUnknown(root)
	return root
}

// refuseUnknown makes every mistake in a command line one of usage, with what is allowed.
func refuseUnknown(root *cobra.Command) {
	for _, c := range root.Commands() {
		refuseUnknown(c)
		args := c.Args
		c.Args = func(cmd *cobra.Command, given []string) error {
			if args == nil {
				args = cobra.NoArgs
			}
			if err := args(cmd, given); err != nil {
				return usage(fmt.Errorf("%w\nusage: %s", err, cmd.UseLine()))
			}
			return nil
		}
	}
	if root.HasSubCommands() && root.RunE == nil {
		root.RunE = func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return cmd.Help()
			}
			var names []string
			for _, c := range cmd.Commands() {
				names = append(names, c.Name())
			}
			return usage(fmt.Errorf("%q is not a command of %s, which are: %s", given[0], cmd.CommandPath(), strings.Join(names, ", ")))
		}
		root.Args = cobra.ArbitraryArgs
	}
}

// print writes a result: as JSON where that was asked for, else the text.
func (f *flags) print(result any, text func() string) error {
	if f.output != "json" {
		_, err := io.WriteString(f.Stdout, text())
		return err
	}
	e := json.NewEncoder(f.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(result)
}

// hint tells a person something that is not the result.
func (f *flags) hint(format string, args ...any) { fmt.Fprintf(f.Stderr, format+"\n", args...) }

func versionCommand(f *flags) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Show which version this is", RunE: func(*cobra.Command, []string) error {
		v := struct {
			Version string `json:"version"`
			Go      string `json:"go"`
		}{Version: "(devel)"}
		if info, ok := debug.ReadBuildInfo(); ok {
			v.Version, v.Go = info.Main.Version, info.GoVersion
		}
		return f.print(v, func() string { return "driftless " + v.Version + " " + v.Go + "\n" })
	}}
}
