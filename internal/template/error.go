package template

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Error is one thing wrong with a file.
type Error struct {
	File         string
	Line, Column int // counted from 1; zero where the whole file is meant
	Message      string
}

// Error returns "file:line:column: message".
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, max(e.Column, 1), e.Message)
}

// maxErrors caps what is told of one file: a reason has to hold it.
const maxErrors = 20

// faults collects what is wrong with one file.
type faults struct {
	file string
	list []*Error
}

// add notes an error, as long as there is room for it.
func (f *faults) add(line, column int, format string, args ...any) {
	if !f.full() {
		f.list = append(f.list, &Error{f.file, line, column, fmt.Sprintf(format, args...)})
	}
}

// full reports whether further errors would be dropped.
func (f *faults) full() bool { return len(f.list) >= maxErrors }

// errs returns what was noted, in the order of the file.
func (f *faults) errs() []error {
	slices.SortStableFunc(f.list, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for _, e := range f.list {
		all = append(all, e)
	}
	return all
}

// err joins what was noted; nil when nothing was.
func (f *faults) err() error { return errors.Join(f.errs()...) }
