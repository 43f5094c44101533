// Package template reads CloudFormation templates and parameter files, as far as that
// saves a call that could only fail: shape, names that lead nowhere, capabilities,
// parameters, macros that are not allowed. It finds the places that name local files, and
// puts addresses there without changing any other byte.
//
// It is no linter. Properties, types and limits of services are CloudFormation's to
// judge, and where this package is not sure it says nothing: a template that
// CloudFormation takes is never refused for its form. Everything here is pure; the
// package imports a YAML parser and the guessing of names.
package template
