// Function sweeper wakes what is unfinished or not told yet every minute, and every
// repository every five.
package main

import (
	"crypto/rand"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/aws/env"
	"github.com/driftless-gitops/driftless/internal/aws/sqs"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func main() {
	e := env.Load()
	store := dynamodb.New(e.AWS, e.String("TABLE"), nil, time.Now)
	s := &reconcile.Sweeper{
		Store: store, Notices: store,
		Queue: sqs.New(e.AWS, e.String("QUEUE_URL"), rand.Text),
		Now:   time.Now, Rates: env.JSON[reconcile.Rates](e, "RATES"), Sleep: reconcile.Pause,
	}
	e.Must()
	lambda.Start(handler.Sweep(s, e.Log))
}
