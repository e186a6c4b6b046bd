package agent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/listeners"
)

// Health is how the agent is, in a word.
type Health string

const (
	OK       Health = "ok"
	Degraded Health = "degraded" // something waits, fails or was lost; the rest goes on
	Failing  Health = "failing"  // nothing gets through, or nothing is remembered
)

// Reason is why the agent is not well, and what to do about it.
type Reason struct {
	What  string    `json:"what"`
	Since time.Time `json:"since,omitzero"`
	Hint  string    `json:"hint"`

	weight Health
}

const (
	// silence is how long nothing may be acknowledged while something waits.
	silence = 10 * time.Minute
	// lateness is how long something may have been in a file without being acknowledged.
	lateness = 5 * time.Minute
	// lossMemory is how long a loss is a reason, after it was noticed.
	lossMemory = time.Hour
	// slowStart is how long something may take to begin before it is worth a word.
	slowStart = 5 * time.Second
	// slowRun is how long a collector may take, if its interval is not longer.
	slowRun = time.Minute
)

// judge comes to a Health. It remembers when it saw losses grow: nobody counts them by the hour, and whoever asks for the
// first time is told of all there were.
type judge struct {
	mu     sync.Mutex
	losses map[string]loss
}

type loss struct {
	amount int64
	seen   time.Time
}

func (j *judge) judge(s *Status, now time.Time) {
	v := verdict{Status: s, now: now}
	v.disk()
	v.configuration()
	v.stuck()
	v.untaken()
	v.late()
	v.metrics()
	v.series()
	v.collectors()
	v.listeners()
	v.listening()
	v.scraping()
	v.unnamed()
	v.volumes()
	j.lost(&v)
	s.Health = OK
	for _, r := range v.reasons {
		if r.weight == Failing || s.Health == OK {
			s.Health = r.weight
		}
	}
	slices.SortStableFunc(v.reasons, func(a, b Reason) int { return cmp.Compare(b.weight, a.weight) }) // "failing" > "degraded"
	s.Reasons = append(s.Reasons, v.reasons...)
}

// verdict gathers reasons.
type verdict struct {
	*Status
	now     time.Time
	reasons []Reason
}

func (v *verdict) say(weight Health, since time.Time, what, hint string) {
	v.reasons = append(v.reasons, Reason{what, since, hint, weight})
}

// longAgo tells whether a moment lies farther back than d; zero does not.
func (v *verdict) longAgo(t time.Time, d time.Duration) bool { return !t.IsZero() && v.now.Sub(t) > d }

func (v *verdict) disk() {
	const hint = "is the disk of the state folder full, read-only or broken?"
	if t := v.Status.disk; t.Failures > 0 {
		v.say(Failing, t.Since, fmt.Sprintf("checkpoints cannot be written: %v; after a crash, what was acknowledged since would be sent again", t.Err), hint)
	}
	m := v.Metrics
	if m == nil {
		return
	}
	if m.InMemory > 0 {
		v.say(Failing, m.Oldest, fmt.Sprintf("the spool takes nothing: %s of metrics in memory alone", count(m.InMemory, "batch", "batches")), hint)
	}
	if v.longAgo(m.closed, slowStart) {
		v.say(Failing, m.closed, "the spool cannot be opened; metrics wait in memory", "see the agent's log; is the state folder the agent's own, and the disk writable?")
	}
}

// stuck finds that nothing at all gets through.
func (v *verdict) stuck() {
	alive := later(v.Total.Acknowledged, v.Started)
	var since time.Time
	for _, f := range v.Logs {
		if v.longAgo(f.LagSince, silence) && (since.IsZero() || f.LagSince.Before(since)) {
			since = f.LagSince
		}
	}
	if !since.IsZero() && v.longAgo(alive, silence) {
		v.say(Failing, later(alive, since), fmt.Sprintf("no log event has been acknowledged for %s, though some wait", minutes(v.now.Sub(later(alive, since)))), "see the other reasons and the agent's log")
	}
	if m := v.Metrics; m != nil && m.Spooled > 0 && v.longAgo(m.Oldest, silence) {
		if alive := later(later(m.Acknowledged, v.Started), m.Oldest); v.longAgo(alive, silence) {
			v.say(Failing, alive, fmt.Sprintf("no metrics have been acknowledged for %s, though some wait", minutes(v.now.Sub(alive))), "see the other reasons and the agent's log")
		}
	}
}

