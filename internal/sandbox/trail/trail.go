package trail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// maxBody is above the largest request of the services whose bodies are read: a DynamoDB
// transaction has 4 MB, a batch of items 16.
const maxBody = 17 << 20

// inPath are the services whose requests name what they change in their path; their bodies, objects
// and code among them, may be as large as they like.
var inPath = map[string]bool{"s3": true, "lambda": true}

// invoker is CloudFormation as CloudTrail has it: of the calls that it makes for a stack, the
// userIdentity's invokedBy and the address (user guide, "CloudTrail userIdentity element").
const invoker = "cloudformation.amazonaws.com"

// Config is what the trail needs of the sandbox.
type Config struct {
	Account  string // of calls whose access key nobody was given
	Identity func(accessKey string) (sts.Identity, bool)
	Emit     wire.Emit
	Now      func() time.Time
	Log      *slog.Logger
}

// Trail is CloudTrail.
type Trail struct {
	c       Config
	mu      sync.Mutex
	servers []*http.Server
	running sync.WaitGroup
}

// New returns a trail that sees nothing yet.
func New(c Config) *Trail { return &Trail{c: c} }

// Watch hands requests on to next, and tells of those that changed something.
func (t *Trail) Watch(next http.Handler) http.Handler {
	return t.watch(next, func(r *http.Request, scope sts.Scope) (identity, string) {
		who, _ := t.c.Identity(scope.AccessKey)
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = r.RemoteAddr
		}
		return t.identity(who), host
	})
}

// Beneath returns the address of a server, until Close, that hands requests on to another one and
// tells of what they changed as of CloudFormation's doing.
func (t *Trail) Beneath(ctx context.Context, to string) (string, error) {
	target, err := url.Parse(to)
	if err != nil {
		return "", fmt.Errorf("read address: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen beneath CloudFormation: %w", err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.URL.RawQuery, p.Out.Host = target.Scheme, target.Host, p.In.URL.RawQuery, p.In.Host
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		ErrorLog:  slog.NewLogLogger(t.c.Log.Handler(), slog.LevelWarn),
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: t.watch(proxy, func(r *http.Request, _ sts.Scope) (identity, string) {
		account := r.Header.Get("X-Moto-Account-Id")
		if account == "" {
			account = t.c.Account
		}
		return identity{Type: "AWSService", Account: account, InvokedBy: invoker, account: account}, invoker
	})}
	t.mu.Lock()
	t.servers = append(t.servers, server)
	t.mu.Unlock()
	t.running.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.c.Log.Error("the trail beneath CloudFormation stopped", "error", err)
		}
	})
	return "http://" + listener.Addr().String(), nil
}

// Close ends the servers of Beneath. It may be repeated.
func (t *Trail) Close() {
	t.mu.Lock()
	for _, s := range t.servers {
		_ = s.Close()
	}
	t.mu.Unlock()
	t.running.Wait()
}

// watch tells of the requests that changed something, as of who says.
func (t *Trail) watch(next http.Handler, who func(*http.Request, sts.Scope) (identity, string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scope, signed := sts.ScopeOf(r)
		if !signed || !watched[scope.Service] {
			next.ServeHTTP(w, r)
			return
		}
		var body []byte
		if !inPath[scope.Service] {
			var err error
			if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
				http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		c, changes := callOf(scope.Service, r, body)
		if !changes {
			next.ServeHTTP(w, r)
			return
		}
		by, from := who(r, scope)
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		if answer.status < http.StatusMultipleChoices {
			t.tell(r.Context(), scope, c, by, from, r.UserAgent())
		}
	})
}

// record is a CloudTrail record (user guide, "CloudTrail record contents for management events").
type record struct {
	Version   string         `json:"eventVersion"`
	By        identity       `json:"userIdentity"`
	At        string         `json:"eventTime"`
	Source    string         `json:"eventSource"`
	Name      string         `json:"eventName"`
	Region    string         `json:"awsRegion"`
	From      string         `json:"sourceIPAddress"`
	Agent     string         `json:"userAgent"`
	Request   map[string]any `json:"requestParameters"`
	Response  any            `json:"responseElements"`
	RequestID string         `json:"requestID"`
	ID        string         `json:"eventID"`
	ReadOnly  bool           `json:"readOnly"`
	Type      string         `json:"eventType"`
	Manages   bool           `json:"managementEvent"`
	Recipient string         `json:"recipientAccountId"`
	Category  string         `json:"eventCategory"`
}

// identity is a record's userIdentity.
type identity struct {
	Type      string   `json:"type"`
	ARN       string   `json:"arn,omitempty"`
	Account   string   `json:"accountId,omitempty"`
	AccessKey string   `json:"accessKeyId,omitempty"`
	UserName  string   `json:"userName,omitempty"`
	Session   *session `json:"sessionContext,omitempty"`
	InvokedBy string   `json:"invokedBy,omitempty"`
	account   string   // whose record it is
}

type session struct {
	Issuer issuer `json:"sessionIssuer"`
}

type issuer struct {
	Type     string `json:"type"`
	ARN      string `json:"arn"`
	Account  string `json:"accountId"`
	UserName string `json:"userName"`
}

// identity returns whose access key it is. One that nobody was given is an account's, as is the
// key of somebody of whom a service knows no more.
func (t *Trail) identity(who sts.Identity) identity {
	last := func(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
	i := identity{ARN: who.ARN, Account: who.Account, AccessKey: who.AccessKey, account: who.Account}
	switch {
	case who.ARN == "":
		i.Type, i.Account, i.account = "AWSAccount", t.c.Account, t.c.Account
	case who.RoleARN != "":
		i.Type = "AssumedRole"
		i.Session = &session{issuer{Type: "Role", ARN: who.RoleARN, Account: who.Account, UserName: last(who.RoleARN)}}
	default:
		i.Type, i.UserName = "IAMUser", last(who.ARN)
	}
	return i
}

// tell puts the event of a call on the bus of the account and region that the call was made in;
// IAM's are all in one region (IAM user guide, "Logging IAM and AWS STS API calls").
func (t *Trail) tell(ctx context.Context, scope sts.Scope, c call, by identity, from, agent string) {
	region := scope.Region
	if scope.Service == "iam" {
		region = "us-east-1"
	}
	detail, err := json.Marshal(record{Version: "1.11", By: by, At: t.c.Now().UTC().Format(time.RFC3339), Source: scope.Service + ".amazonaws.com",
		Name: c.name, Region: region, From: from, Agent: agent, Request: c.parameters, RequestID: wire.NewUUID(), ID: wire.NewUUID(),
		Type: "AwsApiCall", Manages: true, Recipient: by.account, Category: "Management"})
	if err != nil {
		t.c.Log.Error("record not encodable", "call", c.name, "error", err)
		return
	}
	t.c.Emit(context.WithoutCancel(ctx), wire.Event{Source: "aws." + scope.Service, DetailType: "AWS API Call via CloudTrail",
		Detail: detail, Account: by.account, Region: region})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets a proxy flush.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
