package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/s3"
	"github.com/driftless-gitops/driftless/internal/porttest"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestBlobsKeepTheirContract(t *testing.T) {
	cfg := awstest.Moto(t)
	n := 0
	porttest.TestBlobs(t, func(t *testing.T) reconcile.Blobs {
		n++
		bucket := fmt.Sprintf("driftless-%d", n)
		_, err := sdk.NewFromConfig(cfg).CreateBucket(t.Context(), &sdk.CreateBucketInput{
			Bucket:                    &bucket,
			CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: awstest.Region},
		})
		if err != nil {
			t.Fatal(err)
		}
		return s3.New(cfg, bucket)
	})
	t.Run("a bucket that is gone is a right that is missing, not a missing blob", func(t *testing.T) {
		_, err := s3.New(cfg, "nowhere").Get(t.Context(), "plans/1")
		if !errors.Is(err, reconcile.ErrDenied) || errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("the error is %v, want %v", err, reconcile.ErrDenied)
		}
	})
}

func TestErrorsAreTranslated(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		code   string
		want   error
	}{
		"a right that is missing":             {http.StatusForbidden, "AccessDenied", reconcile.ErrDenied},
		"another write of the key under way":  {http.StatusConflict, "ConditionalRequestConflict", nil},
		"a bucket that is asked for too much": {http.StatusServiceUnavailable, "SlowDown", nil},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(c.status)
				_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", c.code)
			}))
			defer server.Close()
			err := s3.New(awstest.At(server.URL), "b").Put(t.Context(), "plans/1", []byte("x"))
			if err == nil {
				t.Fatal("no error")
			}
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
			if c.want == nil && (errors.Is(err, reconcile.ErrDenied) || errors.Is(err, reconcile.ErrConflict)) {
				t.Errorf("the error is %v, want a transient one", err)
			}
		})
	}
}
