// Program runner is what a CodeBuild build runs: one job of Terraform's or of the CDK's, whose
// order stands in the data bucket. Without an argument it does the job; with "credentials" it prints the build's
// own, for the AWS profile of the state's backend. It exits with 0 when the job succeeded or is
// another build's, with 1 when its report says that it did not, with 2 when it could not report.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"os/user"
	"syscall"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/container"
	"github.com/driftless-gitops/driftless/internal/aws/s3"
	"github.com/driftless-gitops/driftless/internal/aws/secretsmanager"
	"github.com/driftless-gitops/driftless/internal/aws/sqs"
	"github.com/driftless-gitops/driftless/internal/aws/ssm"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/runner"
	"github.com/driftless-gitops/driftless/internal/runner/install"
)

func main() {
	// Whoever reads what is printed may go: the kernel would end this program at its next line,
	// with terraform under way (os/signal, "SIGPIPE").
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	switch {
	case err == nil:
	case errors.Is(err, runner.ErrUnsuccessful):
		os.Exit(1)
	default:
		os.Exit(2)
	}
}

// run does what the arguments say.
func run(ctx context.Context, args []string, out io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "credentials":
		return container.Print(ctx, os.LookupEnv, out)
	case len(args) > 0:
		return fmt.Errorf("unknown arguments %q: none does a build's job, \"credentials\" prints the build's own", args)
	}
	return job(ctx)
}

// job does the job that the environment names.
func job(ctx context.Context) error {
	cfg, err := container.Config(os.LookupEnv)
	if err != nil {
		return err
	}
	given := map[string]string{}
	for _, name := range []string{build.EnvBucket, build.EnvOrder, "CODEBUILD_BUILD_ID"} {
		if given[name] = os.Getenv(name); given[name] == "" {
			return fmt.Errorf("%s is missing", name)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "driftless-build-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	blobs := s3.New(cfg, given[build.EnvBucket])
	r := &runner.Runner{
		Blobs:     blobs,
		Cache:     blobs.UpTo(runner.MaxKept),
		Secrets:   map[string]runner.Secrets{"ssm": ssm.New(cfg, time.Now), "secretsmanager": secretsmanager.New(cfg, time.Now)},
		Installer: install.Installer{Dir: dir},
		Wake: func(ctx context.Context, queue, application, reason string) error {
			return sqs.New(cfg, queue, rand.Text).Send(ctx, reconcile.Message{Application: application, Reason: reason})
		},
		Build: given["CODEBUILD_BUILD_ID"], Who: who(), Dir: dir, Self: self,
		Lookup: os.LookupEnv, Now: time.Now, Log: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	}
	return r.Run(ctx, given[build.EnvOrder])
}

// who is this process as terraform names itself in a lock (statemgr.NewLockInfo of Terraform 1.11).
func who() string {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname()
	return name + "@" + host
}
