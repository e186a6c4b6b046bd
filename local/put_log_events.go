package local

import (
	"context"
	"fmt"
	"math"
	"time"
)

// putLogEvents checks a batch and stores what of it is neither too old nor too new.
func (s *Server) putLogEvents(ctx context.Context, c *call, in *putLogEventsInput) (*putLogEventsOutput, error) {
	if err := checkStreamName(in.LogStreamName); err != nil {
		return nil, err
	}
	if err := checkGroupName(in.LogGroupName); err != nil {
		return nil, err
	}
	if err := checkEvents(in.LogEvents); err != nil {
		return nil, err
	}
	group, err := s.group(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	stream, err := s.stream(ctx, group, *in.LogStreamName)
	if err != nil {
		return nil, err
	}

	now := s.now()
	accepted, rejected := sortOut(in.LogEvents, now, group.retention, c)
	if err := checkSpan(accepted, in.LogEvents, now); err != nil {
		return nil, err
	}
	if len(accepted) > 0 {
		if err := s.store.putBatch(ctx, stream, packBatch(accepted), now.UnixMilli()); err != nil {
			return nil, err
		}
		if group.class == "STANDARD" {
			if err := s.extractMetrics(ctx, accepted); err != nil {
				return nil, err
			}
		}
	}
	c.events = len(accepted)
	return &putLogEventsOutput{NextSequenceToken: sequenceToken, Rejected: rejected}, nil
}

// checkEvents holds a batch against everything for which the whole of it is refused.
func checkEvents(events []inputLogEvent) error {
	switch {
	case events == nil:
		return missingMember("logEvents")
	case len(events) == 0:
		return constraint("[]", "logEvents", "Member must have length greater than or equal to 1")
	case len(events) > maxLogBatchEvents:
		return constraint(fmt.Sprintf("[%d events]", len(events)), "logEvents", "Member must have length less than or equal to 10000")
	}
	total, last := 0, int64(math.MinInt64)
	for i := range events {
		e := &events[i]
		if err := checkEvent(e, i); err != nil {
			return err
		}
		size := len(*e.Message) + logEventOverheadBytes
		if size > maxLogEventBytes {
			return invalidParameter("Log event too large: %d bytes exceeds limit of %d", size, maxLogEventBytes)
		}
		total += size
		if *e.Timestamp < last {
			return invalidParameter("Log events in a single PutLogEvents request must be in chronological order.")
		}
		last = *e.Timestamp
	}
	if total > maxLogBatchBytes {
		return invalidParameter("Upload too large: %d bytes exceeds limit of %d", total, maxLogBatchBytes)
	}
	return nil
}

// checkEvent: both members are required, "Timestamp: minimum value of 0", "Message: minimum length
// of 1".
func checkEvent(e *inputLogEvent, i int) error {
	member := func(name string) string { return fmt.Sprintf("logEvents.%d.member.%s", i+1, name) }
	switch {
	case e.Timestamp == nil:
		return missingMember(member("timestamp"))
	case e.Message == nil:
		return missingMember(member("message"))
	case *e.Timestamp < 0:
		return constraint(*e.Timestamp, member("timestamp"), "Member must have value greater than or equal to 0")
	case *e.Message == "":
		return constraint("", member("message"), "Member must have length greater than or equal to 1")
	}
	return nil
}

// sortOut finds the events that are taken, and says which are not, in the service's indexes: too
// old and expired events end before theirs, too new ones start at theirs. Events are in order.
func sortOut(events []inputLogEvent, now time.Time, retention int, c *call) ([]inputLogEvent, *rejectedLogEventsInfo) {
	oldest, newest := now.Add(-maxLogEventAge).UnixMilli(), now.Add(maxLogEventAhead).UnixMilli()
	expiry := int64(math.MinInt64)
	if retention > 0 {
		expiry = now.AddDate(0, 0, -retention).UnixMilli()
	}
	tooOld, expired, tooNew := 0, 0, len(events)
	for i := range events {
		switch at := *events[i].Timestamp; {
		case at < oldest:
			tooOld = i + 1
			expired = i + 1
		case at < expiry:
			expired = i + 1
		case at > newest:
			tooNew = min(tooNew, i)
		}
	}
	c.reject("too old", tooOld)
	c.reject("expired", expired-tooOld)
	c.reject("too new", len(events)-tooNew)
	var info rejectedLogEventsInfo
	if tooOld > 0 {
		info.TooOldEnd = &tooOld
	}
	if expired > tooOld {
		info.ExpiredEnd = &expired
	}
	if tooNew < len(events) {
		info.TooNewStart = &tooNew
	}
	if info == (rejectedLogEventsInfo{}) {
		return events, nil
	}
	return events[expired:tooNew], &info
}

// checkSpan: of the events that are valid by age, expired ones included.
func checkSpan(accepted, all []inputLogEvent, now time.Time) error {
	valid := accepted
	if len(accepted) < len(all) {
		oldest, newest := now.Add(-maxLogEventAge).UnixMilli(), now.Add(maxLogEventAhead).UnixMilli()
		from, to := 0, len(all)
		for from < to && *all[from].Timestamp < oldest {
			from++
		}
		for to > from && *all[to-1].Timestamp > newest {
			to--
		}
		valid = all[from:to]
	}
	if len(valid) > 0 && *valid[len(valid)-1].Timestamp-*valid[0].Timestamp > maxLogBatchSpan.Milliseconds() {
		return invalidParameter("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}
