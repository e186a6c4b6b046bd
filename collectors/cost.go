package collectors

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// dollarsPerSeries is the price of a custom metric per month in us-east-1, first tier (aws.amazon.com/cloudwatch/pricing).
// Other regions and later tiers differ, so what is made of it is called an estimate.
const dollarsPerSeries = 0.30

// maxNamed is how many things a warning names before it only counts the rest.
const maxNamed = 4

// costOf says what it costs to measure so much about each of these things.
func costOf(things map[string]bool, measurements int) string {
	names := slices.Sorted(maps.Keys(things))
	if more := len(names) - maxNamed; more > 1 {
		names = append(names[:maxNamed], fmt.Sprintf("%d more", more))
	}
	series := len(things) * measurements
	return fmt.Sprintf("%d series about %s: about $%.2f a month (an estimate at $%.2f each)",
		series, strings.Join(names, ", "), float64(series)*dollarsPerSeries, dollarsPerSeries)
}
