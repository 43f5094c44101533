// Package fuzzing finds the fuzz targets of this project and runs them, and says what one
// input may cost. A target that is written is run: there is no list to keep.
//
// It knows nothing of what is fuzzed, and imports the standard library only.
package fuzzing
