// Package lambda is the sandbox's AWS Lambda: it runs the very binaries that are deployed,
// through the Lambda runtime API, wired as the deployed template says. It holds functions,
// versions, aliases, permissions, function URLs and event source mappings itself, since
// moto loses too much of them (architectures, dead-letter targets, qualifiers, code), and
// uses moto for what lies around: S3 for code, SQS and DynamoDB streams as sources, SQS and
// SNS as failure destinations, IAM for policies.
//
// Only functions of the runtimes provided.al2 and provided.al2023 can be invoked, on a
// machine of their architecture; everything else is refused by name. It enforces IAM where
// a function URL is called and where a mapping or a dead-letter target is made, nowhere
// else. It imports wire and its own sub-packages of this project.
package lambda
