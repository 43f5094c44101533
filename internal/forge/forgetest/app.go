package forgetest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// app is an installation of a GitHub App.
type app struct {
	id, installation int64
	key              *rsa.PublicKey
	repositories     []string
	granted          []grant
}

// grant is a token that an App was given.
type grant struct {
	token        string
	repositories []string
	until        time.Time
}

// Install installs a GitHub App for some repositories, and returns its secret: the JSON that
// Driftless keeps of it.
func (s *Server) Install(id, installation int64, repositories ...string) (secret string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("make the App's key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	data, err := json.Marshal(map[string]any{"appId": id, "installationId": installation, "privateKey": string(text)})
	if err != nil {
		return "", fmt.Errorf("encode the App's secret: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps = append(s.apps, &app{id: id, installation: installation, key: &key.PublicKey, repositories: repositories})
	return string(data), nil
}

// exchange gives a token to an installation that proves itself by a JWT (docs.github.com,
// "Create an installation access token for an app"), for the repositories that it asks for.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request, installation, jwt string) {
	var in struct {
		Repositories []string `json:"repositories"`
	}
	if why := decode(r, &in); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.apps, func(a *app) bool { return strconv.FormatInt(a.installation, 10) == installation })
	if at < 0 {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	a := s.apps[at]
	if why := a.proves(jwt, s.Now()); why != "" {
		refuse(w, http.StatusUnauthorized, why)
		return
	}
	g := grant{token: "ghs_" + rand.Text(), until: s.Now().Add(s.TokenLife)}
	for _, full := range a.repositories {
		_, name, _ := strings.Cut(full, "/")
		if len(in.Repositories) == 0 || slices.Contains(in.Repositories, name) {
			g.repositories = append(g.repositories, full)
		}
	}
	if len(g.repositories) == 0 {
		refuse(w, http.StatusUnprocessableEntity, "There is at least one repository that does not exist or is not accessible to the parent installation.")
		return
	}
	s.exchanged++
	a.granted = append(a.granted, g)
	answer(w, http.StatusCreated, map[string]any{"token": g.token, "expires_at": g.until.UTC().Format(time.RFC3339)})
}

// Granted returns the tokens that were given to Apps.
func (s *Server) Granted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var tokens []string
	for _, a := range s.apps {
		for _, g := range a.granted {
			tokens = append(tokens, g.token)
		}
	}
	return tokens
}

// proves returns what is wrong with a JWT (docs.github.com, "Generating a JSON Web Token
// (JWT) for a GitHub App"): RS256, issued by the App, for ten minutes at most.
func (a *app) proves(jwt string, now time.Time) string {
	const undecodable = "A JSON web token could not be decoded"
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return undecodable
	}
	var head struct{ Alg string }
	var claims struct {
		Iat, Exp int64
		Iss      string
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !unpack(parts[0], &head) || !unpack(parts[1], &claims) || head.Alg != "RS256" {
		return undecodable
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	at := now.Unix()
	switch {
	case rsa.VerifyPKCS1v15(a.key, crypto.SHA256, sum[:], signature) != nil:
		return undecodable
	case claims.Iss != strconv.FormatInt(a.id, 10):
		return "'Issuer' claim ('iss') must be the App's id"
	case claims.Iat > at || claims.Exp <= at || claims.Exp-claims.Iat > 600:
		return "'Expiration time' claim ('exp') is too far in the future, or over"
	}
	return ""
}

func unpack(part string, into any) bool {
	data, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(data, into) == nil
}

// known reports whether a token is taken at all.
func (s *Server) known(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return token != "" && (slices.Contains(s.tokens, token) || s.granted(token) != nil)
}

// admits reports whether a token is good for a repository.
func (s *Server) admits(token, repository string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.granted(token)
	return slices.Contains(s.tokens, token) || g != nil && slices.Contains(g.repositories, repository)
}

// granted returns what an App's token is good for, nil where it is none or over.
func (s *Server) granted(token string) *grant {
	for _, a := range s.apps {
		for i, g := range a.granted {
			if g.token == token && s.Now().Before(g.until) {
				return &a.granted[i]
			}
		}
	}
	return nil
}
