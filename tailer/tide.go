package tailer

import (
	"slices"
	"time"
)

// tides remember when a file was found to have grown up to where. A line without a time of its own was written about when it
// was found, however much later it is read: while the service is down, the file is the queue.
type tides []tide

// tide is that the file was found to end somewhere, and that it did not yet at an earlier time; in milliseconds.
type tide struct{ end, from, at int64 }

// maxTides bounds what is remembered of one file: beyond it neighbours become one, and those that follow are as far apart.
const maxTides = 64

// rise notes that a file of begin bytes has grown since earliest, and ends at end now.
func (t *tides) rise(begin, end int64, earliest, now time.Time) {
	at := now.UnixMilli()
	from := at - max(now.Sub(earliest).Milliseconds(), 0) // a file may have been opened since the look began
	if len(*t) == 0 {
		*t = append(*t, tide{begin, from, from}) // what was there before is older, and nobody knows how much
	}
	last := &(*t)[len(*t)-1]
	apart := (last.at - (*t)[0].at) / (maxTides / 2)
	if back := at < last.at; len(*t) > 1 && at-last.from < apart && !back { // else there would be times between two clocks
		last.end, last.at = end, at
		return
	}
	if len(*t) == maxTides {
		kept := (*t)[:1]
		for i := 2; i < maxTides; i += 2 {
			kept = append(kept, tide{(*t)[i].end, (*t)[i-1].from, (*t)[i].at})
		}
		*t = append(kept, (*t)[maxTides-1])
	}
	*t = append(*t, tide{end, from, at})
}

// when tells when the byte at an offset was written, as well as is known; now for what has not been found by looking.
func (t tides) when(offset int64, now time.Time) time.Time {
	if len(t) == 0 || offset >= t[len(t)-1].end {
		return now
	}
	i, _ := slices.BinarySearchFunc(t, offset, func(x tide, offset int64) int {
		if x.end <= offset {
			return -1
		}
		return 1
	})
	if i == 0 {
		return time.UnixMilli(t[0].at)
	}
	begin, from := t[i-1].end, min(t[i].from, t[i].at) // neighbours that became one may have had the clock set back between them
	return time.UnixMilli(from + (t[i].at-from)*(offset-begin)/(t[i].end-begin))
}

// ebb forgets what is of no use for bytes from an offset on.
func (t *tides) ebb(offset int64) {
	past := 0
	for past+1 < len(*t) && (*t)[past+1].end <= offset {
		past++
	}
	if past+1 == len(*t) {
		past++
	}
	if *t = (*t)[past:]; len(*t) == 0 {
		*t = nil
	}
}
