package probe_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/probe"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// serve starts an application that answers by paths, and returns its address and what probes it.
func serve(t *testing.T, answers map[string]http.HandlerFunc) (address string, p *probe.Prober) {
	t.Helper()
	mux := http.NewServeMux()
	for path, answer := range answers {
		mux.HandleFunc(path, answer)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, probe.New([]string{strings.TrimPrefix(server.URL, "http://")})
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func leads(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}
}

func attempt(t *testing.T, p *probe.Prober, c gitops.HTTPCheck, outputs map[string]string) gitops.Verdict {
	t.Helper()
	v, err := p.Check(t.Context(), reconcile.Work{}, gitops.Check{Name: "web", HTTP: &c}, outputs)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAnAnswerIsHeldAgainstWhatIsWanted(t *testing.T) {
	rounds := 0
	address, p := serve(t, map[string]http.HandlerFunc{
		"/well":    says(200, "all is well"),
		"/made":    says(201, ""),
		"/ill":     says(503, "out of order"),
		"/moved":   leads("/well"),
		"/round":   func(w http.ResponseWriter, r *http.Request) { rounds++; leads("/round")(w, r) },
		"/away":    leads("https://elsewhere.example/well"),
		"/guarded": leads("http://me:secret@127.0.0.1/well"),
		"/long":    says(200, strings.Repeat("x", 1<<20)+"well"),
		"/just":    says(200, strings.Repeat("x", 1<<20-4)+"well"),
		"/endless": func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; _, err = w.Write(make([]byte, 1<<16)) {
			}
		},
	})
	for name, c := range map[string]struct {
		check gitops.HTTPCheck
		want  gitops.Verdict // with AT in place of the address
	}{
		"200 is wanted where nothing is said":     {gitops.HTTPCheck{URL: "/well"}, gitops.Verdict{Passed: true, Reason: "GET AT/well answered 200"}},
		"another status is":                       {gitops.HTTPCheck{URL: "/made", Status: 201}, gitops.Verdict{Passed: true, Reason: "GET AT/made answered 201"}},
		"any other fails":                         {gitops.HTTPCheck{URL: "/ill"}, gitops.Verdict{Reason: "GET AT/ill answered 503, want 200"}},
		"a body that matches":                     {gitops.HTTPCheck{URL: "/well", Body: `^all is \w+$`}, gitops.Verdict{Passed: true, Reason: "GET AT/well answered 200, and its body matches"}},
		"a body that does not, and is not told":   {gitops.HTTPCheck{URL: "/well", Body: "ready"}, gitops.Verdict{Reason: "GET AT/well answered 200, and its body does not match ready"}},
		"the last that is read of a body":         {gitops.HTTPCheck{URL: "/just", Body: "well"}, gitops.Verdict{Passed: true, Reason: "GET AT/just answered 200, and its body matches"}},
		"what comes after that":                   {gitops.HTTPCheck{URL: "/long", Body: "w"}, gitops.Verdict{Reason: "GET AT/long answered 200, and the first megabyte of its body does not match w"}},
		"a body without an end":                   {gitops.HTTPCheck{URL: "/endless", Body: "w"}, gitops.Verdict{Reason: "GET AT/endless answered 200, and the first megabyte of its body does not match w"}},
		"a redirect is followed":                  {gitops.HTTPCheck{URL: "/moved", Body: "well"}, gitops.Verdict{Passed: true, Reason: "GET AT/moved answered 200, and its body matches"}},
		"but where it is itself what is wanted":   {gitops.HTTPCheck{URL: "/away", Status: 302}, gitops.Verdict{Passed: true, Reason: "GET AT/away answered 302"}},
		"not without end":                         {gitops.HTTPCheck{URL: "/round"}, gitops.Verdict{Reason: "GET AT/round: redirected more than 3 times: not followed"}},
		"not to another host":                     {gitops.HTTPCheck{URL: "/away"}, gitops.Verdict{Reason: "GET AT/away: redirected to elsewhere.example, which is another host: not followed"}},
		"not with credentials":                    {gitops.HTTPCheck{URL: "/guarded"}, gitops.Verdict{Reason: "GET AT/guarded: redirected to an address with credentials: not followed"}},
		"a query is not told":                     {gitops.HTTPCheck{URL: "/well?token=secret"}, gitops.Verdict{Passed: true, Reason: "GET AT/well answered 200"}},
		"an expression that is none is final":     {gitops.HTTPCheck{URL: "/well", Body: "("}, gitops.Verdict{Final: true, Reason: `body "(" is no regular expression (RE2): error parsing regexp: missing closing ): ` + "`(`"}},
		"a body is not looked for where it fails": {gitops.HTTPCheck{URL: "/ill", Body: "order"}, gitops.Verdict{Reason: "GET AT/ill answered 503, want 200"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.check.URL = address + c.check.URL
			got := attempt(t, p, c.check, nil)
			got.Reason = strings.ReplaceAll(got.Reason, address, "AT")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
	if rounds != 4 {
		t.Errorf("what leads to itself was asked %d times, want once and three times more", rounds)
	}
}

// An address may lead elsewhere by the next attempt, and a connection may be of a server that left.
func TestEachAttemptConnectsAnew(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(says(200, ""))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	p := probe.New([]string{strings.TrimPrefix(server.URL, "http://")})
	for range 2 {
		if v := attempt(t, p, gitops.HTTPCheck{URL: server.URL}, nil); !v.Passed {
			t.Errorf("got %+v", v)
		}
	}
	if n := connections.Load(); n != 2 {
		t.Errorf("two attempts made %d connections", n)
	}
}

func TestOutputsArePutIntoTheAddress(t *testing.T) {
	address, p := serve(t, map[string]http.HandlerFunc{"/v2/well": says(200, "")})
	outputs := map[string]string{"Url": address + "/", "Stage": "v2"}
	if v := attempt(t, p, gitops.HTTPCheck{URL: "${outputs.Url}${outputs.Stage}/well"}, outputs); !v.Passed {
		t.Errorf("got %+v", v)
	}
	for text, want := range map[string]string{
		"${outputs.Uri}well":            `url: the stack has no output "Uri"; it has Stage, Url`,
		"${Url}well":                    "url: ${Url}well is none of ${outputs.NAME}",
		"${outputs.Url":                 "url: ${outputs.Url is none of ${outputs.NAME}",
		"${outputs.Stage}/well":         `url "${outputs.Stage}/well", with the stack's outputs in it, is no https://host/path`,
		"https://me:secret@example.com": `url "https://me:secret@example.com" holds credentials, which would be sent and shown: none are allowed`,
		"ftp://${outputs.Stage}":        `url "ftp://${outputs.Stage}", with the stack's outputs in it, is no https://host/path`,
		"https://%zz":                   `url "https://%zz", with the stack's outputs in it, is no URL`,
	} {
		if diff := cmp.Diff(gitops.Verdict{Final: true, Reason: want}, attempt(t, p, gitops.HTTPCheck{URL: text}, outputs)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	if v := attempt(t, p, gitops.HTTPCheck{URL: "${outputs.Url}"}, nil); !strings.HasSuffix(v.Reason, "it has none") {
		t.Errorf("without any output: %+v", v)
	}
}

// What is not public is reached only where the installation allows it, whichever way it is named.
func TestWhatIsNotPublicIsRefusedForGood(t *testing.T) {
	address, allowed := serve(t, map[string]http.HandlerFunc{"/": says(200, "")})
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if v := attempt(t, allowed, gitops.HTTPCheck{URL: address}, nil); !v.Passed {
		t.Fatalf("where it is allowed: %+v", v)
	}
	for _, refused := range []string{
		address, "https://" + at.Host, "https://localhost:" + at.Port(), "https://[::1]:" + at.Port(),
		"https://169.254.169.254/latest/meta-data/", "https://[fe80::1]/", "https://10.0.0.1/", "https://192.168.1.1/", "https://[fd00::1]/",
		"http://example.com/",
	} {
		if v := attempt(t, probe.New(nil), gitops.HTTPCheck{URL: refused}, nil); v.Passed || !v.Final || !strings.Contains(v.Reason, "refused") {
			t.Errorf("%s: got %+v", refused, v)
		}
	}
}

func TestR62_AProbeThatHangsEndsByItsLimit(t *testing.T) {
	left := make(chan struct{})
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done(); left <- struct{}{} }
	address, p := serve(t, map[string]http.HandlerFunc{
		"/mute": hang,
		"/half": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		},
	})
	for path, want := range map[string]string{"/mute": " was not answered in time", "/half": " answered 200, and its body did not end in time"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		v, err := p.Check(ctx, reconcile.Work{}, gitops.Check{HTTP: &gitops.HTTPCheck{URL: address + path, Body: "well"}}, nil)
		cancel()
		if err != nil || v != (gitops.Verdict{Reason: "GET " + address + path + want}) {
			t.Errorf("%s: got %+v, %v", path, v, err)
		}
		<-left // and the application is not kept waiting
	}
}

func TestWhatIsNoAnswerIsToldWithoutItsWords(t *testing.T) {
	cut := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(answer))
			_ = c.Close()
		}
	}
	address, p := serve(t, map[string]http.HandlerFunc{
		"/gone": cut(""), "/odd": cut("secret words\r\n\r\n"), "/short": cut("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nwell"),
		"/lost": leads("http://[secret"),
	})
	for path, want := range map[string]string{
		"/gone": ": the connection was closed without an answer", "/odd": ": the answer is no HTTP",
		"/short": " answered 200, and its body broke off", "/lost": ": the answer is no HTTP",
	} {
		got := attempt(t, p, gitops.HTTPCheck{URL: address + path, Body: "well"}, nil)
		if got != (gitops.Verdict{Reason: "GET " + address + path + want}) {
			t.Errorf("%s: got %+v", path, got)
		}
	}
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if v := attempt(t, probe.New([]string{"127.0.0.1"}), gitops.HTTPCheck{URL: server.URL}, nil); v.Passed || v.Final || !strings.Contains(v.Reason, "connection refused") {
		t.Errorf("where nobody listens: %+v", v)
	}
}

func TestACertificateThatNobodyVouchesForFails(t *testing.T) {
	server := httptest.NewTLSServer(says(200, ""))
	defer server.Close()
	at := strings.TrimPrefix(server.URL, "https://")
	if v := attempt(t, probe.New([]string{at}), gitops.HTTPCheck{URL: server.URL}, nil); v.Passed || v.Final || !strings.Contains(v.Reason, "certificate") {
		t.Errorf("got %+v", v)
	}
}