// untaken are the streams that wait, a reason for each class of failure: an outage is one, however many streams wait.
func (v *verdict) untaken() {
	type group struct {
		streams int
		first   StreamLedger // the one that waits longest
	}
	groups := map[cloudwatch.Class]*group{}
	for _, s := range v.Streams {
		if s.Trouble == nil {
			continue
		}
		g := groups[s.Trouble.class]
		if g == nil {
			g = &group{first: s}
			groups[s.Trouble.class] = g
		}
		g.streams++
		if s.Trouble.Since.Before(g.first.Trouble.Since) {
			g.first = s
		}
	}
	for class := cloudwatch.Unavailable; class <= cloudwatch.Invalid; class++ {
		if g := groups[class]; g != nil {
			t := g.first.Trouble
			what := fmt.Sprintf("the events of %s are not taken: %s/%s: %s", count(g.streams, "log stream", "log streams"), g.first.Group, g.first.Stream, t.Error)
			v.say(Degraded, t.Since, what, cure(class, "logs:PutLogEvents, logs:CreateLogStream and logs:CreateLogGroup", "do the log group and stream have names that the service takes?"))
		}
	}
}

// cure is what to do about a class of failure.
func cure(class cloudwatch.Class, actions, names string) string {
	switch class {
	case cloudwatch.Throttled:
		return "it is tried again more slowly; if that lasts, ask for a higher quota"
	case cloudwatch.Denied:
		return "are the credentials there and valid, and do they allow " + actions + "?"
	case cloudwatch.NotFound:
		return "allow " + actions
	case cloudwatch.Invalid:
		return names
	}
	return "can this host reach the service (network, proxy, endpoint, clock)?"
}

// late are the files that are behind without anybody having refused them.
func (v *verdict) late() {
	n := 0
	var worst LogFile
	var since time.Time
	for _, f := range v.Logs {
		if f.Trouble != nil || !v.longAgo(f.LagSince, lateness) {
			continue
		}
		n++
		if f.LagBytes > worst.LagBytes || n == 1 {
			worst = f
		}
		if since.IsZero() || f.LagSince.Before(since) {
			since = f.LagSince
		}
	}
	if n > 0 {
		v.say(Degraded, since, fmt.Sprintf("%s more than %s behind: %s by %d bytes", count(n, "file is", "files are"), minutes(lateness), worst.Path, worst.LagBytes),
			"is more written than this host's network and processor can ship?")
	}
}

func (v *verdict) metrics() {
	m := v.Metrics
	if m == nil {
		return
	}
	if t := m.Trouble; t != nil {
		v.say(Degraded, t.Since, fmt.Sprintf("metrics are not taken, %s spooled: %s", count(m.Spooled, "batch", "batches"), t.Error),
			cure(t.class, "cloudwatch:PutMetricData", "does the namespace have a name that the service takes?"))
	}
	if m.unbound && v.longAgo(v.Started, slowStart) { // from the start: nothing will be sent
		since := m.Oldest
		if since.IsZero() {
			since = v.Started
		}
		v.say(Degraded, since, "metrics wait for the identity of this instance: it gives them their EC2 dimensions", whoAmI)
	}
}

const whoAmI = "does the metadata service answer (IMDSv2, hop limit), and is ec2:DescribeTags allowed? The agent's log says which it is. On a host outside of EC2 the mode is onPremise"

func (v *verdict) collectors() {
	if v.Metrics == nil {
		return
	}
	for _, c := range v.Metrics.Collectors {
		if c.LastError != "" {
			v.say(Degraded, c.failing, fmt.Sprintf("collector %s fails: %s", c.Name, c.LastError), "what it can read is sent all the same")
		}
		if v.longAgo(c.working, max(slowRun, time.Duration(c.Interval)*time.Second)) {
			v.say(Degraded, c.working, fmt.Sprintf("collector %s has not come back for %s", c.Name, minutes(v.now.Sub(c.working))), "does a disk or a network mount hang?")
		}
	}
}

func (v *verdict) listeners() {
	if v.Metrics == nil {
		return
	}
	for _, l := range v.Metrics.Listeners {
		if t := l.Trouble; t != nil {
			v.say(Degraded, t.Since, fmt.Sprintf("%s receives nothing: %s", l.Name, t.Error), "which program has the address (ss -lunxp)? Change service_address, or stop it: it is tried again all the time")
		}
	}
}

func (v *verdict) unnamed() {
	for i, w := range v.unidentified {
		if v.longAgo(w.since, slowStart) {
			more := ""
			if n := len(v.unidentified) - i - 1; n > 0 {
				more = fmt.Sprintf(" and %d more", n)
			}
			v.say(Degraded, w.since, fmt.Sprintf("log files %s%s wait for this host's EC2 identity: they are named after it", w.path, more), whoAmI)
			return
		}
	}
}

