package cloudformation

import (
	"bytes"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/packaging"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// objects is the calls that put artefacts into their bucket, made with the deploy role's
// rights: s3:GetObject and s3:PutObject on its keys, and s3:ListBucket, without which S3
// answers 403 where nothing stands under a key (HeadObject, API reference, "Permissions").
type objects interface {
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Codes of S3. HeadObject has no body to carry a code in, so that its 403 and 404 are read
// from the status alone.
const (
	codeNoObject  = "NotFound"
	codeForbidden = "Forbidden"
	codeThere     = "PreconditionFailed"
	codeNoBucket  = "NoSuchBucket"
	codeElsewhere = "PermanentRedirect"
	codeMoved     = "MovedPermanently"
)

// upload puts the artefacts that are not there yet into the bucket, one at a time: one
// call for each that is there, two for one that is not. A key is made from the content, so
// what stands under it is never written again.
func (e *Engine) upload(ctx context.Context, w reconcile.Work, artefacts []packaging.Artefact) error {
	if len(artefacts) == 0 {
		return nil
	}
	c, err := e.artefacts(ctx, w)
	if err != nil {
		return err
	}
	in := into{c: c, bucket: e.bucket(w), region: w.Settings.Target.Region, account: w.Settings.Target.Account}
	for _, a := range artefacts {
		if err := in.put(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// into is a bucket in its region, and the account that it has to belong to: its name is
// known to everybody, and one that somebody else took is never written to nor read from.
type into struct {
	c                       objects
	bucket, region, account string
}

func (i into) put(ctx context.Context, a packaging.Artefact) error {
	_, err := i.c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &i.bucket, Key: &a.Key, ExpectedBucketOwner: &i.account})
	switch {
	case err == nil:
		return nil
	case !hasCode(err, codeNoObject):
		return i.translate("look for", a.Key, err)
	}
	data, err := a.Data()
	if err != nil {
		return fmt.Errorf("make artefact %s: %w", a.Key, err)
	}
	_, err = i.c.PutObject(ctx, &s3.PutObjectInput{Bucket: &i.bucket, Key: &a.Key, ExpectedBucketOwner: &i.account,
		Body: bytes.NewReader(data), IfNoneMatch: aws.String("*")})
	if err == nil || hasCode(err, codeThere) { // somebody else put the same there meanwhile
		return nil
	}
	return i.translate("put", a.Key, err)
}

// translate returns what S3 said. A bucket that is not there, or stands in another region,
// is for a person to mend; everything else is transient.
func (i into) translate(verb, key string, err error) error {
	doing := fmt.Sprintf("%s artefact %s in bucket %s", verb, key, i.bucket)
	switch {
	case hasCode(err, codeNoBucket, codeElsewhere, codeMoved):
		return &gitops.Refusal{Reason: fmt.Sprintf("the artefact bucket %s is not in %s: where Driftless itself stands, run make deploy again; "+
			"in another account or region, deploy templates/target-events.yaml there: %s artefact %s: %s",
			i.bucket, i.region, verb, key, message(err)), Blocked: true}
	case hasCode(err, codeForbidden):
		return fmt.Errorf("%s: %w: the deploy role may not, or the bucket belongs to another account: %s",
			doing, reconcile.ErrDenied, message(err))
	}
	return translate(doing, err)
}
