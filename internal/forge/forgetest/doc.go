// Package forgetest is a GitHub Enterprise and a GitLab on 127.0.0.1, for tests: git over
// HTTP, commit statuses, pull requests, and a GitHub App's tokens, as strict about routes,
// headers, credentials and lengths as those are. What it cannot do it refuses: it never
// pretends.
//
// It imports the standard library and gitops only, and uses the git on the machine.
package forgetest
