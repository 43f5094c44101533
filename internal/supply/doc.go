// Package supply says what Driftless is made of and holds it to that: a bill of materials of
// each program from what the compiler wrote into it, whether known weaknesses are in it, and,
// as tests, that a rebuild gives the same bytes and that everything fetched is pinned.
//
// It reads programs and runs tools; it builds nothing itself, and imports the standard library
// only.
package supply
