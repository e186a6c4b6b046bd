//go:build vm

package vmtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

const (
	days  = 24 * time.Hour
	slack = 3 * time.Minute // between a clock that was set by hand and ours, and of a slow machine
)

// The host comes up with a clock three days behind, which is set right, set back by two hours and set right again, under load.
func TestClockThatJumps(t *testing.T) {
	cloud, m := newCloud(t), newMachine(t)
	m.rtc = time.Now().Add(-3 * days).UTC().Format("2006-01-02T15:04:05")
	m.on()
	m.up()
	m.agentRuns()
	offset := -3 * days
	rest, restLog := m.quietMinute()
	t.Logf("at rest the agent takes %.1f %% of the machine's processor and writes %d lines to its log a minute", rest, restLog)

	for i, jump := range []time.Duration{3 * days, -2 * time.Hour, 2 * time.Hour} {
		run := fmt.Sprintf("jump%d", i+1)
		m.write(run, 1e6, 50, "0.2", "")
		m.arrives(cloud, run)
		before := m.logLines()
		m.sh("date -s '%+d hours'", int(jump.Hours()))
		m.arrivesAt(cloud, run, offset+jump)
		m.stopWriting()
		m.everyEventIsAt(cloud, run, offset, offset+jump)
		offset += jump
		until(t, 2*time.Minute, "metrics with the time of the new clock", func() bool {
			all := dataTimes(t, cloud, "mem_used_percent")
			for _, at := range all {
				if d := time.Since(at) + offset; d > -slack && d < 20*time.Second+slack {
					return true
				}
			}
			return false
		})
		took, _ := m.quietMinute()
		said := m.logLines() - before
		t.Logf("EVIDENCE after a jump by %v: %.1f %% of the processor over the next minute, %d lines in the agent's log", jump, took, said)
		if took > rest+40 {
			t.Errorf("after a jump by %v the agent takes %.1f %% of the processor, and %.1f %% before: it goes in circles", jump, took, rest)
		}
		if said > 30 {
			t.Errorf("after a jump by %v the agent said %d things", jump, said)
		}
	}
	lines := 0
	for _, a := range m.settle(cloud, 2*time.Minute) {
		t.Log(a)
		if len(a.lost)+len(a.repeats) > 0 {
			t.Errorf("%s: %d lines are lost, %d came again", a.stream, len(a.lost), len(a.repeats))
		}
		lines += a.written
	}
	s := m.balances()
	if n := s.Total.Rejected.Sum().Events; n > 0 || s.Total.Lost.Bytes() > 0 || s.Metrics.Dropped+s.Metrics.Invalid+s.Metrics.Refused > 0 {
		t.Errorf("something was given up: %d events rejected, lost %+v, metrics %+v", n, s.Total.Lost, *s.Metrics)
	}
	t.Logf("EVIDENCE 3 jumps, %d lines written, each arrived once", lines)

	// And one into the future: the service takes nothing of that, which nobody may be silent about.
	m.sh("date -s '+3 days'")
	m.write("ahead", 200, 100, "0", "")
	until(t, 2*time.Minute, "the ledger and health to tell of what was refused", func() bool {
		s, ok := m.status()
		return ok && s.Total.Rejected.TooNew.Events == 600 && strings.Contains(reasons(s), "more than two hours ahead")
	})
	m.sh("date -s '-3 days'")
	m.write("right", 200, 100, "0", "")
	m.arrives(cloud, "right")
	right := time.Now()
	until(t, 2*time.Minute, "metrics with the right time", func() bool {
		for _, at := range dataTimes(t, cloud, "mem_used_percent") {
			if at.After(right) && at.Before(right.Add(time.Hour)) {
				return true
			}
		}
		return false
	})
	s = m.balances()
	t.Logf("EVIDENCE three days ahead: of 600 lines the agent says %s; once the clock was right, lines arrived again", reasons(s))
}

// arrivesAt waits until something of a run has arrived in all streams with the time of a clock that is off by so much.
func (m *machine) arrivesAt(cloud *local.Server, run string, offset time.Duration) {
	m.Helper()
	for _, s := range streams {
		until(m.T, 2*time.Minute, fmt.Sprintf("lines of %s in %s with the time of the new clock", run, s), func() bool {
			for _, e := range events(m.T, cloud, s) {
				if strings.HasPrefix(e.Message, run+" ") && near(e, offset) {
					return true
				}
			}
			return false
		})
	}
}

// near tells whether an event has the time of a clock that is off by so much.
func near(e local.Event, offset time.Duration) bool {
	d := e.Timestamp.Sub(e.Ingested) - offset
	return d > -slack && d < slack
}

// everyEventIsAt fails the test if an event of a run has a time that no clock ever showed.
func (m *machine) everyEventIsAt(cloud *local.Server, run string, before, after time.Duration) {
	m.Helper()
	for _, s := range streams {
		for _, e := range events(m.T, cloud, s) {
			if strings.HasPrefix(e.Message, run+" ") && !near(e, before) && !near(e, after) {
				m.Errorf("%s: %q has the time %v, and arrived at %v: the clock was never off by that (it was off by %v, then by %v)", s, e.Message, e.Timestamp, e.Ingested, before, after)
				break
			}
		}
	}
}

// quietMinute measures the agent while nobody writes logs: its share of the processor in percent, and what it says.
func (m *machine) quietMinute() (share float64, said int64) {
	m.Helper()
	cpu := func() (ticks, centiseconds int64) {
		pid := m.property("MainPID")
		return m.number("cut -d' ' -f14,15 /proc/%s/stat | tr ' ' + | { read s; echo $((s)); }", pid), m.number("cut -d' ' -f1 /proc/uptime | tr -d .")
	}
	said = m.logLines()
	ticks, at := cpu()
	began := time.Now()
	until(m.T, 2*time.Minute, "a minute to pass", func() bool { return time.Since(began) > time.Minute })
	ticks2, at2 := cpu()
	return 100 * float64(ticks2-ticks) / float64(at2-at), m.logLines() - said
}

// logLines is how much the agent has said, wherever it says it.
func (m *machine) logLines() int64 {
	m.Helper()
	return m.number("{ cat %s 2>/dev/null; journalctl --no-pager -q -u %s; } | wc -l", agentLog, unit)
}
