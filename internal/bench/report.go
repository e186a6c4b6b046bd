package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// row is one figure. The target is what the agent has to keep to, the goal what it is on its way to; nil: none was set.
type row struct {
	Name   string  `json:"name"`
	Got    float64 `json:"got"`
	Unit   string  `json:"unit"`
	Target *bound  `json:"target,omitempty"`
	Goal   *bound  `json:"goal,omitempty"`
}

// bound is the most, or the least, that a figure may be.
type bound struct {
	Value float64 `json:"value"`
	Least bool    `json:"least,omitempty"`
}

func atMost(v float64) *bound  { return &bound{Value: v} }
func atLeast(v float64) *bound { return &bound{Value: v, Least: true} }

func (b *bound) kept(got float64) bool {
	if b.Least {
		return got >= b.Value
	}
	return got <= b.Value
}

// verdict is the bound and a word: "ok", or on which side of it the figure is.
func (b *bound) verdict(got float64) string {
	switch {
	case b == nil:
		return ""
	case b.Least && b.kept(got):
		return "≥ " + figure(b.Value) + " ok"
	case b.Least:
		return "≥ " + figure(b.Value) + " below"
	case b.kept(got):
		return "≤ " + figure(b.Value) + " ok"
	}
	return "≤ " + figure(b.Value) + " above"
}

// figure writes a number with three digits that matter, or whole.
func figure(v float64) string {
	switch size := math.Abs(v); {
	case v == math.Trunc(v) || size >= 1000:
		return thousands(int64(math.Round(v)))
	case size >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func thousands(v int64) string {
	s := strconv.FormatInt(v, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// median makes one row of the same row of several rounds.
func median(rounds [][]row) []row {
	if len(rounds) == 0 {
		return nil
	}
	rows := slices.Clone(rounds[0])
	for i := range rows {
		var all []float64
		for _, r := range rounds {
			all = append(all, r[i].Got)
		}
		slices.Sort(all)
		rows[i].Got = all[len(all)/2]
		if len(all)%2 == 0 {
			rows[i].Got = (all[len(all)/2-1] + all[len(all)/2]) / 2
		}
	}
	return rows
}

func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tgot\t\ttarget\tgoal")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Name, figure(r.Got), r.Unit, r.Target.verdict(r.Got), r.Goal.verdict(r.Got))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	return nil
}

// printJSON is for whoever compares one day with another.
func printJSON(w io.Writer, m machine, rows []row) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(struct {
		Machine machine `json:"machine"`
		Rows    []row   `json:"rows"`
	}{m, rows}); err != nil {
		return fmt.Errorf("print figures: %w", err)
	}
	return nil
}

func perGiB(cpu time.Duration, bytes int64) float64 {
	return cpu.Seconds() / (float64(bytes) / (1 << 30))
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
