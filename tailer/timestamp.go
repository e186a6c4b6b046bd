package tailer

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// timestampFormat finds the time in a message, as the original's timestamp_format does: the first match anywhere in it.
type timestampFormat struct {
	pattern *regexp.Regexp
	layouts []string // tried in turn
	zone    *time.Location
	yearly  bool // the format holds no year
	zoned   bool // the format holds an offset
}

// directive is one %x: the text that it matches, and what Go calls it. Two layouts where both are to be tried.
type directive struct{ pattern, layout, other string }

// directives are the original's, except that %B takes month names of every length: it knew only those of seven letters.
func directives(name string) (directive, bool) {
	switch name {
	case "B":
		return directive{pattern: `\pL{3,9}`, layout: "January"}, true
	case "b":
		return directive{pattern: `\w{3}`, layout: "Jan"}, true
	case "m", "-m":
		return directive{pattern: `\s{0,1}\d{1,2}`, layout: "01", other: "1"}, true
	case "A":
		return directive{pattern: `\w{6,9}`, layout: "Monday"}, true
	case "a":
		return directive{pattern: `\w{3}`, layout: "Mon"}, true
	case "d", "-d":
		return directive{pattern: `\s{0,1}\d{1,2}`, layout: "_2"}, true
	case "H":
		return directive{pattern: `\d{2}`, layout: "15"}, true
	case "I":
		return directive{pattern: `\d{2}`, layout: "03"}, true
	case "-I":
		return directive{pattern: `\d{1,2}`, layout: "3"}, true
	case "M":
		return directive{pattern: `\d{2}`, layout: "04"}, true
	case "-M":
		return directive{pattern: `\d{1,2}`, layout: "4"}, true
	case "S":
		return directive{pattern: `\d{2}`, layout: "05"}, true
	case "-S":
		return directive{pattern: `\d{1,2}`, layout: "5"}, true
	case "Y":
		return directive{pattern: `\d{4}`, layout: "2006"}, true
	case "y":
		return directive{pattern: `\d{2}`, layout: "06"}, true
	case "p":
		return directive{pattern: `\w{2}`, layout: "PM"}, true
	case "Z":
		return directive{pattern: `\w{3}`, layout: "MST"}, true
	case "z":
		return directive{pattern: `[+-]\d{4}`, layout: "-0700"}, true
	case "f":
		return directive{pattern: `(\d{1,9})`, layout: ".000"}, true
	}
	return directive{}, false
}

// parseTimestampFormat compiles a strftime-like format. Directives it does not know stay literal, as in the original.
func parseTimestampFormat(format string, zone *time.Location) (*timestampFormat, error) {
	t := &timestampFormat{zone: zone, yearly: true}
	var pattern, layout, other strings.Builder
	literal := func(s string) {
		pattern.WriteString(regexp.QuoteMeta(s))
		layout.WriteString(s)
		other.WriteString(s)
	}
	for rest := format; rest != ""; {
		before, after, found := strings.Cut(rest, "%")
		literal(before)
		if !found {
			break
		}
		name := ""
		for _, n := range []int{2, 1} {
			if len(after) >= n && (n == 1 || after[0] == '-') {
				name = after[:n]
				break
			}
		}
		d, known := directives(name)
		if !known {
			literal("%")
			rest = after
			continue
		}
		rest = after[len(name):]
		t.yearly = t.yearly && name != "Y" && name != "y"
		t.zoned = t.zoned || name == "z"
		if name == "f" {
			// The separator before the digits is part of Go's layout.
			trimSeparator(&layout)
			trimSeparator(&other)
		}
		pattern.WriteString(d.pattern)
		layout.WriteString(d.layout)
		if d.other == "" {
			d.other = d.layout
		}
		other.WriteString(d.other)
	}
	p, err := regexp.Compile("(" + strings.TrimPrefix(pattern.String(), `\s{0,1}`) + ")")
	if err != nil {
		return nil, fmt.Errorf("timestamp format %q: %w", format, err)
	}
	t.pattern, t.layouts = p, []string{layout.String()}
	if other.String() != layout.String() {
		t.layouts = append(t.layouts, other.String())
	}
	return t, nil
}

func trimSeparator(b *strings.Builder) {
	s := b.String()
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, ",") {
		b.Reset()
		b.WriteString(s[:len(s)-1])
	}
}

// find returns the time that a message names and where it stands in it. Without a year in the format it is this year's,
// or last year's when this year's would lie more than 30 days ahead.
func (t *timestampFormat) find(message []byte, now time.Time) (at time.Time, from, to int, ok bool) {
	where := t.pattern.FindSubmatchIndex(message)
	if where == nil {
		return time.Time{}, 0, 0, false
	}
	from, to = where[0], where[1]
	text := string(message[from:to])
	if len(where) > 4 && where[4] >= 0 { // %f: to milliseconds, whatever stands before the digits
		text = string(message[from:where[4]])
		text = strings.TrimRight(text, ".,") + "." + (string(message[where[4]:where[5]]) + "00")[:3] + string(message[where[5]:to])
	}
	for _, layout := range t.layouts {
		at, err := time.ParseInLocation(layout, text, t.zone)
		if err != nil {
			continue
		}
		if t.yearly {
			at = withYear(at, now.In(at.Location()))
		}
		return at, from, to, true
	}
	return time.Time{}, 0, 0, false
}

func withYear(at, now time.Time) time.Time {
	in := func(year int) time.Time {
		return time.Date(year, at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), at.Location())
	}
	if this := in(now.Year()); this.Sub(now) <= 30*24*time.Hour {
		return this
	}
	return in(now.Year() - 1)
}
