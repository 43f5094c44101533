// Package access says what a request to an AWS service asks of IAM: which actions, on which
// resources, with which condition keys. It knows the services that functions of the sandbox
// use; of others it says so, and nobody is refused for them.
//
// Actions, resources and keys are those of the Service Authorization Reference. It decides
// nothing: policies are evaluated by internal/sandbox/lambda.
package access
