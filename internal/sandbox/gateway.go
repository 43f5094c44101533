package sandbox

import (
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
)

// Paths of our own, which no AWS service has. An S3 bucket cannot collide with them: its
// name has three characters at least and no leading underscore.
const (
	controlPath     = "/_sandbox/"
	functionURLPath = "/_lambda-url/"
	gitPath         = "/v1/repos/"
)

// gateway sends each request to the part that answers it.
type gateway struct {
	control, functionURL, git http.Handler
	services                  map[string]http.Handler // by the credential scope's service
	moto                      http.Handler            // all else
}

// ServeHTTP routes by path for what is ours alone, else by the service that the request was
// signed for.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scope, signed := sts.ScopeOf(r)
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, controlPath):
		g.control.ServeHTTP(w, r)
	case strings.HasPrefix(path, functionURLPath):
		g.functionURL.ServeHTTP(w, r)
	case strings.HasPrefix(path, gitPath) && !signed: // git brings Basic auth, never a scope
		g.git.ServeHTTP(w, r)
	default:
		if service, ok := g.services[scope.Service]; ok {
			service.ServeHTTP(w, r)
			return
		}
		g.moto.ServeHTTP(w, r)
	}
}

// newProxy hands requests to moto as they are, the Host included: S3's redirects, queue
// URLs and signatures are made from it.
func newProxy(motoURL string, log *slog.Logger) (http.Handler, error) {
	to, err := url.Parse(motoURL)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = to.Scheme, to.Host
			p.Out.URL.RawQuery = p.In.URL.RawQuery // ReverseProxy drops what it cannot parse
			p.Out.Host = p.In.Host
		},
		FlushInterval: -1,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}, nil
}
