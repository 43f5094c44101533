package lambda

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/bootstrap"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// serveURL answers a request to a function URL: it makes the request the event that Lambda
// makes of it, invokes the function and turns its answer back.
func (s *Service) serveURL(w http.ResponseWriter, r *http.Request) {
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, urlPrefix), "/")
	s.mu.Lock()
	u := s.urls[id]
	s.mu.Unlock()
	if u == nil {
		refuse(w, http.StatusForbidden, "AccessDeniedException", "Forbidden")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, bootstrap.MaxPayload+1))
	if err != nil || len(body) > bootstrap.MaxPayload {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "Request Entity Too Large")
		return
	}
	caller, err := s.authorize(r.Context(), r, body, *u)
	if err != nil {
		// Lambda tells the caller as little; the sandbox's log says why.
		s.config.Log.Warn("function URL refused", "function", u.function, "alias", u.qualifier, "reason", err)
		refuse(w, http.StatusForbidden, "AccessDeniedException", refusal(err))
		return
	}
	request := wire.NewUUID()
	payload, err := json.Marshal(s.urlEvent(r, *u, body, caller, request))
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalServerErrorException", "Internal Server Error")
		return
	}
	w.Header().Set("X-Amzn-Requestid", request)
	result, err := s.run(r.Context(), call{ref: reference{u.function, u.qualifier}, id: request, payload: payload})
	s.answer(w, *u, result, err)
}

// answer writes a function's answer, or what Lambda says in its place.
func (s *Service) answer(w http.ResponseWriter, u functionURL, result bootstrap.Result, err error) {
	var refused *wire.Error
	if errors.As(err, &refused) && (refused.Status == http.StatusTooManyRequests || refused.Status == http.StatusRequestEntityTooLarge) {
		refuse(w, refused.Status, refused.Code, refused.Message)
		return
	}
	if err == nil {
		err = s.functionError(reference{u.function, u.qualifier}, result)
	}
	var response urlResponse
	if err == nil {
		response, err = parseResponse(result.Payload)
	}
	if err != nil {
		s.config.Log.Warn("function URL failed", "function", u.function, "reason", err)
		refuse(w, http.StatusBadGateway, "InternalServerErrorException", "Internal Server Error")
		return
	}
	for k, v := range response.Headers {
		w.Header().Set(k, v)
	}
	for _, c := range response.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	w.WriteHeader(response.StatusCode)
	w.Write(response.body) //nolint:errcheck // the caller is gone
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", kind)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"Message": message}) //nolint:errcheck // the caller is gone
}

// urlResponse is what a function answers (Lambda developer guide, "Response payload format").
type urlResponse struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Cookies         []string          `json:"cookies"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`

	body []byte
}

// parseResponse reads an answer. Without a status code it is the body itself, as JSON.
func parseResponse(payload []byte) (urlResponse, error) {
	var keys map[string]json.RawMessage
	if json.Unmarshal(payload, &keys) != nil || keys["statusCode"] == nil {
		if !json.Valid(payload) {
			return urlResponse{}, errors.New("read answer: neither JSON nor an answer with a status code")
		}
		return urlResponse{StatusCode: http.StatusOK, Headers: map[string]string{"Content-Type": "application/json"}, body: payload}, nil
	}
	var r urlResponse
	if err := json.Unmarshal(payload, &r); err != nil {
		return urlResponse{}, fmt.Errorf("read answer: %w", err)
	}
	if r.StatusCode < 100 || r.StatusCode > 999 {
		return urlResponse{}, fmt.Errorf("read answer: status code %d", r.StatusCode)
	}
	r.body = []byte(r.Body)
	if r.IsBase64Encoded {
		b, err := base64.StdEncoding.DecodeString(r.Body)
		if err != nil {
			return urlResponse{}, fmt.Errorf("read answer's body: %w", err)
		}
		r.body = b
	}
	if http.Header(toHeader(r.Headers)).Get("Content-Type") == "" {
		if r.Headers == nil {
			r.Headers = map[string]string{}
		}
		r.Headers["Content-Type"] = "application/json"
	}
	return r, nil
}

func toHeader(m map[string]string) http.Header {
	h := http.Header{}
	for k, v := range m {
		h.Set(k, v)
	}
	return h
}

// urlEvent is the request as functions see it: payload format 2.0 (Lambda developer guide,
// "Request and response payloads"). The path is without our prefix.
type urlEvent struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        urlContext        `json:"requestContext"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type urlContext struct {
	AccountID    string         `json:"accountId"`
	APIID        string         `json:"apiId"`
	Authorizer   *urlAuthorizer `json:"authorizer,omitempty"`
	DomainName   string         `json:"domainName"`
	DomainPrefix string         `json:"domainPrefix"`
	HTTP         urlHTTP        `json:"http"`
	RequestID    string         `json:"requestId"`
	RouteKey     string         `json:"routeKey"`
	Stage        string         `json:"stage"`
	Time         string         `json:"time"`
	TimeEpoch    int64          `json:"timeEpoch"`
}

type urlAuthorizer struct {
	IAM urlCaller `json:"iam"`
}

// urlCaller is who signed a request.
type urlCaller struct {
	AccessKey       string  `json:"accessKey"`
	AccountID       string  `json:"accountId"`
	CallerID        string  `json:"callerId"`
	CognitoIdentity *string `json:"cognitoIdentity"`
	PrincipalOrgID  *string `json:"principalOrgId"`
	UserARN         string  `json:"userArn"`
	UserID          string  `json:"userId"`
}

type urlHTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

func (s *Service) urlEvent(r *http.Request, u functionURL, body []byte, caller *urlCaller, request string) urlEvent {
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.EscapedPath(), urlPrefix), u.id)
	if path == "" {
		path = "/"
	}
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	now := s.config.Now().UTC()
	e := urlEvent{
		Version: "2.0", RouteKey: "$default", RawPath: path, RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{
			"host": r.Host, "x-forwarded-for": source, "x-forwarded-proto": "https", "x-forwarded-port": "443",
		},
		RequestContext: urlContext{
			AccountID: "anonymous", APIID: u.id, DomainName: r.Host, DomainPrefix: u.id, RequestID: request,
			RouteKey: "$default", Stage: "$default", Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: urlHTTP{Method: r.Method, Path: path, Protocol: "HTTP/1.1", SourceIP: source, UserAgent: r.UserAgent()},
		},
	}
	if caller != nil {
		e.RequestContext.AccountID = caller.AccountID
		e.RequestContext.Authorizer = &urlAuthorizer{IAM: *caller}
	}
	for name, values := range r.Header {
		if name == "Cookie" {
			for _, v := range values {
				e.Cookies = append(e.Cookies, strings.Split(v, "; ")...)
			}
			continue
		}
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	for name, values := range r.URL.Query() {
		if e.QueryStringParameters == nil {
			e.QueryStringParameters = map[string]string{}
		}
		e.QueryStringParameters[name] = strings.Join(values, ",")
	}
	e.Body = string(body)
	if len(body) > 0 && !isText(r.Header.Get("Content-Type"), body) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

// isText says whether a body goes into the event as it is: text by its type, and UTF-8.
func isText(contentType string, body []byte) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain"
	}
	textual := strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
	switch kind {
	case "application/json", "application/xml", "application/javascript":
		textual = true
	}
	return textual && utf8.Valid(body)
}
