// Package codecommit is the sandbox's CodeCommit: the calls that name repositories and
// branches, make commits and open pull requests, git over HTTPS as `git http-backend` serves
// it, with CodeCommit's signature as the password, and an event for every reference that a
// push or a commit changes.
//
// Merging and reviewing through the API, comments, triggers, reading files and the events of
// pull requests are not there; such a call is refused by name. What CodeCommit's git server
// advertises is taken from libraries that talk to it, and nothing here is recorded from AWS.
package codecommit
