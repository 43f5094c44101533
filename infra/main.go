package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"github.com/driftless-gitops/driftless/infra/build"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "driftless infra:", err)
		os.Exit(1)
	}
}

// run synthesises the stack into the directory that the CDK CLI names. The functions are
// built first, so that a function that does not compile is the compiler's own message.
func run(ctx context.Context) error {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	settings, err := readSettings(func(key string) any { return app.Node().TryGetContext(jsii.String(key)) }, os.Getenv("CDK_DEFAULT_ACCOUNT"))
	if err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the project: %w", err)
	}
	settings.TargetRole, settings.BuildSpec = root+"/templates/target-role.yaml", root+"/templates/buildspec.yaml"
	if settings.Runner, err = build.Runner(ctx, root, "dist", settings.Architecture); err != nil {
		return err
	}
	settings.Code, err = build.Functions(ctx, root, "dist", settings.Architecture, functionNames())
	if err != nil {
		return err
	}
	if _, err := newStack(app, "Driftless", settings); err != nil {
		return err
	}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: jsii.Bool(true)}), nil)
	app.Synth(nil)
	return nil
}
