// Package config reads driftless.yaml, the file in which a repository says what its
// applications are, and those of the same name that the root's includes.
//
// It is strict, and it says everything at once: each mistake comes as a gitops.Problem
// with file, line, column, the path of the value, what was found and what is allowed.
// The types in document.go are the one list of keys: the reader walks them, and the JSON
// Schema in templates/schema is generated from them.
//
// Nothing here touches a file system, the network or AWS: Files says which files are to be
// read, Load takes their bytes and a tree of names. The package may import gitops and a
// YAML parser.
package config