// lost tells of what will never arrive, for an hour after it was noticed.
func (j *judge) lost(v *verdict) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.losses == nil {
		j.losses = map[string]loss{}
	}
	say := func(amount int64, what, hint string) {
		was := j.losses[what]
		if amount > was.amount {
			was.seen = v.now
		}
		was.amount = amount
		j.losses[what] = was
		if amount > 0 && !was.seen.IsZero() && v.now.Sub(was.seen) < lossMemory {
			v.say(Degraded, was.seen, fmt.Sprintf("%d %s, since the agent started", amount, what), hint)
		}
	}
	l := v.Total.Lost
	const rotation = "the log names the file; rotate more slowly, or keep what is rotated uncompressed until it has been read"
	say(l.Truncated, "bytes of log files were lost: truncated away before they were read", rotation)
	say(l.Files, "log files were lost: gone before an earlier run had read them to their end", rotation)
	say(l.Unreadable, "bytes of log files were lost: rotated and not readable", "the log names the file; is its disk broken?")
	say(l.Evicted, "bytes of log files were lost: deleted files held more disk than they are allowed to", "the service was away for too long, or is too slow for what is written")
	r := v.Total.Rejected
	say(r.TooNew.Events, "log events were refused: more than two hours ahead", "is this host's clock right, and timestamp_format and timezone?")
	say(r.TooOld.Events, "log events were refused: more than 14 days old", "is this host's clock right, and timestamp_format and timezone?")
	say(r.Expired.Events, "log events were refused: older than their group's retention", "raise retention_in_days, or leave old files out")
	say(r.Invalid.Events, "log events were refused: called invalid by the service", "the agent's log has the service's words")
	if e := v.EMF; e != nil {
		say(e.Dropped, "datagrams for emf were dropped: the kernel had no room for them", "raise net.core.rmem_max, send fewer, or send by TCP")
		say(e.Refused["spool_full"], "EMF documents were refused: those that wait take all the disk that they may", "the service was away for too long, or takes less than is sent; nephoscope.events_mib allows more")
		say(e.Refused["many_streams"]+e.Refused["memory"]+e.Refused["disk"], "EMF documents were refused for want of room", "nephoscope status --json tells which: many_streams, memory or disk")
		say(e.Turned, "connections of programs that send EMF documents were turned down: too many are open, and none has been idle for long", "which program opens one after the other? ss -tnp tells; each could keep one, or send by UDP")
	}
	if l := v.Prometheus; l != nil {
		say(l.Documents["spool_full"], "documents of scraped samples were refused: those that wait take all the disk that they may", "the service was away for too long, or takes less than is scraped; nephoscope.events_mib allows more")
		say(l.Documents["many_streams"]+l.Documents["disk"], "documents of scraped samples were refused for want of room", "nephoscope status --json tells which: many_streams (the log streams are the jobs), or disk")
		worst := ""
		if len(l.Refused) > 0 {
			worst = fmt.Sprintf("most are of the metric %s of job %s: ", l.Refused[0].Metric, l.Refused[0].Job)
		}
		say(l.Dropped["series_bound"], "scraped samples were left out: of more series than the scraper remembers", worst+"which label has ever new values? nephoscope.prometheus_series allows more")
	}
	if m := v.Metrics; m != nil {
		say(m.Dropped, "batches of metrics were given up", fmt.Sprintf("the spool holds %d MiB (nephoscope.spool_mib) and two weeks; the agent's log says which it was", m.room>>20))
		say(m.Lost, "data of metrics were lost: nobody took them", "the disk of the spool hung, could not keep up, or could not be opened for long: is it all right?")
		say(m.Refused, "values of metrics were dropped: no request may hold them", "not a number, infinite or beyond 2^360; the agent's log has more")
		for _, l := range m.Listeners {
			say(l.Dropped[listeners.Kernel], "datagrams for "+l.Name+" were dropped: the kernel had no room for them", "raise net.core.rmem_max, and allowed_pending_messages; or send fewer")
			say(l.Dropped[listeners.TooMany], "values for "+l.Name+" were dropped: of more series than one host may send", "which tag has ever new values? Each series costs money")
			say(l.Dropped[listeners.NotEncrypted]+l.Dropped[listeners.NotSigned], "datagrams for "+l.Name+" were refused: not as secure as collectd_security_level asks for", "SecurityLevel of the sender's plugin network has to be the same")
			say(l.Dropped[listeners.UnknownUser], "datagrams for "+l.Name+" were refused: of a user that collectd_auth_file does not have", "Username of the sender's plugin network has to be in it, as a line user: password")
			say(l.Dropped[listeners.WrongPassword], "datagrams for "+l.Name+" were refused: of a wrong password", "Password of the sender's plugin network has to be the one in collectd_auth_file")
			say(l.Dropped[listeners.WrongTime], "values for "+l.Name+" were dropped: of a time that CloudWatch refuses", "are the clocks of the sender and of this host right?")
			say(l.Dropped[listeners.TooLong], "datagrams for "+l.Name+" were dropped: longer than 64 KiB", "have the sender put less into one")
			say(l.Dropped[listeners.TooVaried], "values for "+l.Name+" were dropped: there are too many different ones to keep", "aggregate for a shorter time, or sample")
		}
		say(m.Invalid, "data of metrics were dropped: called invalid by the service", "the agent's log has the service's words")
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// minutes is a duration as people say it.
func minutes(d time.Duration) string {
	text := d.Round(time.Second).String()
	if d >= time.Minute {
		text = strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return text
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
