package codecommit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

const (
	stampFormat = "20060102T150405"
	validFor    = 15 * time.Minute // user guide, "git-remote-codecommit": the credential's life
)

var (
	errExpired  = errors.New("the credential is over fifteen minutes old, or from the future")
	errMismatch = errors.New("the signature does not match")
)

// Sign makes the user name and password of a git request to a repository at host and path,
// which is /v1/repos/NAME. It is what git-remote-codecommit does: Signature Version 4 of a
// request "GIT" with the host as its only header, and a time stamp that has no Z inside the
// signed text.
func Sign(accessKey, secretKey, sessionToken, region, host, path string, at time.Time) (user, password string) {
	stamp := at.UTC().Format(stampFormat)
	user = accessKey
	if sessionToken != "" {
		user += "%" + sessionToken
	}
	return user, stamp + "Z" + signature(secretKey, region, host, path, stamp)
}

// check returns nil for a password that Sign made within the last fifteen minutes for one
// of the hosts.
func check(password, secretKey, region string, hosts []string, path string, now time.Time) error {
	stamp, got, _ := strings.Cut(password, "Z")
	at, err := time.Parse(stampFormat, stamp)
	if err != nil {
		return errMismatch
	}
	if age := now.Sub(at); age > validFor || age < -validFor {
		return errExpired
	}
	for _, host := range hosts {
		if hmac.Equal([]byte(got), []byte(signature(secretKey, region, host, path, stamp))) {
			return nil
		}
	}
	return errMismatch
}

func signature(secretKey, region, host, path, stamp string) string {
	request := sha256.Sum256([]byte("GIT\n" + path + "\n\nhost:" + host + "\n\nhost\n"))
	date := stamp[:len("20060102")]
	text := "AWS4-HMAC-SHA256\n" + stamp + "\n" + date + "/" + region + "/codecommit/aws4_request\n" +
		hex.EncodeToString(request[:])
	key := []byte("AWS4" + secretKey)
	for _, part := range []string{date, region, "codecommit", "aws4_request", text} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	return hex.EncodeToString(key)
}
