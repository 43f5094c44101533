// Package bootstrap runs the executables that Lambda runs: the file "bootstrap" of a
// deployment package, started as a process and spoken to through the Lambda runtime API
// (version 2018-06-01) on a loopback port of its own. A Pool keeps processes warm and
// starts more when several invocations come at once.
//
// It knows nothing of functions, versions or who may call them; it imports the standard
// library only.
package bootstrap
