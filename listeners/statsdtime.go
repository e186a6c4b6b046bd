package listeners

import (
	"bytes"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// timed is a value of a counter or gauge that said itself when it was (DogStatsD's |T). It is not summed up with those that come in
// the same interval: it goes into the window of its own time.
type timed struct {
	of    *series
	at    int64 // seconds since 1970
	value float64
}

// time reads T and the seconds since 1970 behind a type. What is no time is passed over, as all is that is not known there.
func (l *statsdLine) time() {
	text, ok := bytes.CutPrefix(l.rest, []byte("T"))
	if !ok {
		return
	}
	text, _, _ = bytes.Cut(text, []byte("|"))
	if at, ok := number(text); ok && at >= 1 && at <= mostSeconds && at == float64(int64(at)) {
		l.at = int64(at)
	}
}

// mostSeconds is more than any time there will be, and less than a time.Time cannot hold.
const mostSeconds = 1 << 40

// remember keeps a value until the interval ends. As its sender has summed up already, a sign of a gauge is no change.
func (s *statsD) remember(of *series, l *statsdLine, v float64) (reason string) {
	if of.kind == counter && l.rate > 0 {
		v /= l.rate
	}
	switch {
	case !cloudwatch.Sendable(v):
		return NotFinite
	case s.values >= mostHeld:
		return TooVaried
	}
	s.values++
	s.timed = append(s.timed, timed{of, l.at, v})
	return ""
}

// addTimed puts values into the windows of their times; what came for a window that was sent already makes another datum of it.
func (s *statsD) addTimed(all []timed, now time.Time) (outdated, lost int64) {
	for _, t := range all {
		at := time.Unix(t.at, 0)
		switch ahead := at.Sub(now); {
		case ahead > mostAhead || -ahead > cloudwatch.MaxMetricAge:
			outdated++
		case !s.add(t.of, at, t.value):
			lost++
		}
	}
	return outdated, lost
}
