// Package cli holds the commands of the program driftless. Each file is one command, or a
// pair that belongs together; they parse arguments, call the API, and hand what comes back
// to package render.
//
// What a program may want to read goes to standard output ("-o json" beside every table);
// progress, questions and hints go to standard error. Exit codes are listed in exit.go.
// Everything from outside comes in through Config: no command reads the environment, the
// clock or a terminal by itself.
package cli
