package sts

import (
	"strings"
	"sync"
	"time"
)

// Credentials are what signs requests.
type Credentials struct {
	AccessKey, SecretKey, SessionToken string
}

// Identity is whom an access key belongs to.
type Identity struct {
	ARN     string // of the user, or of the role's session
	RoleARN string // empty for a user
	Account string
	Credentials
	Expires time.Time // zero: never
	Source  string    // the access key whose holder assumed the role; empty for a user and where a service did
}

// principals are the names under which a policy may mean the identity.
func (i Identity) principals() []string {
	names := []string{i.ARN, i.Account, "arn:aws:iam::" + i.Account + ":root"}
	if i.RoleARN != "" {
		names = append(names, i.RoleARN)
	}
	return names
}

// principalARN is the value of aws:PrincipalArn: for a session its role.
func (i Identity) principalARN() string {
	if i.RoleARN != "" {
		return i.RoleARN
	}
	return i.ARN
}

// keys remembers the access keys that were issued.
type keys struct {
	mu   sync.RWMutex
	byID map[string]Identity
}

func (k *keys) add(i Identity) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byID[i.AccessKey] = i
}

func (k *keys) find(accessKey string, now time.Time) (Identity, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	i, ok := k.byID[accessKey]
	if ok && !i.Expires.IsZero() && now.After(i.Expires) {
		return Identity{}, false
	}
	return i, ok
}

// expired reports whether the key was issued and is good no longer.
func (k *keys) expired(accessKey string, now time.Time) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	i, ok := k.byID[accessKey]
	return ok && !i.Expires.IsZero() && now.After(i.Expires)
}

// sessionARN is the ARN of a role's session: the role's path is not part of it.
func sessionARN(roleARN, session string) string {
	p := strings.SplitN(roleARN, ":", 6)
	return "arn:" + p[1] + ":sts::" + p[4] + ":assumed-role/" + roleName(roleARN) + "/" + session
}

// roleName is the last part of a role's ARN.
func roleName(roleARN string) string { return roleARN[strings.LastIndex(roleARN, "/")+1:] }

// accountOf is the account of an ARN, empty when it is none.
func accountOf(arn string) string {
	p := strings.SplitN(arn, ":", 6)
	if len(p) != 6 || p[0] != "arn" {
		return ""
	}
	return p[4]
}
