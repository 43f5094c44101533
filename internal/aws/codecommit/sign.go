package codecommit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// sign returns what git sends as user and password: Signature Version 4 over an imaginary
// request GIT of the repository's host and path, as git-remote-codecommit's sign() makes
// it (github.com/aws/git-remote-codecommit). The time is signed without the Z that the
// password carries, the host without its port.
func sign(keys aws.Credentials, region, host, path string, now time.Time) (user, password string) {
	stamp := now.UTC().Format("20060102T150405")
	date := stamp[:len("20060102")]
	request := sha256.Sum256([]byte("GIT\n" + path + "\n\nhost:" + host + "\n\nhost\n"))
	text := "AWS4-HMAC-SHA256\n" + stamp + "\n" + date + "/" + region + "/codecommit/aws4_request\n" + hex.EncodeToString(request[:])
	key := []byte("AWS4" + keys.SecretAccessKey)
	for _, part := range []string{date, region, "codecommit", "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	user = keys.AccessKeyID
	if keys.SessionToken != "" {
		user += "%" + keys.SessionToken
	}
	return user, stamp + "Z" + hex.EncodeToString(key)
}
