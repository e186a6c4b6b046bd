package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what came of a run.
type report struct {
	Seed     uint64 `json:"seed"`
	Duration string `json:"duration"`
	CaughtUp string `json:"caught_up"` // how long the rest took to arrive once all was well
	counts
	Unanswered int      `json:"unanswered"` // requests with events
	Files      []result `json:"files"`
	Notes      []string `json:"notes"`
	Problems   []string `json:"problems"` // none: all is well
}

// goals are what a run of ten minutes has to have done to the agent; shorter ones in proportion. Runs of less than two
// minutes have none.
const (
	goalKills     = 50
	goalRotations = 200
	goalOutages   = 20
	goalTime      = 10 * time.Minute
	goalLeast     = 2 * time.Minute
)

func (t *torture) report(results []result, caught time.Duration) *report {
	t.service.mu.Lock()
	unanswered := sum(t.service.unanswered)
	t.service.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &report{Seed: t.seed, Duration: t.duration.String(), CaughtUp: caught.Round(time.Millisecond).String(), counts: t.counts,
		Unanswered: unanswered, Files: results, Notes: t.notes, Problems: slices.Clone(t.wrong)}
	for _, f := range results {
		r.Problems = append(r.Problems, f.problems...)
	}
	select {
	case err := <-t.agent.failed:
		r.Problems = append(r.Problems, err.Error())
	default:
	}
	if t.duration >= goalLeast {
		r.goal("kills", r.Kills, goalKills, t.duration)
		r.goal("rotations", r.rotations(), goalRotations, t.duration)
		r.goal("outages", r.Outages, goalOutages, t.duration)
	}
	return r
}

func (r *report) goal(what string, got, want int, duration time.Duration) {
	if want = int(min(1, duration.Minutes()/goalTime.Minutes()) * float64(want)); got < want {
		r.Problems = append(r.Problems, fmt.Sprintf("only %d %s, where %d are the goal", got, what, want))
	}
}

func (r *report) print(out io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "file\tevents\tlines\tMiB\tlost\tout of order\tmangled\trepeated\tin\tof at most\tlongest\t")
	rows, total := slices.Clone(r.Files), result{File: "all"}
	for _, f := range rows {
		total.add(f)
	}
	for _, f := range append(rows, total) {
		fmt.Fprintf(table, "%s\t%d\t%d\t%.1f\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", f.File, f.Events, f.Lines, float64(f.Bytes)/(1<<20), f.Lost, f.Late,
			f.Mangled, f.Extra, f.Runs, f.Allowed, f.Longest)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nseed %d, %s and %s to catch up: %d kills, %d stops, %d rotations, %d outages, %d faults in all, %d calls struck, %d requests with events without an answer\n",
		r.Seed, r.Duration, r.CaughtUp, r.Kills, r.Stops, r.rotations(), r.Outages, sum(r.Faults), r.Struck, r.Unanswered)
	fmt.Fprintf(out, "rotations: %s\nfaults: %s\n", listed(r.Rotations), listed(r.Faults))
	for _, note := range r.Notes {
		fmt.Fprintln(out, note)
	}
	for _, problem := range r.Problems {
		fmt.Fprintln(out, "PROBLEM:", problem)
	}
	_, err := fmt.Fprintf(out, "%d problems\n", len(r.Problems))
	return err
}

func (r *result) add(f result) {
	r.Events, r.Lines, r.Bytes = r.Events+f.Events, r.Lines+f.Lines, r.Bytes+f.Bytes
	r.Lost, r.Late, r.Mangled = r.Lost+f.Lost, r.Late+f.Late, r.Mangled+f.Mangled
	r.Extra, r.Runs, r.Allowed, r.Longest = r.Extra+f.Extra, r.Runs+f.Runs, r.Allowed+f.Allowed, max(r.Longest, f.Longest)
}

func listed(of map[string]int) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		words = append(words, fmt.Sprintf("%s %d", name, of[name]))
	}
	return strings.Join(words, ", ")
}
