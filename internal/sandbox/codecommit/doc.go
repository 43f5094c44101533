// Package codecommit is the sandbox's CodeCommit: the calls that name repositories and
// branches, git over HTTPS as `git http-backend` serves it, with CodeCommit's signature as
// the password, and an event for every reference that a push changes.
//
// Pull requests, comments, triggers and reading files through the API are not there; such a
// call is refused by name. What CodeCommit's git server advertises is taken from libraries
// that talk to it, and nothing here is recorded from AWS.
package codecommit
