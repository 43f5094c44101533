// Package template reads CloudFormation templates: it parses YAML and JSON, refuses what
// AWS refuses, checks parameters, and resolves conditions and intrinsic functions.
//
// It is pure. What only the account knows (a resource's physical id, an export, an SSM
// parameter) it asks its caller for. It runs no transform: a template that needs one is
// refused by name.
package template
