package cli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/driftless-gitops/driftless/internal/config/nearest"
)

// refuseUnknown makes every mistake in a command line one of usage, with what is allowed.
func refuseUnknown(c *cobra.Command) {
	for _, sub := range c.Commands() {
		refuseUnknown(sub)
	}
	c.SetFlagErrorFunc(flagError)
	if c.HasSubCommands() && c.RunE == nil && c.Run == nil {
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return cmd.Help()
			}
			return usage(unknownCommand(cmd, given[0]))
		}
		return
	}
	allowed := c.Args
	switch {
	case c.Name() == "help":
		allowed = helpTopic
	case allowed == nil:
		allowed = cobra.NoArgs
	}
	c.Args = func(cmd *cobra.Command, given []string) error {
		if err := allowed(cmd, given); err != nil {
			return usage(fmt.Errorf("%w\nusage: %s", err, cmd.UseLine()))
		}
		return nil
	}
}

// helpTopic refuses a help about what is no command.
func helpTopic(cmd *cobra.Command, given []string) error {
	found, rest, err := cmd.Root().Find(given)
	if err == nil && len(rest) > 0 {
		err = unknownCommand(found, rest[0])
	}
	return err
}

func unknownCommand(cmd *cobra.Command, given string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			names = append(names, c.Name())
		}
	}
	if near := nearest.Of(given, names); near != "" {
		return fmt.Errorf("%q is not a command of %s; did you mean %q?", given, cmd.CommandPath(), near)
	}
	return fmt.Errorf("%q is not a command of %s, which are: %s", given, cmd.CommandPath(), strings.Join(names, ", "))
}

// flagError says which flags the command has beside what is wrong with the one given.
func flagError(cmd *cobra.Command, err error) error {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return usage(fmt.Errorf("%w\n%s has the flags: %s", err, cmd.CommandPath(), strings.Join(names, ", ")))
}

var applicationPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// applicationName refuses what cannot be an application's name: it would name another route.
func applicationName(name string) error {
	if applicationPattern.MatchString(name) {
		return nil
	}
	return usage(fmt.Errorf("%q cannot be an application: a name is of lower-case letters, digits and hyphens, begins with a letter, "+
		"and has at most 63 characters", name))
}
