package conformance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/driftless-gitops/driftless/internal/sandbox"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

// inSandbox starts a sandbox that takes no time of its own, and returns it as a place in
// which expectations are tried, with what ends it.
func inSandbox(ctx context.Context, run string) (where, func(), error) {
	s, err := sandbox.Start(ctx, sandbox.Options{Addr: "127.0.0.1:0", Timing: &sandbox.Timing{}})
	if err != nil {
		return where{}, nil, fmt.Errorf("start the sandbox: %w", err)
	}
	env := map[string]string{}
	for _, line := range s.Env() {
		name, value, _ := strings.Cut(line, "=")
		env[name] = value
	}
	return where{
		config: aws.Config{Region: sandbox.Region, BaseEndpoint: aws.String(s.URL()),
			Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
			APIOptions:  moto.KeepAnswers()},
		account: sandbox.Account, run: run, poll: 20 * time.Millisecond,
	}, s.Close, nil
}
