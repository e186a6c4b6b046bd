package config

import (
	"fmt"
	"strings"
)

// Place is where in which file a value stands.
type Place struct {
	File   string `json:"file"`
	Line   int    `json:"line"`   // from 1
	Column int    `json:"column"` // from 1, in bytes
	Path   string `json:"path"`   // JSON path such as metrics.metrics_collected.cpu.measurement[2]
}

// Problem is one thing that is wrong, or (Warning) suspicious, with its place.
type Problem struct {
	Place
	Warning bool   `json:"warning"`
	Text    string `json:"text"`           // what is wrong, in lower case
	Hint    string `json:"hint,omitempty"` // what to do about it
}

// Error is file:line:column: json.path: text (hint).
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		fmt.Fprintf(&b, "%s:", p.File)
	}
	if p.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", p.Line, p.Column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if p.Path != "" {
		fmt.Fprintf(&b, "%s: ", p.Path)
	}
	b.WriteString(p.Text)
	if p.Hint != "" {
		fmt.Fprintf(&b, " (%s)", p.Hint)
	}
	return b.String()
}

// Problems is every mistake of a configuration at once.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// At returns the place of the value at a JSON path, or of the nearest value around it that the files hold.
func (c *Config) At(path string) Place {
	for at := path; at != ""; {
		if p, ok := c.places[at]; ok {
			p.Path = path
			return p
		}
		cut := strings.LastIndexAny(at, ".[")
		if cut < 0 {
			break
		}
		at = at[:cut]
	}
	return Place{Path: path}
}

// Mistake is the error of a later stage (a measurement that no collector has, say) about the value at place.
func Mistake(at Place, text, hint string) Problem { return Problem{Place: at, Text: text, Hint: hint} }

// Suspicion is the same as a warning.
func Suspicion(at Place, text, hint string) Problem {
	return Problem{Place: at, Warning: true, Text: text, Hint: hint}
}
