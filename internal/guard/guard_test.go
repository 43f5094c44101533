package guard_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/guard"
)

func TestPublicAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"140.82.121.3":           true,
		"2606:50c0:8000::153":    true,
		"::ffff:140.82.121.3":    true,
		"127.0.0.1":              false,
		"10.1.2.3":               false,
		"172.16.0.1":             false,
		"192.168.1.1":            false,
		"169.254.169.254":        false, // metadata
		"fd00:ec2::254":          false, // metadata of EC2 by IPv6
		"100.64.0.1":             false, // carriers' NAT
		"100.100.100.200":        false, // metadata of Alibaba Cloud
		"168.63.129.16":          false, // Azure's platform
		"0.0.0.0":                false,
		"0.1.2.3":                false,
		"224.0.0.1":              false,
		"255.255.255.255":        false,
		"::":                     false,
		"::1":                    false,
		"fe80::1":                false,
		"::ffff:127.0.0.1":       false,
		"::ffff:169.254.169.254": false,
		"64:ff9b::7f00:1":        false, // NAT64 of 127.0.0.1
		"2002:7f00:1::":          false, // 6to4 of 127.0.0.1
	} {
		if got := guard.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) = %v, want %v", text, got, want)
		}
	}
}

func TestOnlyAllowedPrivateHostsAreReached(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	t.Cleanup(server.Close)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	at := server.Listener.Addr().String()
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		url   string
		allow []string
		want  string // in the error; empty: reached
	}{
		"http to a host that is not allowed is refused":          {server.URL, nil, "is not https"},
		"https to loopback is refused at dialing":                {secure.URL, nil, "127.0.0.1 is not a public address"},
		"a name that resolves to loopback is refused":            {"https://localhost:" + port, nil, "is not a public address"},
		"an allowed host and port is reached":                    {server.URL, []string{at}, ""},
		"an allowed host is reached at every port":               {server.URL, []string{"127.0.0.1"}, ""},
		"another port of an allowed host and port is refused":    {server.URL, []string{"127.0.0.1:1"}, "is not https"},
		"a host that merely contains an allowed one is refused":  {server.URL, []string{"27.0.0.1"}, "is not https"},
		"the spelling of an allowed host does not matter":        {"http://LocalHost:" + port, []string{" localhost "}, ""},
		"an address that is not allowed under its name is still": {server.URL, []string{"localhost"}, "is not https"},
	} {
		t.Run(name, func(t *testing.T) {
			transport := guard.Transport(c.allow)
			defer transport.CloseIdleConnections()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := (&http.Client{Transport: transport}).Do(request)
			if c.want == "" {
				if err != nil {
					t.Fatalf("got %v, want an answer", err)
				}
				_ = response.Body.Close()
				return
			}
			if !errors.Is(err, guard.ErrRefused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a refusal with %q", err, c.want)
			}
		})
	}
}
