// Package s3 keeps blobs (Bundles, Plans, and records too large for the table) in a bucket.
//
// A key names its content, so what stands under a key is never written again. Encryption
// is the bucket's default. To tell a blob that is missing from one that may not be read,
// S3 wants s3:ListBucket beside s3:GetObject (GetObject, API reference, "Permissions").
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// largest is how many bytes are read of one blob, unless UpTo says otherwise: more than the
// largest Bundle, less than a function has of memory and of disk.
const largest = 64 << 20

// Blobs keeps blobs in a bucket.
type Blobs struct {
	client  *sdk.Client
	bucket  string
	largest int64
}

var _ reconcile.Blobs = (*Blobs)(nil)

// New returns the blobs in a bucket.
func New(cfg aws.Config, bucket string) *Blobs {
	return &Blobs{client: sdk.NewFromConfig(cfg), bucket: bucket, largest: largest}
}

// UpTo returns the same blobs, of which up to so many bytes are read.
func (b *Blobs) UpTo(largest int64) *Blobs {
	return &Blobs{client: b.client, bucket: b.bucket, largest: largest}
}

// Put implements reconcile.Blobs. What stands under the key already stays.
func (b *Blobs) Put(ctx context.Context, key string, data []byte) error {
	return b.PutFile(ctx, key, bytes.NewReader(data))
}

// PutFile implements reconcile.Blobs. What stands under the key already stays.
func (b *Blobs) PutFile(ctx context.Context, key string, from io.ReadSeeker) error {
	_, err := b.put(ctx, key, from)
	return err
}

// PutNew stores data under a key, and reports whether it did: false where something stands
// there already, which stays. Of those who put under one key, one is told true; after an error
// it may be this one.
func (b *Blobs) PutNew(ctx context.Context, key string, data []byte) (bool, error) {
	return b.put(ctx, key, bytes.NewReader(data))
}

func (b *Blobs) put(ctx context.Context, key string, from io.ReadSeeker) (made bool, err error) {
	_, err = b.client.PutObject(ctx, &sdk.PutObjectInput{
		Bucket:      &b.bucket,
		Key:         &key,
		Body:        from,
		IfNoneMatch: aws.String("*"),
	})
	err = translate(err)
	if errors.Is(err, reconcile.ErrConflict) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("put %s: %w", b.object(key), err)
	}
	return true, nil
}

// Replace stores data in place of whatever stands under a key: what is told again and again,
// such as a log that grows.
func (b *Blobs) Replace(ctx context.Context, key string, data []byte) error {
	_, err := b.client.PutObject(ctx, &sdk.PutObjectInput{Bucket: &b.bucket, Key: &key, Body: bytes.NewReader(data)})
	if err != nil {
		return fmt.Errorf("replace %s: %w", b.object(key), translate(err))
	}
	return nil
}

// Has reports whether something stands under a key.
func (b *Blobs) Has(ctx context.Context, key string) (bool, error) {
	_, err := b.client.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &b.bucket, Key: &key})
	err = translate(err)
	if errors.Is(err, reconcile.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", b.object(key), err)
	}
	return true, nil
}

// Get implements reconcile.Blobs.
func (b *Blobs) Get(ctx context.Context, key string) ([]byte, error) {
	var data bytes.Buffer
	if err := b.GetFile(ctx, key, &data); err != nil {
		return nil, err
	}
	return data.Bytes(), nil
}

// GetFile implements reconcile.Blobs.
func (b *Blobs) GetFile(ctx context.Context, key string, into io.Writer) error {
	out, err := b.client.GetObject(ctx, &sdk.GetObjectInput{Bucket: &b.bucket, Key: &key})
	if err != nil {
		return fmt.Errorf("get %s: %w", b.object(key), translate(err))
	}
	defer out.Body.Close()
	n, err := io.Copy(into, io.LimitReader(out.Body, b.largest+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", b.object(key), err)
	}
	if n > b.largest {
		return fmt.Errorf("read %s: it is larger than %d bytes", b.object(key), b.largest)
	}
	return nil
}

// object names a blob as people do: it is the bucket whose policy, or whose key, refuses.
func (b *Blobs) object(key string) string { return "s3://" + b.bucket + "/" + key }

// translate turns what S3 says into reconcile's errors; the rest is transient, 409
// ConditionalRequestConflict too: another Put of the key was under way, and may fail. What
// KMS answers S3 passes on under a prefix (KMS.DisabledException, KMS.NotFoundException,
// KMS.KMSInvalidStateException: localstack #8422, aws-cli #4507), its text naming the key. The
// answer to a HEAD has no body, and so its status's text for a code.
func translate(err error) error {
	var apiErr smithy.APIError
	if !errors.As(err, &apiErr) {
		return err
	}
	switch apiErr.ErrorCode() {
	case "NoSuchKey", "NotFound":
		return fmt.Errorf("%w: %w", reconcile.ErrNotFound, err)
	case "PreconditionFailed":
		return fmt.Errorf("%w: %w", reconcile.ErrConflict, err)
	case "AccessDenied", "Forbidden", "NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken",
		"KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException":
		return fmt.Errorf("%w: %w", reconcile.ErrDenied, err)
	}
	return err
}
