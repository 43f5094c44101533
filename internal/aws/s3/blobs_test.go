package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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
	t.Run("of two who put under one key one is told so", func(t *testing.T) {
		blobs := s3.New(cfg, "driftless-1")
		if there, err := blobs.Has(t.Context(), "builds/claim"); err != nil || there {
			t.Errorf("before: %v, %v", there, err)
		}
		first, err := blobs.PutNew(t.Context(), "builds/claim", []byte("first"))
		if err != nil || !first {
			t.Errorf("the first: %v, %v", first, err)
		}
		second, err := blobs.PutNew(t.Context(), "builds/claim", []byte("second"))
		if data, got := blobs.Get(t.Context(), "builds/claim"); err != nil || second || got != nil || string(data) != "first" {
			t.Errorf("the second: %v, %v; %q stands there, %v", second, err, data, got)
		}
		if there, err := blobs.Has(t.Context(), "builds/claim"); err != nil || !there {
			t.Errorf("afterwards: %v, %v", there, err)
		}
	})
	t.Run("what is replaced is the last that was put", func(t *testing.T) {
		blobs := s3.New(cfg, "driftless-1")
		for _, text := range []string{"first", "second"} {
			if err := blobs.Replace(t.Context(), "builds/log", []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if data, err := blobs.Get(t.Context(), "builds/log"); err != nil || string(data) != "second" {
			t.Errorf("%q stands there, %v", data, err)
		}
	})
	t.Run("no more is read than is allowed", func(t *testing.T) {
		blobs := s3.New(cfg, "driftless-1")
		if err := blobs.Put(t.Context(), "builds/four", []byte("four")); err != nil {
			t.Fatal(err)
		}
		if data, err := blobs.UpTo(4).Get(t.Context(), "builds/four"); err != nil || string(data) != "four" {
			t.Errorf("as much: %q, %v", data, err)
		}
		if _, err := blobs.UpTo(3).Get(t.Context(), "builds/four"); err == nil || !strings.Contains(err.Error(), "larger than 3 bytes") {
			t.Errorf("more: %v", err)
		}
	})
	t.Run("a bucket that is gone is a right that is missing, not a missing blob", func(t *testing.T) {
		_, err := s3.New(cfg, "nowhere").Get(t.Context(), "plans/1")
		if !errors.Is(err, reconcile.ErrDenied) || errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("the error is %v, want %v", err, reconcile.ErrDenied)
		}
	})
}

// refusing returns the blobs of a bucket that refuses every request.
func refusing(t *testing.T, status int, code, message string) *s3.Blobs {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
	}))
	t.Cleanup(server.Close)
	return s3.New(awstest.At(server.URL), "driftless-data")
}

func TestErrorsAreTranslated(t *testing.T) {
	for code, c := range map[string]struct {
		status int
		want   error
	}{
		"AccessDenied":               {http.StatusForbidden, reconcile.ErrDenied},
		"Forbidden":                  {http.StatusForbidden, reconcile.ErrDenied},
		"NoSuchBucket":               {http.StatusNotFound, reconcile.ErrDenied},
		"InvalidAccessKeyId":         {http.StatusForbidden, reconcile.ErrDenied},
		"SignatureDoesNotMatch":      {http.StatusForbidden, reconcile.ErrDenied},
		"ExpiredToken":               {http.StatusBadRequest, reconcile.ErrDenied},
		"NoSuchKey":                  {http.StatusNotFound, reconcile.ErrNotFound},
		"NotFound":                   {http.StatusNotFound, reconcile.ErrNotFound},
		"ConditionalRequestConflict": {http.StatusConflict, nil}, // another write of the key is under way
		"SlowDown":                   {http.StatusServiceUnavailable, nil},
		"KMS.ThrottlingException":    {http.StatusBadRequest, nil},
	} {
		t.Run(code, func(t *testing.T) {
			_, err := refusing(t, c.status, code, "no").Get(t.Context(), "plans/1")
			porttest.WantKind(t, err, c.want)
		})
	}
	t.Run("PreconditionFailed says that the blob is there already", func(t *testing.T) {
		if err := refusing(t, http.StatusPreconditionFailed, "PreconditionFailed", "no").Put(t.Context(), "plans/1", nil); err != nil {
			t.Error(err)
		}
	})
}

func TestR60_ABucketOrAKeyThatRefusesIsNamed(t *testing.T) {
	const key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
	for code, status := range map[string]int{
		"AccessDenied":                 http.StatusForbidden,
		"KMS.DisabledException":        http.StatusBadRequest,
		"KMS.NotFoundException":        http.StatusBadRequest,
		"KMS.KMSInvalidStateException": http.StatusBadRequest,
	} {
		t.Run(code, func(t *testing.T) {
			blobs := refusing(t, status, code, key+" is disabled")
			_, read := blobs.Get(t.Context(), "bundles/1.zip")
			for _, err := range []error{read, blobs.Put(t.Context(), "bundles/1.zip", []byte("x"))} {
				porttest.WantKind(t, err, reconcile.ErrDenied)
				for _, named := range []string{"s3://driftless-data/bundles/1.zip", key} {
					if !strings.Contains(fmt.Sprint(err), named) {
						t.Errorf("%v does not name %s", err, named)
					}
				}
			}
		})
	}
}
