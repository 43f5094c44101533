// Package adopt writes what a drift report found live back into the files that an application
// is deployed from: CloudFormation templates, nested ones too, and parameter files in YAML or
// JSON, Terraform's configuration and variable files. Every byte but the values' own stays as
// it was, and what cannot be written back is said, with the reason.
//
// It is pure: files and a report in, files and words out. Reading git and opening a pull
// request is for whoever calls it. It imports gitops, template, and a parser of HCL.
package adopt
