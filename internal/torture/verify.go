package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// The most that one request with events holds: "The maximum number of log events in a batch is 10,000", "The maximum batch
// size is 1,048,576 bytes. This size is calculated as the sum of all event messages in UTF-8, plus 26 bytes for each log
// event." Source: PutLogEvents in the API reference of CloudWatch Logs.
const (
	batchEvents   = 10_000
	batchBytes    = 1 << 20
	overheadBytes = 26
)

// result is what became of one file's events.
type result struct {
	File    string `json:"file"`
	Stream  string `json:"stream"`
	Events  int    `json:"events"` // written
	Lines   int    `json:"lines"`
	Bytes   int64  `json:"bytes"`
	Lost    int    `json:"lost"`
	Extra   int    `json:"repeated"` // stored beyond the first time
	Late    int    `json:"out_of_order"`
	Mangled int    `json:"mangled"` // stored, and not what was written

	Runs    int `json:"repeats"`         // how often the stream went back
	Allowed int `json:"repeats_allowed"` // kills, stops, and requests that were not answered
	Longest int `json:"longest_repeat"`  // events

	problems []string
	records  []record
}

func anyLost(results []result) bool {
	return slices.ContainsFunc(results, func(r result) bool { return r.Lost > 0 })
}

// verify reads the whole store.
func (t *torture) verify() (results []result, err error) {
	for _, w := range t.writers {
		events, err := t.service.Events(w.group, w.name)
		if err != nil {
			return nil, fmt.Errorf("read %s back: %w", w.name, err)
		}
		all := harvest{records: slices.Clone(w.harvest.records), mangled: slices.Clone(w.harvest.mangled)}
		all.take(w.read, events)
		t.service.mu.Lock()
		unanswered := t.service.unanswered[w.name]
		t.service.mu.Unlock()
		w.mu.Lock()
		r := result{File: w.name, Stream: w.group + " " + w.name, Events: w.events, Lines: w.lines, Bytes: w.bytes}
		w.mu.Unlock()
		t.mu.Lock()
		r.Allowed = t.counts.Kills + t.counts.Stops + unanswered
		t.mu.Unlock()
		r.judge(all)
		r.records = all.records
		results = append(results, r)
	}
	events, err := t.service.Events(emfGroup, emfStream)
	if err != nil {
		return nil, fmt.Errorf("read documents back: %w", err)
	}
	var all harvest
	all.take(t.sender.read, events)
	return append(results, t.sender.result(all)), nil
}

// writeArrivals writes down what arrived when, for whoever has to understand a loss: the store does not hold what was deleted
// there.
func writeArrivals(path string, results []result) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write arrivals: %w", err)
	}
	out := bufio.NewWriter(file)
	for _, r := range results {
		for records := inOrderOfArrival(r.records); len(records) > 0; {
			n := 1 // one after the other, in one batch
			for n < len(records) && records[n].ingested.Equal(records[0].ingested) && records[n].number == records[n-1].number+1 {
				n++
			}
			_, _ = fmt.Fprintf(out, "%s %s %d to %d\n", records[0].ingested.Format("15:04:05.000"), r.File, records[0].number, records[n-1].number) // Flush says it
			records = records[n:]
		}
	}
	return errors.Join(out.Flush(), file.Close())
}

func inOrderOfArrival(records []record) []record {
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b record) int { return a.ingested.Compare(b.ingested) })
	return records
}

// judge compares what is stored with what was written.
func (r *result) judge(h harvest) {
	r.findLost(h.records)
	r.findRepeats(h.records)
	r.findMangled(h)
}

func (r *result) findMangled(h harvest) {
	if r.Mangled = len(h.mangled); r.Mangled > 0 {
		r.fault("%d events are not what was written, such as %.300q", r.Mangled, h.mangled[0])
	}
}

func (r *result) fault(format string, args ...any) {
	r.problems = append(r.problems, r.File+": "+fmt.Sprintf(format, args...))
}

// findLost also finds events that a reader of the stream sees for the first time after later ones.
func (r *result) findLost(records []record) {
	seen := make([]bool, r.Events+1)
	newest := 0
	for _, e := range records {
		switch {
		case e.number > r.Events:
			r.fault("event %d was stored, and only %d were written", e.number, r.Events)
			continue
		case !seen[e.number] && e.number < newest:
			if r.Late++; r.Late == 1 {
				r.fault("event %d is seen for the first time after event %d", e.number, newest)
			}
		}
		seen[e.number] = true
		newest = max(newest, e.number)
	}
	var ranges []string
	for i := 1; i <= r.Events; i++ {
		if seen[i] {
			continue
		}
		from := i
		for i <= r.Events && !seen[i] {
			i++
		}
		r.Lost += i - from
		ranges = append(ranges, fmt.Sprintf("%d to %d", from, i-1))
	}
	if r.Lost > 0 {
		r.fault("%d events are lost, in %d places: %s", r.Lost, len(ranges), strings.Join(ranges[:min(10, len(ranges))], ", "))
	}
}

// findRepeats follows the stream in the order of arrival. Each time that it goes back, a batch came again: that may be once
// for each kill and each request that was not answered, and for no more than one batch.
func (r *result) findRepeats(records []record) {
	newest, before, events, bytes := 0, 0, 0, 0
	for _, e := range inOrderOfArrival(records) {
		if e.number > newest {
			newest, before, events, bytes = e.number, e.number, 0, 0
			continue
		}
		r.Extra++
		if e.number <= before {
			r.Runs++
			events, bytes = 0, 0
		}
		before = e.number
		events++
		bytes += e.bytes + overheadBytes
		if events == batchEvents+1 || bytes > batchBytes && bytes-e.bytes-overheadBytes <= batchBytes {
			r.fault("more than one batch came again, up to event %d", e.number)
		}
		r.Longest = max(r.Longest, events)
	}
	if r.Runs > r.Allowed {
		r.fault("events came again %d times, and there were only %d kills, stops and requests without an answer", r.Runs, r.Allowed)
	}
}
