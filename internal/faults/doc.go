// Package faults runs whole rollouts in the sandbox, by the binaries that are deployed, and lets
// one call at a time go wrong.
//
// A scenario is played undisturbed first, which shows every call that a function makes: the
// sites. Then it is played again for every site and every kind of fault, and has to end as it
// did undisturbed: the same records, the same stack, the same statuses on the forge, nothing
// left behind. It keeps the table of the rows of the fault matrix as well, finds the tests that
// are named after them, and writes docs/faults.md.
package faults
