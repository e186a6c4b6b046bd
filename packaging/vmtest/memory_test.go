//go:build vm

package vmtest

import (
	"fmt"
	"testing"
	"time"
)

// The kernel allows the agent little memory, and the service is away while a hundred thousand lines are written. Either the
// agent stays below, or it is killed and started again; nothing is lost.
func TestLittleMemoryDuringAnOutage(t *testing.T) {
	cloud, m := newCloud(t), newMachine(t)
	m.on()
	m.up()
	m.agentRuns()
	for _, limit := range []string{"64M", "40M"} {
		m.sh(`mkdir -p /etc/systemd/system/%s.service.d; printf '[Service]\nMemoryHigh=infinity\nMemoryMax=%s\nMemorySwapMax=0\n' >/etc/systemd/system/%[1]s.service.d/memory.conf
			systemctl daemon-reload; systemctl restart %[1]s`, unit, limit)
		m.agentRuns()
		group := "/sys/fs/cgroup" + m.property("ControlGroup")
		if got := m.number("cat %s/memory.max", group); got != 64<<20 && got != 40<<20 {
			t.Fatalf("the kernel limits the agent to %d bytes: this test would show nothing", got)
		}
		back := away(t, cloud)
		run := "limit" + limit
		m.write(run, 40000, 2000, "0", "")
		until(t, 5*time.Minute, "the writers to end", m.nobodyWrites)
		seen := cloud.Requests()["PutLogEvents"]
		until(t, 2*time.Minute, "some more requests in vain", func() bool { return cloud.Requests()["PutLogEvents"] >= seen+3 })
		back()
		began := time.Now()
		m.arrives(cloud, run)
		lines, repeats := 0, 0
		accounts := m.settle(cloud, 5*time.Minute)
		took := time.Since(began)
		restarts := m.property("NRestarts")
		for _, a := range accounts {
			if restarts == "0" {
				a.exact(t)
			} else {
				a.whole(t)
			}
			lines, repeats = lines+a.written, repeats+len(a.repeats)
		}
		m.balances()
		if state := m.property("ActiveState"); state != "active" {
			t.Errorf("with %s the service is %s", limit, state)
		}
		t.Logf("EVIDENCE MemoryMax=%s: %d lines in the files, all arrived %v after the service was back, %d came again; killed and started again %s times; at most %s",
			limit, lines, took.Round(time.Second), repeats, restarts, m.memory(group))
	}
}

// memory is what the kernel charged the service with.
func (m *machine) memory(group string) string {
	m.Helper()
	peak := m.number("cat %s/memory.peak", group)
	anon := m.number("sed -n 's/^anon //p' %s/memory.stat", group)
	return fmt.Sprintf("%.1f MiB with the page cache, of which the agent's own are %.1f MiB now (%s)", float64(peak)/(1<<20), float64(anon)/(1<<20),
		m.sh("tr '\\n' ' ' <%s/memory.events", group))
}
