package lambda

import "github.com/driftless-gitops/driftless/internal/sandbox/lambda/bootstrap"

// Running is a function's process at its work.
type Running struct {
	Function string
	Event    []byte // what it was invoked with
	Request  string // id of the invocation
	Kill     func() // sends it SIGKILL
}

// Running returns the process that was given an access key, while it works on an invocation.
func (s *Service) Running(accessKey string) (r Running, found bool) {
	for name, pools := range s.everyPool() {
		for _, p := range pools {
			process, ok := p.Find(accessKey)
			if !ok {
				continue
			}
			i, ok := process.Current()
			return Running{Function: name, Event: i.Payload, Request: i.ID, Kill: process.Kill}, ok
		}
	}
	return Running{}, false
}

// everyPool lists the pools of every function.
func (s *Service) everyPool() map[string][]*bootstrap.Pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]*bootstrap.Pool{}
	for name, f := range s.functions {
		for _, p := range f.pools {
			all[name] = append(all[name], p)
		}
	}
	return all
}
