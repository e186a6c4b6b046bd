//go:build vm

package vmtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/local"
)

const unit = "amazon-cloudwatch-agent"

var streams = []string{"a", "b", "c"} // each has a file in /var/log/app, as the image's configuration says

// write has programs append lines to all files, a chunk each time, until there are so many or others are to write. With
// dsync each chunk is on its disk before the next one is begun.
func (m *machine) write(run string, lines, chunk int, pause, flags string) {
	m.Helper()
	for _, s := range streams {
		m.sh("systemctl stop write-%s 2>/dev/null; systemd-run --quiet --unit=write-%[1]s write-lines /var/log/app/%[1]s.log %s %d %d %s %s", s, run, lines, chunk, pause, flags)
	}
}

func (m *machine) stopWriting() {
	m.Helper()
	m.sh("systemctl stop 'write-*'; sync /var/log/app/*")
}

// lines are what a file holds.
func (m *machine) lines(stream string) []string {
	m.Helper()
	all := strings.Split(m.sh("cat /var/log/app/%s.log", stream), "\n")
	return slices.DeleteFunc(all, func(l string) bool { return l == "" })
}

// arrives waits until something of a run has arrived in all streams.
func (m *machine) arrives(cloud *local.Server, run string) {
	m.Helper()
	for _, s := range streams {
		until(m.T, 2*time.Minute, "lines of "+run+" in "+s, func() bool {
			return slices.ContainsFunc(events(m.T, cloud, s), func(e local.Event) bool { return strings.HasPrefix(e.Message, run+" ") })
		})
	}
}

// settle waits until all that the files hold has arrived, at most so long, and settles up.
func (m *machine) settle(cloud *local.Server, patience time.Duration) (all []account) {
	m.Helper()
	began := time.Now()
	for _, s := range streams {
		file, looked := m.lines(s), int64(-1)
		var a account
		for deadline := time.Now().Add(patience); ; {
			until(m.T, patience+time.Minute, "a request", func() bool {
				return cloud.Requests()["PutLogEvents"] != looked || time.Now().After(deadline)
			})
			looked = cloud.Requests()["PutLogEvents"]
			if a = settleUp(s, file, events(m.T, cloud, s)); len(a.lost) == 0 || time.Now().After(deadline) {
				break
			}
		}
		all = append(all, a)
	}
	m.Logf("settled up after %v", time.Since(began).Round(time.Second))
	return all
}

// status is what the agent says of itself; false: nobody answers.
func (m *machine) status() (s agent.Status, ok bool) {
	m.Helper()
	out, err := m.try(time.Minute, "nephoscope status --json")
	if err != nil && out == "" {
		return s, false
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		m.Fatalf("status: %v in %.200q", err, out)
	}
	return s, true
}

// agentRuns waits until the agent answers, which nobody has started by hand.
func (m *machine) agentRuns() {
	m.Helper()
	until(m.T, 2*time.Minute, "the agent to answer", func() bool {
		_, ok := m.status()
		return ok
	})
}

// balances waits until the agent's ledgers say that nothing is pending, and holds them to what they promise.
func (m *machine) balances() agent.Status {
	m.Helper()
	var s agent.Status
	until(m.T, 2*time.Minute, "ledgers without anything pending", func() bool {
		var ok bool
		s, ok = m.status()
		return ok && s.Total.Pending.Events == 0 && s.Total.LagBytes == 0
	})
	books, _ := json.Marshal(s.Total) // it was JSON a moment ago
	m.Logf("ledger: %s", books)
	if !s.Total.Balanced() {
		m.Errorf("the ledger does not balance: %s", books)
	}
	return s
}

// reasons is why the agent is not well, in one text.
func reasons(s agent.Status) string {
	text := string(s.Health)
	for _, r := range s.Reasons {
		text += "; " + r.What
	}
	return text
}

// number reads a number that the machine says.
func (m *machine) number(format string, args ...any) int64 {
	m.Helper()
	out := m.sh(format, args...)
	n, err := strconv.ParseInt(out, 10, 64)
	if err != nil {
		m.Fatalf("%s: %v", fmt.Sprintf(format, args...), err)
	}
	return n
}

func (m *machine) property(name string) string {
	m.Helper()
	return m.sh("systemctl show --value -p %s %s", name, unit)
}

func (m *machine) nobodyWrites() bool {
	m.Helper()
	return m.sh("systemctl list-units --plain --no-legend 'write-*'") == ""
}
