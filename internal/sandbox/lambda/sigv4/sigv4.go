// Package sigv4 checks the AWS Signature Version 4 of requests that arrive: the other
// half of what the SDKs' signers do. It takes signatures in the Authorization header
// only; presigned URLs are not for the services that use it here.
//
// It knows no callers and imports the standard library only.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// tolerance is how far a request's clock may be off (IAM user guide, "Elements of a
// request signature": five minutes).
const tolerance = 5 * time.Minute

// The ways in which a request is refused.
var (
	ErrUnsigned = errors.New("the request carries no Signature Version 4")
	ErrMismatch = errors.New("the signature does not match the request")
	ErrExpired  = errors.New("the signature's time is more than five minutes away")
)

// Authorization is what the header of that name says.
type Authorization struct {
	AccessKey string
	Date      string // yyyymmdd
	Region    string
	Service   string
	Headers   []string // signed ones, lower case, in order
	Signature string
}

// Parse reads the Authorization header. Without a signature of version 4 the error is
// ErrUnsigned.
func Parse(r *http.Request) (Authorization, error) {
	fields, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return Authorization{}, ErrUnsigned
	}
	var a Authorization
	for part := range strings.SplitSeq(fields, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != "aws4_request" {
				return Authorization{}, ErrUnsigned
			}
			a.AccessKey, a.Date, a.Region, a.Service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			a.Headers = strings.Split(value, ";")
		case "Signature":
			a.Signature = value
		}
	}
	if a.AccessKey == "" || a.Signature == "" || !slices.Contains(a.Headers, "host") {
		return Authorization{}, ErrUnsigned
	}
	return a, nil
}

// Verify checks the signature over the request and its body with the secret of the
// access key, at the time now. The error is ErrMismatch or ErrExpired.
func (a Authorization) Verify(r *http.Request, body []byte, secret string, now time.Time) error {
	stamp := r.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", stamp)
	if err != nil || !strings.HasPrefix(stamp, a.Date) {
		return ErrMismatch
	}
	if d := now.Sub(at); d > tolerance || d < -tolerance {
		return ErrExpired
	}
	digest := hash(body)
	if claimed := r.Header.Get("X-Amz-Content-Sha256"); claimed != "" && claimed != digest {
		return ErrMismatch // also UNSIGNED-PAYLOAD: the body is always signed here
	}
	scope := strings.Join([]string{a.Date, a.Region, a.Service, "aws4_request"}, "/")
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hash([]byte(a.canonical(r, digest)))}, "\n")
	key := sign([]byte("AWS4"+secret), a.Date)
	for _, part := range []string{a.Region, a.Service, "aws4_request", toSign} {
		key = sign(key, part)
	}
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(key)), []byte(a.Signature)) != 1 {
		return ErrMismatch
	}
	return nil
}

// canonical is the request in the form that is signed (IAM user guide, "Create a signed
// AWS API request"). The path is encoded once more than it was sent, as everywhere but S3.
func (a Authorization) canonical(r *http.Request, digest string) string {
	var headers strings.Builder
	for _, name := range a.Headers {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(r.ContentLength)
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.Join(strings.Fields(value), " "))
	}
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	return strings.Join([]string{
		r.Method, escape(path, true), query(r.URL.RawQuery), headers.String(), strings.Join(a.Headers, ";"), digest,
	}, "\n")
}

// query sorts the parameters by name and then value, each encoded strictly.
func query(raw string) string {
	var pairs []string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, escape(decode(key), false)+"="+escape(decode(value), false))
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func decode(s string) string {
	d, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return d
}

// escape encodes everything but the unreserved characters of RFC 3986, and slashes where
// they separate.
func escape(s string, path bool) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(unreserved, s[i]) >= 0 || path && s[i] == '/' {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func sign(key []byte, s string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(s))
	return m.Sum(nil)
}
