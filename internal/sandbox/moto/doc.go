// Package moto runs moto_server, the AWS emulator behind the sandbox, as a child process.
//
// It finds the program, starts it on a free loopback port, waits until it answers and ends
// it with the process that started it. Config is the way for the sandbox's parts to call it
// with the AWS SDK, in any account. It knows nothing of what moto is asked for.
package moto
