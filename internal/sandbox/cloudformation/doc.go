// Package cloudformation is the sandbox's CloudFormation: as strict as AWS about templates,
// stacks, change sets and their states, with resources that are real in moto.
//
// A stack's resources are made one by one, in the order of their references, through the
// kinds of the resource package and those that other parts of the sandbox bring. A failure
// undoes what was done, in AWS's states and words. Drift detection compares the template
// with what moto holds, and REVERT_DRIFT change sets bring live back.
//
// Nested stacks are stacks of their own that take part in their parents' operations, with
// change sets that form a tree. Resources that exist are imported by their names. Stack sets,
// hooks, imports by identifier and transforms other than AWS::Include, AWS::LanguageExtensions
// and AWS::Serverless-2016-10-31 are refused by name. State lives in memory only.
package cloudformation
