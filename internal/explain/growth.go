package explain

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/tailer"
)

// Growth is how fast a file grows, as far as that can be told.
type Growth struct {
	BytesPerDay  float64 `json:"bytes_per_day"`  // that pass the filters
	EventsPerDay float64 `json:"events_per_day"` // the same
	Basis        string  `json:"basis"`          // what it is computed from
	Sure         Sure    `json:"sure"`

	left       float64 // the share of events that the filters leave out
	eventBytes float64 // the mean size of an event, before the filters; 0: of a file that was not sampled
}

// Sure is how much a number is worth.
type Sure string

const (
	Measured Sure = "measured" // while you waited
	Fair     Sure = "fair"     // the mean of a day or more
	Rough    Sure = "rough"    // the mean of less than a day
	Unknown  Sure = "unknown"  // nothing can be said; it counts as none
)

const (
	// idle is how long a file has not been written to when it counts as finished.
	idle = 7 * 24 * time.Hour
	// tooYoung is less than makes a mean.
	tooYoung = time.Minute
	// sampleBytes are read at the end of a file to tell how long its events are and how many the filters leave out …
	sampleBytes = 64 << 10
	// … and of so many files, those that grow fastest.
	sampledFiles = 200
	// usualEvent is the size in bytes of an event of a file that was not sampled.
	usualEvent = 120
)

// watched is a file whose growth is wanted.
type watched struct {
	entry  *tailer.Entry
	listed *tailer.Listed
	growth Growth
	before os.FileInfo // at the first of two looks
}

// growths finds out how fast the files of a plan grow: by two looks if there is time for that, else by their sizes and ages.
func growths(ctx context.Context, files []agent.PlannedFile, wait time.Duration, now time.Time) (map[*tailer.Listed]Growth, error) {
	var all []*watched
	for i := range files {
		for j := range files[i].Listing.Files {
			l := &files[i].Listing.Files[j]
			all = append(all, &watched{entry: files[i].Entry, listed: l, before: l.Info})
		}
	}
	if wait > 0 {
		for _, w := range all {
			w.before, _ = os.Stat(w.listed.Path)
		}
		began := time.Now()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
		for _, w := range all {
			after, _ := os.Stat(w.listed.Path)
			w.growth = measured(w.before, after, time.Since(began))
		}
	}
	for _, w := range all {
		if w.growth.Sure == "" {
			w.growth = mean(w.listed, time.Time{}, now)
		}
	}
	slices.SortStableFunc(all, func(a, b *watched) int { return cmp.Compare(b.growth.BytesPerDay, a.growth.BytesPerDay) })
	grown := make(map[*tailer.Listed]Growth, len(all))
	for i, w := range all {
		if i < sampledFiles && w.listed.Err == nil && ctx.Err() == nil {
			w.sample(now)
		} else {
			w.growth.EventsPerDay = w.growth.BytesPerDay / usualEvent
		}
		grown[w.listed] = w.growth
	}
	return grown, ctx.Err()
}

// measured compares two looks at a file. The zero Growth: it is another one, or not there.
func measured(before, after os.FileInfo, apart time.Duration) Growth {
	if before == nil || after == nil || !os.SameFile(before, after) || after.Size() < before.Size() || apart <= 0 {
		return Growth{}
	}
	perDay := float64(after.Size()-before.Size()) / apart.Hours() * 24
	return Growth{BytesPerDay: perDay, Basis: fmt.Sprintf("two looks %s apart", apart.Round(time.Second)), Sure: Measured}
}

// mean divides a file's size by the time that it took: since the first event that it names, if that is known, since its last
// rotation, or since it was made.
func mean(l *tailer.Listed, first, now time.Time) Growth {
	if l.Err != nil || l.Info == nil {
		return Growth{Basis: "it cannot be read", Sure: Unknown}
	}
	if quiet := now.Sub(l.Info.ModTime()); quiet > idle {
		return Growth{Basis: fmt.Sprintf("not written to for %s", ageText(quiet)), Sure: Fair}
	}
	if packedAlone(l) {
		return Growth{Basis: "it is compressed, and does not grow", Sure: Fair}
	}
	since, basis := l.Born, "its size and its age"
	if l.Rotated.After(since) {
		since, basis = l.Rotated, "its size and the time since its last rotation"
	}
	if !first.IsZero() && first.Before(l.Info.ModTime()) {
		since, basis = first, "its size and the time of its first event"
	}
	took := now.Sub(since)
	switch {
	case since.IsZero():
		return Growth{Basis: "the file system does not say how old it is", Sure: Unknown}
	case took < tooYoung:
		return Growth{Basis: "it is too young to say", Sure: Unknown}
	}
	g := Growth{BytesPerDay: float64(l.Info.Size()) / took.Hours() * 24, Basis: fmt.Sprintf("%s, %s", basis, ageText(took)), Sure: Rough}
	if took >= 24*time.Hour {
		g.Sure = Fair
	}
	return g
}

func packedAlone(l *tailer.Listed) bool { return len(l.Parts) == 1 && l.Parts[0].Packed }

// sample has the file's own lines say how many events its bytes are, and how many of them the filters let pass.
func (w *watched) sample(now time.Time) {
	s, err := w.entry.Sample(w.listed.Path, sampleBytes)
	if err != nil {
		w.growth.EventsPerDay = w.growth.BytesPerDay / usualEvent
		return
	}
	if w.growth.Sure != Measured && !s.First.IsZero() {
		w.growth = mean(w.listed, s.First, now)
	}
	w.growth = w.growth.passing(s)
}

// passing takes off what the filters leave out.
func (g Growth) passing(s tailer.Sample) Growth {
	if s.Events == 0 || s.Bytes == 0 {
		g.EventsPerDay = g.BytesPerDay / usualEvent
		return g
	}
	g.left, g.eventBytes = 1-float64(s.Kept)/float64(s.Events), float64(s.Bytes)/float64(s.Events)
	if s.Kept == 0 && g.BytesPerDay > 0 {
		g.Basis += ", of which the filters leave out all"
	}
	g.BytesPerDay *= 1 - g.left
	g.EventsPerDay = g.BytesPerDay / g.eventBytes
	return g
}

// billed is how many bytes are billed when so many of the file's are read.
func (g Growth) billed(bytes float64) float64 {
	passed := bytes * (1 - g.left)
	return passed + eventOverhead*passed/cmp.Or(g.eventBytes, usualEvent)
}
