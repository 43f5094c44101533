package guard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// names is a DNS server that answers each lookup of a name with the next of its answers, and
// with the last one from then on: what whoever owns a zone may do.
type names struct {
	mu      sync.Mutex
	answers [][]string
	asked   int // lookups, each of which is a question for IPv4 and one for IPv6
}

// resolver asks the server, over a connection that stays in this process.
func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go n.serve(there)
		return here, nil
	}}
}

// serve answers one question in the form of DNS over TCP (RFC 1035, 4.2.2: two bytes of length
// before each message).
func (n *names) serve(conn net.Conn) {
	defer conn.Close()
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	question := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, question); err != nil {
		return
	}
	answer := n.answer(question)
	_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)) // the asker may be gone
}

// answer repeats the question and gives the addresses of its type (RFC 1035, 4.1).
func (n *names) answer(question []byte) []byte {
	const header = 12
	end := header
	for end < len(question) && question[end] != 0 { // labels, each after its length
		end += 1 + int(question[end])
	}
	end += 5 // the empty label, type, class
	kind := binary.BigEndian.Uint16(question[end-4:])
	n.mu.Lock()
	round := min(n.asked/2, len(n.answers)-1)
	n.asked++
	n.mu.Unlock()
	var records []byte
	count := uint16(0)
	for _, text := range n.answers[round] {
		at := netip.MustParseAddr(text)
		if at.Is4() != (kind == 1) { // A; AAAA is 28
			continue
		}
		count++
		records = append(records, 0xc0, header) // the name of the question
		records = binary.BigEndian.AppendUint16(records, kind)
		records = append(records, 0, 1, 0, 0, 0, 0) // class IN, and nobody may keep it
		records = binary.BigEndian.AppendUint16(records, uint16(at.BitLen()/8))
		records = append(records, at.AsSlice()...)
	}
	out := slices.Concat(question[:2], []byte{0x84, 0x00, 0, 1}, binary.BigEndian.AppendUint16(nil, count), []byte{0, 0, 0, 0}, question[header:end])
	return append(out, records...)
}

// errReached says that an address was let through. Nothing of the kind leaves this machine.
var errReached = errors.New("let through")

// rebound returns a transport whose names come from a server, and the addresses that it would
// have connected to.
func rebound(n *names) (*http.Transport, func() []string) {
	var mu sync.Mutex
	var reached []string
	guarded := &net.Dialer{Timeout: time.Second, Resolver: n.resolver(), Control: func(network, address string, c syscall.RawConn) error {
		if err := control(network, address, c); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		reached = append(reached, address)
		return errReached
	}}
	return transport(nil, guarded, guarded), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(reached)
	}
}

func ask(t *testing.T, through *http.Transport, host string) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: through}).Do(r)
	if err == nil {
		response.Body.Close()
		t.Fatalf("%s was reached", host)
	}
	return err
}

const public, public6 = "140.82.121.3", "2606:50c0:8000::153"

func TestANameThatIsReboundGainsNothing(t *testing.T) {
	for _, private := range []string{
		"127.0.0.1", "127.1.2.3", "169.254.169.254", "169.254.170.2", "10.0.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255",
		"0.0.0.0", "::1", "::", "fe80::1", "fd00:ec2::254", "fd12:3456::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
		"64:ff9b::a9fe:a9fe", "2002:7f00:1::", "ff02::1",
	} {
		t.Run(private, func(t *testing.T) {
			n := &names{answers: [][]string{{public}, {private}}}
			through, reached := rebound(n)
			if err := ask(t, through, "rebound.example"); !errors.Is(err, errReached) {
				t.Fatalf("the public address: %v, want it let through", err)
			}
			if err := ask(t, through, "rebound.example"); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "is not a public address") {
				t.Errorf("the private address: %v, want a refusal", err)
			}
			if got := reached(); len(got) != 1 || got[0] != public+":443" {
				t.Errorf("let through: %v, want the public address alone", got)
			}
		})
	}
}

// Both addresses at once is the quicker way: when the first does not answer, the next is tried.
func TestAPrivateAddressBesideAPublicOneIsRefused(t *testing.T) {
	for name, answer := range map[string][]string{
		"behind it":         {public, "127.0.0.1"},
		"before it":         {"169.254.169.254", public},
		"by IPv6":           {public6, "::1", "fd00::1"},
		"by the other kind": {public, "::1", public6, "10.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			through, reached := rebound(&names{answers: [][]string{answer}})
			if err := ask(t, through, "both.example"); err == nil {
				t.Error("it was reached")
			}
			for _, at := range reached() {
				if host, _, _ := net.SplitHostPort(at); host != public && host != public6 {
					t.Errorf("%s was let through", at)
				}
			}
		})
	}
}

// What libc reads as addresses are names here, and whatever they resolve to is judged.
func TestHostsThatAreNumbersAreRefused(t *testing.T) {
	for _, host := range []string{"2130706433", "0177.0.0.1", "0x7f.1", "0x7f000001", "127.1", "017700000001", "3232235777", "0xa9fea9fe", "127.0.0.1.", "[::ffff:7f00:1]",
		"[::ffff:127.0.0.1]", "[::1]", "127.0.0.1", "169.254.169.254", "[fd00:ec2::254]", "localhost", "LOCALHOST.", "metadata.google.internal"} {
		t.Run(host, func(t *testing.T) {
			through, reached := rebound(&names{answers: [][]string{{"127.0.0.1", "::1"}}})
			if err := ask(t, through, host); err == nil || len(reached()) > 0 {
				t.Errorf("%v, let through: %v", err, reached())
			}
		})
	}
}

func TestASchemeOfANumberIsRefusedBeforeANameIsLookedUp(t *testing.T) {
	n := &names{answers: [][]string{{public}}}
	through, reached := rebound(n)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://2130706433/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := through.RoundTrip(r); !errors.Is(err, ErrRefused) || n.asked > 0 || len(reached()) > 0 {
		t.Errorf("%v after %d lookups", err, n.asked)
	}
}

// A redirect is another request of the same transport, and judged as the first was.
func TestARedirectToAPrivateAddressIsRefused(t *testing.T) {
	for _, to := range []string{"https://169.254.169.254/latest/meta-data/", "https://[::1]/", "http://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1:25/"} {
		t.Run(to, func(t *testing.T) {
			through, reached := rebound(&names{answers: [][]string{{public}}})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://first.example/", nil)
			if err != nil {
				t.Fatal(err)
			}
			asked := 0
			client := &http.Client{Transport: hop(func(r *http.Request) (*http.Response, error) {
				if asked++; asked == 1 {
					return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {to}}, Body: http.NoBody, Request: r}, nil
				}
				return through.RoundTrip(r)
			})}
			if _, err := client.Do(r); err == nil || len(reached()) > 0 || asked != 2 {
				t.Errorf("%v after %d requests, let through: %v", err, asked, reached())
			}
		})
	}
}

type hop func(*http.Request) (*http.Response, error)

func (h hop) RoundTrip(r *http.Request) (*http.Response, error) { return h(r) }

func ExampleTransport() {
	client := &http.Client{Transport: Transport(nil)}
	_, err := client.Get("https://169.254.169.254/latest/meta-data/")
	fmt.Println(errors.Is(err, ErrRefused))
	// Output: true
}
