package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"path/filepath"
	"sync/atomic"
	"time"
)

// server is "git http-backend" for one repository, on a free loopback port. It counts.
type server struct {
	url      string
	requests atomic.Int64
	sent     atomic.Int64
	http     *http.Server
}

// serve serves a bare repository until the bench ends.
func (b *bench) serve(ctx context.Context, repository string) (*server, error) {
	exec, _, err := runGit(ctx, b.scratch, "--exec-path")
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for git: %w", err)
	}
	s := &server{url: "http://" + listener.Addr().String() + "/" + filepath.Base(repository)}
	backend := &cgi.Handler{Path: filepath.Join(exec, "git-http-backend"), Stderr: io.Discard, // what it complains of is the client's error too
		Env: append(inherited(), "GIT_PROJECT_ROOT="+filepath.Dir(repository), "GIT_HTTP_EXPORT_ALL=1")}
	s.http = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		backend.ServeHTTP(&counter{ResponseWriter: w, n: &s.sent}, r)
	})}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	b.servers = append(b.servers, s)
	return s, nil
}

// counted runs something and adds what the server saw of it.
func (s *server) counted(run func() (usage, error)) (usage, error) {
	requests, sent := s.requests.Load(), s.sent.Load()
	u, err := run()
	u.requests, u.received = int(s.requests.Load()-requests), s.sent.Load()-sent
	return u, err
}

// counter counts the bytes of an answer.
type counter struct {
	http.ResponseWriter
	n *atomic.Int64
}

// Write counts what is written.
func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// Flush hands on what is there.
func (c *counter) Flush() { _ = http.NewResponseController(c.ResponseWriter).Flush() }
