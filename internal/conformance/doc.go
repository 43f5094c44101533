// Package conformance is what the sandbox stands for: a list of expectations, each a few
// calls and what AWS answers them.
//
// The same calls are made to the sandbox, in every run of the tests, and to a real account
// where somebody says so, in which case the answers are kept in testdata/recorded and the
// sandbox is held to them from then on. Until then an expectation is only documented, with
// the page that it was taken from. What an account is charged for is little and is deleted;
// all of it is named driftless-conformance-….
//
// It knows nothing of the product: it imports the SDK, the sandbox and the price list.
package conformance
