// Function notifier puts what changed in the table on Driftless' own event bus.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/driftless-gitops/driftless/internal/aws/env"
	"github.com/driftless-gitops/driftless/internal/aws/eventbridge"
	"github.com/driftless-gitops/driftless/internal/handler"
)

func main() {
	e := env.Load(context.Background())
	bus := eventbridge.New(e.AWS, e.String("BUS"))
	e.Must()
	lambda.Start(handler.Notify(bus, e.Log))
}
