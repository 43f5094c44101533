package cloudformation

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// The error codes that mean something to the engine. CloudFormation uses the first for
// nearly everything, so that only its text tells more (API reference, Common Errors).
const (
	codeValidation    = "ValidationError"
	codeExists        = "AlreadyExistsException"
	codeNoChangeSet   = "ChangeSetNotFound"
	codeWrongStatus   = "InvalidChangeSetStatus"
	codeTokenExists   = "TokenAlreadyExistsException"
	codeLimit         = "LimitExceededException"
	codeCapabilities  = "InsufficientCapabilitiesException"
	codeStackNotFound = "StackNotFoundException"
	codeInvalidAction = "InvalidAction" // a call that the region does not know
)

// denials are the codes of an answer that will be the same until a person acts. Expired
// credentials are not among them: the next step gets new ones. The KMS codes are those of a
// bucket whose key cannot be used (as of internal/aws/s3), to which artefacts are uploaded.
var denials = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation",
	"InvalidClientTokenId", "UnrecognizedClientException", "OptInRequired",
	"KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException"}

// translate wraps an error of the SDK with what was being done. A refusal of rights
// becomes ErrDenied; everything else, throttling, 5xx and answers that are no XML among
// it, stays an error that says nothing about the stack.
func translate(doing string, err error) error {
	if hasCode(err, denials...) {
		return fmt.Errorf("%s: %w: %s", doing, reconcile.ErrDenied, message(err))
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// hasCode reports whether AWS answered with one of the codes.
func hasCode(err error, codes ...string) bool {
	var e smithy.APIError
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		// botocore's model and the wire disagree about the suffix of some codes.
		if strings.TrimSuffix(e.ErrorCode(), "Exception") == strings.TrimSuffix(code, "Exception") {
			return true
		}
	}
	return false
}

// message returns AWS's own words.
func message(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) && e.ErrorMessage() != "" {
		return e.ErrorMessage()
	}
	return err.Error()
}

// noStack reports whether AWS is certain that there is no such stack: "Stack with id x
// does not exist" of DescribeStacks, "Stack [x] does not exist" of the others.
func noStack(err error) bool {
	if hasCode(err, codeStackNotFound) {
		return true
	}
	return hasCode(err, codeValidation) && strings.HasPrefix(message(err), "Stack") &&
		strings.Contains(message(err), "does not exist")
}

var stateInMessage = regexp.MustCompile(`(?:is in|non-terminal) \[?([A-Z_]+)\]? state`)

// wrongState returns the state in which AWS says a stack is when it refuses to update it:
// "Stack:arn is in UPDATE_IN_PROGRESS state and can not be updated."
func wrongState(err error) (types.StackStatus, bool) {
	if !hasCode(err, codeValidation) {
		return "", false
	}
	found := stateInMessage.FindStringSubmatch(message(err))
	if found == nil {
		return "", false
	}
	return types.StackStatus(found[1]), true
}

// allow is what a person does about a capability that is missing.
const allow = ": add it to the application's capabilities in driftless.yaml"

// refused returns AWS's answer as a refusal where a person's mistake is the cause.
func refused(doing string, err error) (*gitops.Refusal, bool) {
	switch {
	case hasCode(err, codeCapabilities):
		return &gitops.Refusal{Reason: doing + ": " + message(err) + allow}, true
	case hasCode(err, codeLimit):
		return &gitops.Refusal{Reason: doing + ": " + message(err), Blocked: true}, true
	case hasCode(err, codeValidation):
		return &gitops.Refusal{Reason: doing + ": " + message(err)}, true
	}
	return nil, false
}
