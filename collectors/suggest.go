package collectors

import "fmt"

// didYouMean suggests the nearest of the names that exist, or lists them when none is near.
func didYouMean(written string, names []string) string {
	best, least := "", len(written)/3+2
	for _, name := range names {
		if d := distance(written, name); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return fmt.Sprintf("there are %v", names)
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// distance counts the letters to insert, delete or replace to get from a to b.
func distance(a, b string) int {
	line := make([]int, len(b)+1)
	for j := range line {
		line[j] = j
	}
	for i := range len(a) {
		diagonal := line[0]
		line[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = line[j+1]
			line[j+1] = min(replace, line[j]+1, line[j+1]+1)
		}
	}
	return line[len(b)]
}
