package codebuild

import (
	"slices"
	"syscall"
)

// Running is a build at its work.
type Running struct {
	Project, ID string
	Variables   map[string]string // those of the project and of who started it
	Kill        func()            // sends SIGKILL to all that it runs
}

// Running returns the build that was given an access key, while it runs a command.
func (s *Service) Running(accessKey string) (r Running, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.builds {
		if b.group.Load() != 0 && slices.Contains(b.keys, accessKey) {
			return b.running(), true
		}
	}
	return Running{}, false
}

// Unfinished lists the builds that wait, or are at their work.
func (s *Service) Unfinished() (all []Running) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.builds {
		if !b.Complete {
			all = append(all, b.running())
		}
	}
	return all
}

func (b *build) running() Running {
	r := Running{Project: b.ProjectName, ID: b.ID, Kill: b.kill, Variables: map[string]string{}}
	for _, v := range b.given.Environment.Variables {
		r.Variables[v.Name] = v.Value
	}
	return r
}

// kill ends the command that runs, if any.
func (b *build) kill() {
	if group := b.group.Load(); group != 0 {
		signal(int(group), syscall.SIGKILL)
	}
}
