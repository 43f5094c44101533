package codebuild

import (
	"slices"
	"syscall"
)

// Running is a build at its work.
type Running struct {
	Project, ID string
	Kill        func() // sends SIGKILL to all that it runs
}

// Running returns the build that was given an access key, while it runs a command.
func (s *Service) Running(accessKey string) (r Running, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.builds {
		if b.group.Load() != 0 && slices.Contains(b.keys, accessKey) {
			return Running{Project: b.ProjectName, ID: b.ID, Kill: b.kill}, true
		}
	}
	return Running{}, false
}

// kill ends the command that runs, if any.
func (b *build) kill() {
	if group := b.group.Load(); group != 0 {
		signal(int(group), syscall.SIGKILL)
	}
}
