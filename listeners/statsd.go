package listeners

import (
	"bytes"
	"context"
	"hash/maphash"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// statsD is plugin statsd. What comes in a metrics_collection_interval makes one value of each counter, gauge and set, as it
// does in the original, and those of an aggregation interval are a datum; timings, histograms and distributions keep all
// their values.
type statsD struct {
	receiver
	windows // Collect's alone

	// With the receiver's mutex:
	due      []*series // that have something since the last Collect
	values   int       // that they hold
	timed    []timed   // that are of a time of their own
	seed     maphash.Seed
	spelling []byte // room for what a line is found by
}

// live is what has come for a series since the last Collect.
type live struct {
	kind  kind
	value float64             // of a counter or gauge
	times *distribution       // of timings
	set   map[uint64]struct{} // hashes of a set's members
}

// kind is how values of a series become one.
type kind byte

const (
	counter kind = iota
	gauge
	set
	timing
)

// kindOf is the kind of a StatsD type, and what it is called in the dimension metric_type.
func kindOf(of []byte) (k kind, name string, ok bool) {
	switch string(of) {
	case "c":
		return counter, "counter", true
	case "g":
		return gauge, "gauge", true
	case "s":
		return set, "set", true
	case "ms":
		return timing, "timing", true
	case "h":
		return timing, "histogram", true
	case "d":
		return timing, "distribution", true
	}
	return 0, "", false
}

func newStatsD(p config.Plugin, sockets *Sockets) *statsD {
	s := &statsD{seed: maphash.MakeSeed(), windows: windows{width: p.Aggregation}}
	s.receiver = newReceiver(p, sockets, s.packet)
	return s
}

func (s *statsD) packet(packet []byte) {
	for len(packet) > 0 {
		line := packet
		if end := bytes.IndexByte(packet, '\n'); end >= 0 {
			line, packet = packet[:end], packet[end+1:]
		} else {
			packet = nil
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			s.line(line)
		}
	}
}

// line takes the values of a line, up to the first that makes no sense.
func (s *statsD) line(line []byte) {
	if isEvent(line) {
		s.drop(Events, 1)
		return
	}
	l, ok := parseStatsD(line)
	if !ok {
		s.Malformed++
		return
	}
	for {
		value, more, ok := l.next()
		if ok && !more {
			return
		}
		if !ok || !s.value(&l, value) {
			s.Malformed++
			return
		}
	}
}

// value adds a value to its series; false: it is none.
func (s *statsD) value(l *statsdLine, value []byte) bool {
	k, name, ok := kindOf(l.kind)
	if !ok || signed(value) && k != counter && k != gauge {
		return false
	}
	v := 0.0
	if k != set {
		if v, ok = number(value); !ok {
			return false
		}
		if !cloudwatch.Sendable(v) {
			s.drop(NotFinite, 1)
			return true
		}
	}
	found, ok := s.find(l, name)
	if !ok {
		return false
	}
	if found == nil {
		s.drop(TooMany, 1)
		return true
	}
	found.kind = k
	if l.at != 0 && (k == counter || k == gauge) {
		if reason := s.remember(found, l, v); reason != "" {
			s.drop(reason, 1)
			return true
		}
		s.Parsed++
		return true
	}
	if reason := s.sum(found, v, l.rate, value); reason != "" {
		s.drop(reason, 1)
		return true
	}
	s.Parsed++
	if !found.due {
		found.due = true
		s.due = append(s.due, found)
	}
	return true
}

// sum adds a value to what has come for its series; else it returns why not.
func (s *statsD) sum(to *series, v, rate float64, value []byte) (reason string) {
	switch to.kind {
	case counter:
		if rate > 0 {
			v /= rate
		}
		return to.become(to.value + v)
	case gauge:
		if signed(value) {
			v += to.value
		}
		return to.become(v)
	case set:
		member := maphash.Bytes(s.seed, value)
		if _, known := to.set[member]; known {
			return ""
		}
		if s.values >= mostHeld {
			return TooVaried
		}
		if to.set == nil {
			to.set = map[uint64]struct{}{}
		}
		to.set[member] = struct{}{}
		s.values++
	case timing:
		if to.times == nil {
			to.times = &distribution{}
		}
		if s.values >= mostHeld && !to.times.has(v) {
			return TooVaried
		}
		n := 1.0
		if rate > 0 {
			n = 1 / rate
		}
		s.values -= to.times.size()
		to.times.add(v, n)
		s.values += to.times.size()
	}
	return ""
}

// become sets the value of a counter or gauge.
func (l *live) become(v float64) (reason string) {
	if !cloudwatch.Sendable(v) {
		return NotFinite
	}
	l.value = v
	return ""
}

// find is the series of a line; nil: there is no room for another. false: it has no name that CloudWatch takes.
func (s *statsD) find(l *statsdLine, kind string) (found *series, ok bool) {
	s.spelling = append(append(append(append(append(s.spelling[:0], l.name...), '|'), l.kind...), '#'), l.tags...)
	if found = s.catalogue.spelt[string(s.spelling)]; found != nil {
		return found, true
	}
	name, dimensions := s.identify(string(l.name), string(l.tags), kind)
	if name == "" {
		return nil, false
	}
	return s.catalogue.add(s.spelling, name, dimensions, kind), true
}

// identify reads name,key=value,… and key:value,key,…; the tags may say metric_type themselves.
func (s *statsD) identify(name, tags, kind string) (clean string, dimensions []cloudwatch.Dimension) {
	put := func(key, value string) {
		dimensions = append(dimensions, cloudwatch.Dimension{Name: key, Value: value})
	}
	name, inline, _ := strings.Cut(name, ",")
	for pair := range strings.SplitSeq(inline, ",") {
		if key, value, ok := strings.Cut(pair, "="); ok && !strings.Contains(value, "=") {
			put(key, value)
		}
	}
	put("metric_type", kind)
	for tag := range strings.SplitSeq(tags, ",") {
		if key, value, ok := strings.Cut(tag, ":"); ok {
			put(key, value)
		} else {
			put(tag, "<empty>") // as the original has it: a dimension has to have a value
		}
	}
	return namePrintable(strings.ReplaceAll(name, ".", s.plugin.Separator)), dimensions
}

// Collect ends an interval and hands over the windows that are over.
func (s *statsD) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	last := ctx.Err() != nil
	lost := int64(0)
	at := now
	if s.width > 0 {
		at = now.Add(-1) // what ends on the hour is of the hour before
	}
	all, own := s.interval(now)
	for _, t := range all {
		switch {
		case t.times != nil:
			lost += s.merge(t.of, at, t.times)
		case !s.add(t.of, at, t.value):
			lost++
		}
	}
	outdated, more := s.addTimed(own, now)
	if lost += more; lost+outdated > 0 {
		s.mu.Lock()
		s.drop(TooVaried, lost)
		s.drop(WrongTime, outdated)
		s.mu.Unlock()
	}
	return s.ended(now, last || s.width == 0), nil
}

// taken is what came for a series in an interval.
type taken struct {
	of    *series
	value float64
	times *distribution // nil: value is all
}

// interval takes what has come since the last one. The one who receives waits meanwhile: that is why it is no more.
func (s *statsD) interval(now time.Time) (all []taken, own []timed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = make([]taken, 0, len(s.due))
	for _, one := range s.due {
		t := taken{one, one.value, one.times}
		if one.kind == set {
			t.value = float64(len(one.set))
		}
		one.value, one.times, one.set, one.due, one.used = 0, nil, nil, false, now
		all = append(all, t)
	}
	for _, t := range s.timed {
		t.of.used = now
	}
	clear(s.due)
	own = s.timed
	s.due, s.timed, s.values = s.due[:0], nil, 0
	s.catalogue.forget(now)
	return all, own
}
