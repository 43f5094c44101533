// Package guard makes the HTTP transport for addresses that other people choose: a
// repository's URL, a probe of an application. It reaches public addresses by https and
// nothing else, so that nobody can read the metadata service, the loopback interface or
// a private network through Driftless.
//
// An address is judged after its name is resolved, at the moment of dialing, so that a
// name that resolves differently the second time gains nothing. The package imports the
// standard library only.
package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrRefused is in the chain of every error that a refused address leads to.
var ErrRefused = errors.New("refused")

// Transport returns a transport that refuses addresses that are not public, and schemes
// other than https. A host in allow, written "host" or "host:port" as it stands in the
// URL, is exempt from both: that is the installation's allowPrivateHosts. It uses no
// proxy, since behind one the address that is reached cannot be seen.
func Transport(allow []string) *http.Transport {
	return transport(allow, &net.Dialer{Timeout: dialing}, &net.Dialer{Timeout: dialing, Control: control})
}

// dialing is how long a connection may take to be made.
const dialing = 10 * time.Second

// transport dials hosts in allow by open, and all others by guarded.
func transport(allow []string, open, guarded *net.Dialer) *http.Transport {
	allowed := make(map[string]bool, len(allow))
	for _, host := range allow {
		allowed[strings.ToLower(strings.TrimSpace(host))] = true
	}
	return &http.Transport{
		// Proxy is asked once for every request, with its URL, and its error ends the
		// request: the one place of a plain *http.Transport where the scheme is known.
		Proxy: func(r *http.Request) (*url.URL, error) { return nil, checkScheme(r.URL, allowed) },
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if isAllowed(address, allowed) {
				return open.DialContext(ctx, network, address)
			}
			return guarded.DialContext(ctx, network, address)
		},
		ForceAttemptHTTP2:      true, // a DialContext of one's own switches it off otherwise
		MaxIdleConns:           16,
		IdleConnTimeout:        60 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// checkScheme refuses everything but https, unless the host is allowed.
func checkScheme(u *url.URL, allowed map[string]bool) error {
	if u.Scheme == "https" || allowed[strings.ToLower(u.Host)] || allowed[strings.ToLower(u.Hostname())] {
		return nil
	}
	return fmt.Errorf("%w: %s://%s is not https, and %s is not in allowPrivateHosts", ErrRefused, u.Scheme, u.Host, u.Hostname())
}

func isAllowed(address string, allowed map[string]bool) bool {
	address = strings.ToLower(address)
	host, _, err := net.SplitHostPort(address)
	return allowed[address] || err == nil && allowed[host]
}

// control judges the address that is about to be dialed. It is called for every address
// that a name resolves to.
func control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s is not an address", ErrRefused, address)
	}
	if !Public(at.Addr()) {
		return fmt.Errorf("%w: %s is not a public address, and its host is not in allowPrivateHosts", ErrRefused, at.Addr())
	}
	return nil
}

// notPublic is what netip's predicates leave over of IANA's special-purpose registries,
// the ranges that embed an IPv4 address among them: through those a private one could be
// reached under another name.
var notPublic = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"168.63.129.16/32", // Azure's platform service, on an address that looks public
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
)

// Public reports whether an address is on the public internet: not loopback, private,
// link-local (the metadata service of every cloud), shared (carriers' NAT), multicast,
// unspecified or reserved.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.Zone() != "" {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}
