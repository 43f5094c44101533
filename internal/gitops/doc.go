// Package gitops holds the words of Driftless and its one rule, Decide: what is seen of
// an application goes in, the next thing to do comes out.
//
// Everything here is a value or a pure function. There is no I/O, no clock, no
// randomness and no trigger, so that every behaviour can be read in the golden table
// testdata/decide.golden and tested without a fake. The package imports the standard
// library only, and everything else may import it.
//
// The JSON names of the records are what the table, the API and the command line's
// "-o json" show: they never change their meaning.
package gitops
