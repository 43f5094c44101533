// Function notifier puts what changed in the table on Driftless' own event bus, and shows on
// GitHub and GitLab what became of a commit.
package main

import (
	"crypto/rand"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/aws/env"
	"github.com/driftless-gitops/driftless/internal/aws/eventbridge"
	"github.com/driftless-gitops/driftless/internal/aws/vault"
	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/credentials"
	"github.com/driftless-gitops/driftless/internal/forge/github"
	"github.com/driftless-gitops/driftless/internal/forge/gitlab"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/notify"
)

func main() {
	e := env.Load()
	store, hosts := dynamodb.New(e.AWS, e.String("TABLE"), nil, time.Now), e.List("ALLOW_PRIVATE_HOSTS")
	tokens, client := credentials.New(vault.New(e.AWS, time.Now), hosts).Tokens, forge.NewClient(hosts)
	n := &notify.Notifier{
		Records: store, Notices: store, NewID: rand.Text, Now: time.Now, Log: e.Log,
		Forges: map[gitops.Forge]notify.Reporter{
			gitops.ForgeGitHub: github.Forge{HTTP: client, Tokens: tokens},
			gitops.ForgeGitLab: gitlab.Forge{HTTP: client, Tokens: tokens},
		},
	}
	bus := eventbridge.New(e.AWS, e.String("BUS"))
	e.Must()
	lambda.Start(handler.Notify(bus, n, e.Log))
}
