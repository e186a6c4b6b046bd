package local

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"
)

// filterLogEvents answers events of a group that match a pattern, over its streams in order of time.
func (s *Server) filterLogEvents(ctx context.Context, _ *call, in *filterLogEventsInput) (*filterLogEventsOutput, error) {
	q, matches, err := s.checkFilter(in)
	if err != nil {
		return nil, err
	}
	most, err := checkLimit(in.Limit, maxLogPageEvents)
	if err != nil {
		return nil, err
	}
	group, err := s.groupByEither(ctx, in.LogGroupName, in.Identifier)
	if err != nil {
		return nil, err
	}
	q.group, q.from = group.id, s.retained(group, in.StartTime)
	names, err := s.chooseStreams(ctx, group, in, q)
	if err != nil {
		return nil, err
	}

	out := &filterLogEventsOutput{Events: []filteredLogEvent{}, Searched: []searchedLogStream{}}
	page := logPage{most: most}
	looked := 0
	err = s.store.scan(ctx, *q, func(e storedEvent) bool {
		looked++
		if !matches.match(e.message) {
			if looked < maxFilterScan {
				return true
			}
			if !q.backward {
				e.index++ // the next page begins behind this one
			}
			out.NextToken = filterToken(q.backward, e.position)
			return false
		}
		if !page.add(e) {
			if q.backward {
				e.index++ // a backward scan takes what is before its start
			}
			out.NextToken = filterToken(q.backward, e.position)
			return false
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	for _, e := range page.events {
		out.Events = append(out.Events, filteredLogEvent{LogStreamName: names[e.stream], Timestamp: e.at,
			Message: string(e.message), IngestionTime: e.ingested, EventID: "3" + e.position.String()})
	}
	return out, nil
}

func filterToken(backward bool, p position) string {
	if backward {
		return "b/" + p.String()
	}
	return "f/" + p.String()
}

// checkFilter reads what does not need the store.
func (s *Server) checkFilter(in *filterLogEventsInput) (*eventQuery, *filterPattern, error) {
	if in.StreamNames != nil && in.StreamPrefix != nil {
		return nil, nil, invalidParameter("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
	}
	if in.StreamNames != nil && (len(in.StreamNames) == 0 || len(in.StreamNames) > maxFilterStreams) {
		return nil, nil, constraint(fmt.Sprintf("[%d names]", len(in.StreamNames)), "logStreamNames", "Member must have length between 1 and 100")
	}
	for _, name := range in.StreamNames {
		if err := checkStreamName(&name); err != nil {
			return nil, nil, err
		}
	}
	pattern := text(in.FilterPattern)
	if utf8.RuneCountInString(pattern) > maxFilterPatternRunes {
		return nil, nil, constraint(printable(pattern), "filterPattern", "Member must have length less than or equal to 1024")
	}
	matches, err := parseFilterPattern(pattern)
	if err != nil {
		return nil, nil, invalidParameter("Invalid filter pattern: %v", err)
	}
	q := &eventQuery{to: math.MaxInt64 / 2}
	if in.EndTime != nil { // "Events with a timestamp later than this time are not returned."
		q.to = min(*in.EndTime, math.MaxInt64/2-1) + 1
	}
	if in.StartFromHead != nil && !*in.StartFromHead {
		// "Setting startFromHead to false is supported only when startTime is on or after Jan 1,
		// 2024 00:00:00 UTC."
		if in.StartTime == nil || *in.StartTime < time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() {
			return nil, nil, invalidParameter("startFromHead may be false only with a startTime on or after January 1, 2024.")
		}
		q.backward = true
	}
	if in.NextToken != nil {
		if q.backward, q.start, err = readPosition(*in.NextToken); err != nil {
			return nil, nil, err
		}
	}
	return q, matches, nil
}

// chooseStreams narrows the query to the streams that are asked for, and knows the streams' names.
func (s *Server) chooseStreams(ctx context.Context, group logGroup, in *filterLogEventsInput, q *eventQuery) (map[int64]string, error) {
	streams, err := s.store.streams(ctx, streamFilter{group: group.id, prefix: text(in.StreamPrefix)})
	if err != nil {
		return nil, err
	}
	names := make(map[int64]string, len(streams))
	for _, f := range streams {
		names[f.id] = f.name
		if in.StreamPrefix != nil || slices.Contains(in.StreamNames, f.name) {
			q.streams = append(q.streams, f.id)
		}
	}
	if in.StreamPrefix != nil && q.streams == nil {
		q.streams = []int64{} // none, rather than all
	}
	if len(q.streams) < len(in.StreamNames) {
		return nil, noSuchStream()
	}
	return names, nil
}
