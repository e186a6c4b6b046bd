package collectors

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean suggests the one of the names that was most likely meant, or lists them when none is near.
func didYouMean(written string, names []string) string {
	best, least := "", len(written)/4+2
	for _, name := range names {
		if d := distance(written, name); d < least && !opposite(written, name) {
			best, least = name, d
		}
	}
	for _, name := range names { // idle for usage_idle, percent for used_percent
		if best == "" && (name == "usage_"+written || name == "used_"+written) {
			best = name
		}
	}
	if best == "" {
		return "there are " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// opposite tells names that differ in little and mean the contrary: free_percent and used_percent.
func opposite(a, b string) bool {
	pairs := [][2]string{{"free", "used"}, {"available", "used"}, {"read", "write"}, {"reads", "writes"}, {"active", "inactive"}, {"active", "idle"}}
	x, y := strings.Split(a, "_"), strings.Split(b, "_")
	return slices.ContainsFunc(pairs, func(p [2]string) bool {
		return slices.Contains(x, p[0]) && slices.Contains(y, p[1]) || slices.Contains(x, p[1]) && slices.Contains(y, p[0])
	})
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
