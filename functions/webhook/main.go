// Function webhook takes the pushes of forges: the one address that is open to everybody.
package main

import (
	"crypto/rand"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/aws/env"
	"github.com/driftless-gitops/driftless/internal/aws/sqs"
	"github.com/driftless-gitops/driftless/internal/aws/ssm"
	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/github"
	"github.com/driftless-gitops/driftless/internal/forge/gitlab"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
)

func main() {
	e := env.Load()
	store := dynamodb.New(e.AWS, e.String("TABLE"), nil, time.Now)
	w := &handler.Webhook{
		Repositories: store, Deliveries: store,
		Secrets: ssm.New(e.AWS, time.Now).Webhook,
		Forges: map[gitops.Forge]forge.Receiver{
			"": github.Forge{}, gitops.ForgeGitHub: github.Forge{}, gitops.ForgeGitLab: gitlab.Forge{},
		},
		Queue:  sqs.New(e.AWS, e.String("QUEUE_URL"), rand.Text),
		Limits: env.JSON[handler.Limits](e, "LIMITS"),
		Log:    e.Log,
	}
	e.Must()
	lambda.Start(w.Handle)
}
