// Package nearest guesses which known name a person meant by an unknown one.
//
// It serves messages alone: nothing is ever decided by a guess. It imports the standard
// library only.
package nearest

import "strings"

// maxName caps what is compared: the distance costs the product of both lengths, and
// nobody mistypes a name of this size by a letter.
const maxName = 80

// Of returns the candidate that differs least from the name, the first of equals, and ""
// when none is so near that it could be a slip of the keyboard.
func Of(name string, candidates []string) string {
	if name == "" || len(name) > maxName {
		return ""
	}
	best, least := "", max(1, len(name)/3)+1
	for _, c := range candidates {
		if c == "" || len(c) > maxName || c == name {
			continue
		}
		d := distance([]rune(strings.ToLower(name)), []rune(strings.ToLower(c)))
		if d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions, substitutions
// and swaps of neighbours, each counting one.
func distance(a, b []rune) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
