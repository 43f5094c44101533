package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// Main runs the program and returns its exit code. The first Ctrl-C ends what runs in good
// order, a second one ends the program at once.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer context.AfterFunc(ctx, stop)()
	out, errs := isatty.IsTerminal(os.Stdout.Fd()), isatty.IsTerminal(os.Stderr.Fd())
	return Run(ctx, Config{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now, Env: os.Getenv,
		TtyIn: isatty.IsTerminal(os.Stdin.Fd()), TtyOut: out, TtyErr: errs,
		Color: colour(out, os.Getenv), ColorErr: colour(errs, os.Getenv), Size: size}, os.Args[1:])
}

// size asks the terminal anew, since a person may have resized it.
func size() (columns, rows int) {
	columns, rows, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil { // no terminal: nothing has to fit
		return 0, 0
	}
	return columns, rows
}

// colour follows no-color.org and bixense.com/clicolors.
func colour(tty bool, env func(string) string) bool {
	if env("NO_COLOR") != "" {
		return false
	}
	if force := env("CLICOLOR_FORCE"); force != "" && force != "0" {
		return true
	}
	return tty && env("TERM") != "dumb"
}
