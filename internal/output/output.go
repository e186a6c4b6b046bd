// Package output is how the commands tell what they have found: numbers and paths for people, JSON for machines.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// JSON writes one document, indented, with < and & as they are.
func JSON(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(document)
}

// Count is a number with its noun; more than one are what many says, else have an s.
func Count(n int, one string, many ...string) string {
	if n == 1 {
		return "1 " + one
	}
	if len(many) > 0 {
		return fmt.Sprintf("%d %s", n, many[0])
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// Bytes is a size with the largest unit that leaves it at least one, as df -h has it.
func Bytes[N int | int64 | uint64 | float64](n N) string {
	const units = "KMGTPE"
	value, unit := float64(n), -1
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if unit < 0 {
		return fmt.Sprintf("%.0f B", value)
	}
	return fmt.Sprintf("%.1f %ciB", value, units[unit])
}

// Printable has nothing in it that a terminal would obey: names of files come from whoever could make them.
func Printable(line string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, line)
}
