// Package render turns records into text for people: tables for a terminal, plans and
// drift reports property by property. Everything is pure: what is shown depends on the
// record, the time that is passed in, and whether colours are wanted.
//
// Text that came from outside (commit subjects, names, values) is made printable first, so
// that nobody's input drives anybody's terminal. A table shows the first line of a reason,
// details show all of them; values too long to be read are cut around what differs, and
// are whole in the records themselves. It imports package gitops and nothing else of ours.
package render
