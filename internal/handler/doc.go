// Package handler turns Lambda events and HTTP requests into calls of the domain, and
// back. One file for each function: it decodes, calls, and encodes, and decides nothing.
//
// It imports aws-lambda-go for the events' shapes, never the AWS SDK.
package handler
