package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// errPartial: the server does not send trees without files, and files by their ids.
var errPartial = errors.New("the server sends whole commits only")

// remote is what is known of a repository's server.
type remote struct {
	abilities
	learned bool   // the server was asked what it can do; else it is taken to be able to do all
	moved   string // the URL that it redirects to, on the same host
}

// able is what a server can do as long as nothing else is known of it.
var able = abilities{v2: true, filter: true, byID: true}

// remote returns what is known of a repository's server.
func (c *Client) remote(r gitops.Repository) remote {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, known := c.remotes[r.URL]; known {
		return at
	}
	return remote{abilities: able}
}

// remember keeps what an exchange showed of a server.
func (c *Client) remember(r gitops.Repository, x *exchange, can abilities, learned bool) {
	at := remote{abilities: can, learned: learned}
	if x.moved {
		at.moved = x.address
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remotes == nil {
		c.remotes = make(map[string]remote)
	}
	c.remotes[r.URL] = at
}

// forget makes the next exchange begin at the repository's own address.
func (c *Client) forget(r gitops.Repository) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.remotes, r.URL)
}

// references asks where the tracked reference stands. What an address says that was only
// redirected to is not believed as long as the repository's own one may say otherwise by now.
func (c *Client) references(ctx context.Context, r gitops.Repository) (references, error) {
	if strings.ContainsAny(r.Ref(), "\n\x00 ") {
		return references{}, fmt.Errorf("%q is no name of a branch or tag: %w", r.Tracked(), reconcile.ErrNotFound)
	}
	moved := c.remote(r).moved != ""
	found, err := c.lookOnce(ctx, r)
	if moved && (err != nil || found.commit == "") {
		c.forget(r)
		return c.lookOnce(ctx, r)
	}
	return found, err
}

// lookOnce tries protocol v2 without asking whether the server speaks it, which would be a
// request each time: one that does not answers so that it shows.
func (c *Client) lookOnce(ctx context.Context, r gitops.Repository) (references, error) {
	x, err := c.exchange(ctx, r)
	if err != nil {
		return references{}, err
	}
	at := c.remote(r)
	if at.v2 {
		found, err := c.lookUp(ctx, r, x)
		if err == nil {
			c.remember(r, x, at.abilities, at.learned)
		}
		if !foreign(err) {
			return found, translate(err, r)
		}
	}
	can, found, err := c.learn(ctx, r, x)
	if err == nil && can.v2 {
		found, err = c.lookUp(ctx, r, x)
	}
	return found, translate(err, r)
}

// lookUp asks a v2 server where the tracked reference stands.
func (c *Client) lookUp(ctx context.Context, r gitops.Repository, x *exchange) (references, error) {
	body, err := x.command(ctx, lsRefs(r.Ref()), true, c.Limits.or().RequestBytes)
	if err != nil {
		return references{}, err
	}
	defer func() { _ = body.Close() }() // all that matters was read by then
	return readRefs(body, r.Ref())
}

// learn asks the server what it can do. One that does not speak v2 says, by the way, where
// the tracked reference stands.
func (c *Client) learn(ctx context.Context, r gitops.Repository, x *exchange) (abilities, references, error) {
	body, err := x.advertisement(ctx, c.Limits.or().RequestBytes)
	if err != nil {
		return abilities{}, references{}, err
	}
	defer func() { _ = body.Close() }() // all that matters was read by then
	can, found, err := readAdvertisement(body, r.Ref())
	if err == nil {
		c.remember(r, x, can, true)
	}
	return can, found, err
}

// fetch receives what is asked for, in an answer of at most limit bytes. errPartial, or an
// errRemote with what the server said, where it does not give that.
func (c *Client) fetch(ctx context.Context, r gitops.Repository, a ask, limit int64) (*pack, error) {
	x, err := c.exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	at := c.remote(r)
	p, err := c.receive(ctx, x, at.abilities, a, limit)
	if foreign(err) && !at.learned && !gone(err) {
		var can abilities
		if can, _, err = c.learn(ctx, r, x); err == nil {
			if a.trees && !can.partial() {
				return nil, errPartial
			}
			p, err = c.receive(ctx, x, can, a, limit)
		}
	}
	return p, translate(err, r)
}

// gone reports whether a server says that it does not have, or not give, what is wanted, in
// the words of git's upload-pack.c, which others repeat.
func gone(err error) bool {
	var said errRemote
	return errors.As(err, &said) && strings.Contains(string(said), "not our ref")
}

// receive sends one request for objects and keeps the pack that comes.
func (c *Client) receive(ctx context.Context, x *exchange, can abilities, a ask, limit int64) (*pack, error) {
	request, open := fetchV2(a), openV2
	if !can.v2 {
		request = fetchV0(a, can.v0)
		open = func(r io.Reader) (io.Reader, error) { return openV0(r, a, can.v0) }
	}
	body, err := x.command(ctx, request, can.v2, limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }() // all that matters was read by then
	received, err := open(body)
	if err != nil {
		return nil, err
	}
	return readPack(ctx, received, c.TempDir, c.Limits.or())
}
