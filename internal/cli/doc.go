// Package cli holds the commands of the program driftless. Each file is one command, or a
// pair that belongs together; they parse arguments, call the API, and hand what comes back
// to package render.
//
// What a program may want to read goes to standard output ("-o json" beside every table);
// progress and hints go to standard error. Exit codes are listed in exit.go.
package cli
