// Package template reads CloudFormation templates: it parses YAML and JSON, refuses what
// AWS refuses, checks parameters, and resolves conditions and intrinsic functions.
//
// It is pure. What only the account knows (a resource's physical id, an export, an SSM
// parameter, an included snippet) it asks its caller for. Of transforms it runs AWS::Include
// and AWS::LanguageExtensions; AWS::Serverless-2016-10-31 is its caller's to run, between Parse
// and Process; a template that needs another one is refused by name.
package template
