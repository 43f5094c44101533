package cloudformation

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const (
	maxInline = 51200 // bytes of TemplateBody (quotas page)
	// maxURL is what the service's own refusal says of a template in S3 (seen in
	// formkiq/formkiq-core#204); the quotas page says 1 MB.
	maxURL = 1_000_000
)

// source is where a request takes its template from.
type source struct {
	body, url *string
	previous  bool
}

// read returns the template's text.
func (s *Service) read(ctx context.Context, at scope, deployed *target, from source) (string, error) {
	body, address := aws.ToString(from.body), aws.ToString(from.url)
	switch {
	case from.previous && (body != "" || address != ""), body != "" && address != "":
		return "", invalid("Only one of TemplateBody, TemplateURL or UsePreviousTemplate may be specified")
	case from.previous && deployed == nil:
		return "", invalid("UsePreviousTemplate is only supported for existing stacks")
	case from.previous:
		return deployed.template.Body, nil
	case address != "":
		return s.fetch(ctx, at, address)
	case body == "":
		return "", invalid("Either Template URL or Template Body must be specified.")
	case len(body) > maxInline:
		return "", invalid("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to %d", maxInline)
	}
	return body, nil
}

// fetch reads a template of a stack or of a nested one.
func (s *Service) fetch(ctx context.Context, at scope, address string) (string, error) {
	o, err := s.object(address)
	if err != nil {
		return "", err
	}
	b, err := s.download(ctx, at, o)
	if err != nil {
		return "", err
	}
	if len(b) > maxURL {
		return "", invalid("Template may not exceed %d bytes in size.", maxURL)
	}
	return string(b), nil
}

// object is where a URL leads in S3. region is empty where the URL names none.
type object struct{ bucket, key, region string }

// s3Host matches AWS's hosts: bucket.s3.region, bucket.s3-region or bucket.s3, and the same
// without a bucket, which the path then begins with (S3 user guide, "Virtual hosting").
var s3Host = regexp.MustCompile(`^(?:(.+)\.)?s3(?:[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?$`)

// object reads a template's URL: AWS's in either style, or the gateway's own with the bucket
// as the first part of the path, as the CDK CLI writes it.
func (s *Service) object(address string) (object, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && !s.own(u)) {
		return object{}, invalid("TemplateURL must be a supported URL.")
	}
	o := object{key: strings.TrimPrefix(u.EscapedPath(), "/")}
	if m := s3Host.FindStringSubmatch(u.Hostname()); m != nil {
		o.bucket, o.region = m[1], m[2]
	} else if !s.own(u) {
		return object{}, invalid("TemplateURL must be a supported URL.")
	}
	if o.bucket == "" {
		o.bucket, o.key, _ = strings.Cut(o.key, "/")
	}
	if o.bucket == "" || o.key == "" {
		return object{}, invalid("TemplateURL must reference a valid S3 object to which you have access.")
	}
	return o, nil
}

// download reads an object from moto's S3, in the words that CloudFormation takes over from
// S3 when it cannot.
func (s *Service) download(ctx context.Context, at scope, o object) ([]byte, error) {
	in := resource.Scope{Account: at.account, Region: at.region}
	b, err := s.client.S3(ctx, in, http.MethodGet, "/"+o.bucket+"/"+o.key, nil)
	var refused *wire.Error
	if err != nil && errors.As(err, &refused) && refused.Message != "" && strings.HasPrefix(refused.Code, "NoSuch") {
		return nil, invalid("S3 error: %s\n%s", refused.Message, s3Errors)
	}
	if err != nil {
		return nil, invalid("S3 error: Access Denied\n%s", s3Errors)
	}
	if o.region == "" {
		return b, nil
	}
	region, err := s.bucketRegion(ctx, in, o.bucket)
	if err != nil {
		return nil, err
	}
	if region != o.region {
		return nil, invalid("S3 error: The bucket you are attempting to access must be addressed using the specified endpoint. "+
			"Please send all future requests to this endpoint.\n%s", s3Errors)
	}
	return b, nil
}

const s3Errors = "For more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"

// bucketRegion is where a bucket is; us-east-1 has no name there (S3 API, GetBucketLocation).
func (s *Service) bucketRegion(ctx context.Context, in resource.Scope, bucket string) (string, error) {
	b, err := s.client.S3(ctx, in, http.MethodGet, "/"+bucket+"?location", nil)
	if err != nil {
		return "", invalid("S3 error: Access Denied\n%s", s3Errors)
	}
	var region string
	if err := xml.Unmarshal(b, &region); err != nil || region == "" {
		return "us-east-1", nil
	}
	return region, nil
}

// own says whether the URL leads to the gateway. Any loopback address does.
func (s *Service) own(u *url.URL) bool {
	if s.Endpoint != nil {
		if e, err := url.Parse(s.Endpoint()); err == nil && e.Host == u.Host {
			return true
		}
	}
	return u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.")
}

// parse reads a template with what it includes.
func (s *Service) parse(ctx context.Context, at scope, body string) (*template.Template, error) {
	return template.Parse(body, func(location string) (string, error) {
		bucket, key, ok := strings.Cut(strings.TrimPrefix(location, "s3://"), "/")
		if !ok || !strings.HasPrefix(location, "s3://") {
			return "", invalid("Transform AWS::Include failed with: The value of parameter Location under transform Include must resolve to a string, number, boolean or a list of any of these.")
		}
		b, err := s.download(ctx, at, object{bucket: bucket, key: key})
		if err != nil {
			return "", invalid("Transform AWS::Include failed with: S3 bucket [%s] or key [%s] is invalid or cannot be read: %s", bucket, key, reasonOf(err))
		}
		return string(b), nil
	})
}
