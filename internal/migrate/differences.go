package migrate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// Differences are the points in which this agent does on purpose something else than the original with a configuration
// (docs/decisions/0002-different-from-the-original.md): those that it touches, with their places.
func Differences(c *config.Config) (all []config.Problem) {
	say := func(at config.Place, text string) { all = append(all, config.Suspicion(at, text, "")) }
	if c.Metrics != nil {
		if c.Metrics.AppendsDimensions {
			say(c.At("metrics.append_dimensions"), "without a metadata service the original ends; here metrics carry the host name, or wait where the host looks like EC2")
		}
		for _, p := range c.Metrics.Plugins {
			if p.Name == "disk" {
				say(p.Place, "identical mounts are sent once, and a mount that hangs is left out until it answers")
			}
		}
		say(c.At("metrics"), "collections follow the clock, and the first difference of a counter is sent one tick after the start, where the original leaves it out")
	}
	if c.Logs != nil {
		logDifferences(c, say)
	}
	slices.SortStableFunc(all, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return all
}

func logDifferences(c *config.Config, say func(at config.Place, text string)) {
	if c.Logs.Concurrency > 1 {
		say(c.At("logs.concurrency"), "order within a stream is kept; what the original has acknowledged behind a gap is sent again")
	}
	for i, f := range c.Logs.Files {
		key := func(name string) config.Place {
			return c.At(fmt.Sprintf("logs.logs_collected.files.collect_list[%d].%s", i, name))
		}
		if strings.ContainsAny(f.Path, "*?[{") {
			say(f.Place, "symbolic links that the pattern matches are followed within the folder before its first wildcard only")
		}
		if f.AutoRemoval {
			say(key("auto_removal"), "a file is removed when all of it is acknowledged and a newer one is there, and never one that took its name")
		}
		if strings.Contains(f.TimestampFormat, "%B") {
			say(key("timestamp_format"), "%B matches month names of any length; for the original, of seven letters only, so that other months had no time")
		}
		if f.MultiLineStart != nil || f.StartsWithTimestamp {
			say(key("multi_line_start_pattern"), "an event ends when the next one begins, or when its file was quiet for five seconds; for the original, five seconds after its first line")
		}
	}
}
