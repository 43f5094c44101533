package moto

import (
	"context"
	"io"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// KeepAnswers returns the APIOptions of a client that calls a server on this machine: without
// them an answer that comes at once may be lost, and what was done already is asked for again.
//
// The client closes a request's body as soon as it has the answer's head. net/http may still
// be about to look whether the body goes on; it does so through WriteTo where there is one,
// and smithy-go's says io.EOF there, which net/http takes for a failed write: it closes the
// connection before the answer is read ("use of closed network connection"; net/http
// transfer.go writeBody, smithy-go 1.28.8 transport/http/internal/io/safe.go). Four calls of
// ten thousand on a busy machine. A body that can be read and sought alone has no WriteTo.
func KeepAnswers() []func(*middleware.Stack) error {
	return []func(*middleware.Stack) error{func(s *middleware.Stack) error { return s.Build.Add(plainBody, middleware.After) }}
}

var plainBody = middleware.BuildMiddlewareFunc("KeepAnswers", func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (
	middleware.BuildOutput, middleware.Metadata, error) {
	if r, ok := in.Request.(*smithyhttp.Request); ok {
		if body, ok := r.GetStream().(io.ReadSeeker); ok {
			plain, err := r.SetStream(struct{ io.ReadSeeker }{body})
			if err != nil {
				return middleware.BuildOutput{}, middleware.Metadata{}, err
			}
			in.Request = plain
		}
	}
	return next.HandleBuild(ctx, in)
})
