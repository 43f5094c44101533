// Package hostile is the one corpus of what means harm: texts that people put into commits,
// branches, templates and requests, and names that pass through git, with the rule that says
// whether a text that is shown is inert. Tests take it from here, so that a class that is
// added is tried everywhere.
//
// It is test support and imports the standard library only.
package hostile
