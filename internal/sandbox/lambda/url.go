package lambda

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// urlPrefix begins the path of every function URL: one endpoint serves them all.
const urlPrefix = "/_lambda-url/"

// functionURL is the address of a function or of one of its aliases.
type functionURL struct {
	id, function, qualifier string
	authType                string
	created, modified       string
}

type putURL struct {
	AuthType   string
	InvokeMode string
	Cors       json.RawMessage
}

// check refuses what Lambda refuses, and by name what the sandbox lacks.
func (in putURL) check() error {
	if in.AuthType != "AWS_IAM" && in.AuthType != "NONE" {
		return &wire.Error{Code: "ValidationException", Message: "1 validation error detected: Value '" + in.AuthType + "' at 'authType' failed to satisfy constraint: Member must satisfy enum value set: [NONE, AWS_IAM]"}
	}
	if in.InvokeMode != "" && in.InvokeMode != "BUFFERED" {
		return invalid("the sandbox's function URLs answer BUFFERED, not %s", in.InvokeMode)
	}
	if c := string(in.Cors); c != "" && c != "null" && c != "{}" {
		return invalid("the sandbox's function URLs do not answer CORS requests")
	}
	return nil
}

// createURL gives a function or alias an address. A version has none, as on Lambda.
func (s *Service) createURL(ref reference, in putURL) (functionURL, error) {
	if err := in.check(); err != nil {
		return functionURL{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, _, err := s.findLocked(ref)
	if err != nil {
		return functionURL{}, err
	}
	if _, ok := f.aliases[ref.qualifier]; ref.qualifier != "" && !ok {
		return functionURL{}, invalid("a function URL belongs to a function or an alias, not to %q", ref.qualifier)
	}
	if u := s.urlOfLocked(ref); u != nil {
		return functionURL{}, conflict("Failed to create function url config for [functionArn = %s]. Error message:  FunctionUrlConfig exists for this Lambda function", s.arn(ref.name, ref.qualifier))
	}
	now := s.config.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	u := &functionURL{
		id: strings.ToLower(rand.Text() + rand.Text())[:32], function: ref.name, qualifier: ref.qualifier,
		authType: in.AuthType, created: now, modified: now,
	}
	s.urls[u.id] = u
	return *u, nil
}

func (s *Service) updateURL(ref reference, in putURL) (functionURL, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.urlOfLocked(ref)
	if u == nil {
		return functionURL{}, noURL()
	}
	if in.AuthType == "" {
		in.AuthType = u.authType
	}
	if err := in.check(); err != nil {
		return functionURL{}, err
	}
	u.authType, u.modified = in.AuthType, s.config.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	return *u, nil
}

func (s *Service) removeURL(ref reference) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.urlOfLocked(ref)
	if u == nil {
		return noURL()
	}
	delete(s.urls, u.id)
	return nil
}

func (s *Service) urlOf(ref reference) (functionURL, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.urlOfLocked(ref)
	if u == nil {
		return functionURL{}, noURL()
	}
	return *u, nil
}

func (s *Service) urlOfLocked(ref reference) *functionURL {
	for _, u := range s.urls {
		if u.function == ref.name && u.qualifier == ref.qualifier {
			return u
		}
	}
	return nil
}

// urlsOf lists the addresses of a function and its aliases.
func (s *Service) urlsOf(name string) []functionURL {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []functionURL
	for _, u := range s.urls {
		if u.function == name {
			all = append(all, *u)
		}
	}
	slices.SortFunc(all, func(a, b functionURL) int { return strings.Compare(a.qualifier, b.qualifier) })
	return all
}

// url is the address itself, which moves with the gateway.
func (s *Service) url(u functionURL) string {
	return strings.TrimSuffix(s.config.Endpoint(), "/") + urlPrefix + u.id + "/"
}

func (s *Service) showURL(u functionURL) map[string]any {
	return map[string]any{
		"FunctionUrl": s.url(u), "FunctionArn": s.arn(u.function, u.qualifier), "AuthType": u.authType,
		"CreationTime": u.created, "LastModifiedTime": u.modified, "InvokeMode": "BUFFERED",
	}
}

func noURL() error {
	return &wire.Error{Code: "ResourceNotFoundException", Message: "The resource you requested does not exist.", Status: http.StatusNotFound}
}
