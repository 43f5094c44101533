// Package packaging turns an application's files into what its engine sends: the checked
// template and its values, with every local file that the template names replaced by the
// place where it will lie in S3, as "aws cloudformation package" does it.
//
// Keys are made from content, so that nothing changes when nothing changed. Everything here
// is pure: files come as fs.FS, artefacts are made one at a time when they are asked for,
// and to upload them is the engine's work. The package knows no AWS SDK; what a template
// is, it asks internal/template.
package packaging
