// Package forge is the port to git hosts that are more than git: what they deliver when
// somebody pushed, how they are told what became of a commit, and how a pull request is opened
// there. The adapters are in the folders github, gitlab and codecommit; credentials finds what they are called with, and
// forgetest is a GitHub and a GitLab for tests.
//
// Nothing of a delivery is parsed before its signature holds, and what a push says is only
// ever compared with what is registered: the commit is read from git. The package makes the
// one HTTP client that forges are called with, over package guard.
package forge
