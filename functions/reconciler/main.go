// Function reconciler takes the steps of repositories and applications, a message at a time.
package main

import (
	"crypto/rand"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/oklog/ulid/v2"

	"github.com/driftless-gitops/driftless/internal/aws/account"
	"github.com/driftless-gitops/driftless/internal/aws/cloudformation"
	"github.com/driftless-gitops/driftless/internal/aws/codebuild"
	"github.com/driftless-gitops/driftless/internal/aws/codecommit"
	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/aws/env"
	"github.com/driftless-gitops/driftless/internal/aws/s3"
	"github.com/driftless-gitops/driftless/internal/aws/sqs"
	"github.com/driftless-gitops/driftless/internal/aws/vault"
	"github.com/driftless-gitops/driftless/internal/check"
	"github.com/driftless-gitops/driftless/internal/forge/credentials"
	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func main() {
	e := env.Load()
	blobs, accounts := s3.New(e.AWS, e.String("BUCKET")), account.New(e.AWS, e.String("EXTERNAL_ID"), env.JSON[[]account.Target](e, "TARGETS"))
	cc, hidden, builds, stacks := codecommit.New(e.AWS, time.Now), credentials.New(vault.New(e.AWS, time.Now), e.List("ALLOW_PRIVATE_HOSTS")), codebuild.Installed(e.AWS, env.JSON[codebuild.Settings](e, "BUILDS"), blobs, e.String("QUEUE_URL"), accounts.Build, time.Now), cloudformation.New(cloudformation.Config{Deploy: accounts.Deploy, Drift: accounts.Drift, Role: accounts.Exec, Bucket: accounts.Bucket, Now: time.Now})
	r := &reconcile.Reconciler{
		Store: dynamodb.New(e.AWS, e.String("TABLE"), blobs, time.Now), Blobs: blobs, Queue: sqs.New(e.AWS, e.String("QUEUE_URL"), rand.Text),
		Git:     hidden.Rotating(&git.Client{Resolve: cc.Resolve, Credentials: hidden.Git(cc.Credentials), AllowPrivateHosts: e.List("ALLOW_PRIVATE_HOSTS"), Limits: env.JSON[git.Limits](e, "LIMITS")}),
		Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineCloudFormation: stacks, gitops.EngineSAM: stacks, gitops.EngineTerraform: builds, gitops.EngineCDK: builds},
		Allowed: accounts.Allowed, Locator: cloudformation.NewLocator(accounts.Drift, time.Now), Checker: check.Installed(accounts, e.List("ALLOW_PRIVATE_HOSTS"), time.Now), Limits: env.JSON[reconcile.Limits](e, "LIMITS"), Now: time.Now, NewID: func() string { return ulid.Make().String() }, Sleep: reconcile.Pause, Log: e.Log,
	}
	e.Must()
	lambda.Start(handler.Reconcile(r, e.Log))
}
