package cloudwatch

// LogStream is where events go, and how its log group is to be made if it is missing.
type LogStream struct {
	Group, Name   string
	Class         string // STANDARD, INFREQUENT_ACCESS or "": the service's default
	RetentionDays int    // -1: the group's retention is not touched
}

// Refused is what PutLogEvents accepted the request without: indexes into its events, as the service answers them
// (RejectedLogEventsInfo). The zero value, with -1 for what is absent, is made by NothingRefused.
type Refused struct {
	TooNewStart int // this event and those after it lie more than two hours ahead; -1: none
	TooOldEnd   int // the events before this one are older than 14 days; -1: none
	ExpiredEnd  int // the events before this one are older than the group's retention; -1: none
}

// NothingRefused is the answer to a batch that was taken whole.
func NothingRefused() Refused { return Refused{-1, -1, -1} }

// Count tells how many of n events were refused, by reason.
func (r Refused) Count(n int) (tooNew, tooOld, expired int) {
	clamp := func(i int) int { return min(max(i, 0), n) }
	if r.TooNewStart >= 0 {
		tooNew = n - clamp(r.TooNewStart)
	}
	// An event has one reason, whatever a garbled answer says: never are more refused than there were.
	tooOld = min(clamp(r.TooOldEnd), n-tooNew)
	expired = max(min(clamp(r.ExpiredEnd), n-tooNew)-tooOld, 0)
	return tooNew, tooOld, expired
}
