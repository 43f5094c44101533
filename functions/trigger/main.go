// Function trigger turns events of EventBridge into messages that say what to look at.
package main

import (
	"crypto/rand"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/driftless-gitops/driftless/internal/aws/account"
	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/aws/env"
	"github.com/driftless-gitops/driftless/internal/aws/sqs"
	"github.com/driftless-gitops/driftless/internal/handler"
)

func main() {
	e := env.Load()
	store := dynamodb.New(e.AWS, e.String("TABLE"), nil, time.Now)
	accounts := account.New(e.AWS, "", env.JSON[[]account.Target](e, "TARGETS"))
	t := &handler.Trigger{
		Repositories: store, Claims: store,
		Queue:   sqs.New(e.AWS, e.String("QUEUE_URL"), rand.Text),
		Allowed: accounts.Allowed, Places: env.JSON[[]handler.Place](e, "TARGETS"), Log: e.Log,
	}
	e.Must()
	lambda.Start(t.Handle)
}
