// Package archtest holds the import rules of docs/design.md as a test. It reads the files
// itself, with go/parser, since a test that asked "go list" would be cached while the
// imports change. It has no code but its tests.
package archtest
