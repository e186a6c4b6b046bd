package local

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// getLogEvents pages through one stream in either direction.
func (s *Server) getLogEvents(ctx context.Context, _ *call, in *getLogEventsInput) (*getLogEventsOutput, error) {
	if err := checkStreamName(in.LogStreamName); err != nil {
		return nil, err
	}
	most, err := checkLimit(in.Limit, maxLogPageEvents)
	if err != nil {
		return nil, err
	}
	backward, start := !in.StartFromHead, (*position)(nil)
	if in.NextToken != nil {
		if backward, start, err = readPosition(*in.NextToken); err != nil {
			return nil, err
		}
	}
	group, err := s.groupByEither(ctx, in.LogGroupName, in.Identifier)
	if err != nil {
		return nil, err
	}
	stream, err := s.stream(ctx, group, *in.LogStreamName)
	if err != nil {
		return nil, err
	}

	q := eventQuery{group: group.id, streams: []int64{stream.id}, backward: backward, start: start}
	// "Events with a timestamp equal to or later than this time are not included."
	q.from, q.to = s.retained(group, in.StartTime), beginning(in.EndTime, math.MaxInt64)
	page := logPage{events: []storedEvent{}, most: most}
	if err := s.store.scan(ctx, q, page.add); err != nil {
		return nil, err
	}
	if backward {
		slices.Reverse(page.events)
	}
	return logEventsOutput(page.events, backward, start), nil
}

// retained is the earliest time that a reading may begin at: what has expired is not shown, even
// before it is deleted.
func (s *Server) retained(group logGroup, start *int64) int64 {
	from := beginning(start, math.MinInt64/2)
	if group.retention > 0 {
		from = max(from, s.now().AddDate(0, 0, -group.retention).UnixMilli())
	}
	return from
}

// beginning is a time in milliseconds, or what stands for its absence; kept far from overflow.
func beginning(at *int64, absent int64) int64 {
	if at == nil {
		at = &absent
	}
	return min(max(*at, math.MinInt64/2), math.MaxInt64/2)
}

// A logPage collects events until it has as many, or as many bytes, as a page may.
type logPage struct {
	events []storedEvent
	most   int
	bytes  int
	full   bool
}

func (p *logPage) add(e storedEvent) bool {
	if len(p.events) == p.most || (len(p.events) > 0 && p.bytes+len(e.message) > maxLogPageBytes) {
		p.full = true
		return false
	}
	p.events = append(p.events, e)
	p.bytes += len(e.message)
	return true
}

// logEventsOutput gives the two tokens of a page. A token is a place between events: "If you have
// reached the end of the stream, it returns the same token you passed in."
func logEventsOutput(events []storedEvent, backward bool, start *position) *getLogEventsOutput {
	out := &getLogEventsOutput{Events: make([]outputLogEvent, len(events))}
	for i, e := range events {
		out.Events[i] = outputLogEvent{Timestamp: e.at, Message: string(e.message), IngestionTime: e.ingested}
	}
	from, to := position{}, position{}
	switch {
	case len(events) > 0:
		from, to = events[0].position, events[len(events)-1].position
		to.index++
	case start != nil:
		from, to = *start, *start
	case backward: // nothing is there yet: what comes will be forward of here
		from = position{at: 0}
	}
	out.Forward, out.Backward = "f/"+to.String(), "b/"+from.String()
	return out
}

// String is the position as tokens carry it.
func (p position) String() string {
	return fmt.Sprintf("%020d%020d%06d", p.at, p.batch, p.index)
}

// readPosition reads a token of getLogEvents.
func readPosition(token string) (backward bool, p *position, err error) {
	refused := invalidParameter("The specified nextToken is invalid.")
	digits, forward := strings.CutPrefix(token, "f/")
	if !forward {
		if digits, backward = strings.CutPrefix(token, "b/"); !backward {
			return false, nil, refused
		}
	}
	p, ok := parsePosition(digits)
	if !ok {
		return false, nil, refused
	}
	return backward, p, nil
}

func parsePosition(digits string) (*position, bool) {
	if len(digits) != 46 || strings.Trim(digits, "0123456789") != "" {
		return nil, false
	}
	at, err1 := strconv.ParseInt(digits[:20], 10, 64)
	batch, err2 := strconv.ParseInt(digits[20:40], 10, 64)
	index, err3 := strconv.Atoi(digits[40:])
	return &position{at, batch, index}, err1 == nil && err2 == nil && err3 == nil
}
