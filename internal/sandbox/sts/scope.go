package sts

import (
	"net/http"
	"strings"
)

// Scope is the credential scope of a signed request: who signed, and for what.
type Scope struct {
	AccessKey, Region, Service string
}

// ScopeOf reads the scope from the Authorization header or from a presigned query. Found is
// false for a request that carries no Signature Version 4.
func ScopeOf(r *http.Request) (s Scope, found bool) {
	credential := ""
	if fields, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "); ok {
		_, after, _ := strings.Cut(fields, "Credential=")
		credential, _, _ = strings.Cut(after, ",")
	} else if strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	p := strings.Split(strings.TrimSpace(credential), "/")
	if len(p) != 5 || p[4] != "aws4_request" {
		return Scope{}, false
	}
	return Scope{AccessKey: p[0], Region: p[2], Service: strings.ToLower(p[3])}, true
}
