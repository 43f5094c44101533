// Function api answers the command line and the dashboard, at two IAM-signed addresses.
package main

import (
	"crypto/rand"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/driftless-gitops/driftless/internal/aws/account"
	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/aws/env"
	"github.com/driftless-gitops/driftless/internal/aws/s3"
	"github.com/driftless-gitops/driftless/internal/aws/sqs"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func main() {
	e := env.Load()
	blobs := s3.New(e.AWS, e.String("BUCKET"))
	store := dynamodb.New(e.AWS, e.String("TABLE"), blobs, time.Now)
	accounts := account.New(e.AWS, "", env.JSON[[]account.Target](e, "TARGETS"))
	a := &handler.API{Store: store, Log: e.Log, Operator: &reconcile.Operator{
		Store: store, Blobs: blobs, Allowed: accounts.Allowed, Now: time.Now,
		Queue: sqs.New(e.AWS, e.String("QUEUE_URL"), rand.Text),
	}}
	e.Must()
	lambda.Start(a.Handle)
}
