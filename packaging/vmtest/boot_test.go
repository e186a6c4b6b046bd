//go:build vm

package vmtest

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The host boots without a network, and when that comes, the service is away: the agent starts all the same, and later sends
// what it found and measured, with the identity that it could not know and the times that were.
func TestNetworkAndServiceThatComeLate(t *testing.T) {
	cloud, m := newCloud(t), newMachine(t)
	if err := os.Mkdir(m.path("logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		var text strings.Builder
		for i := range 500 {
			fmt.Fprintf(&text, "%s was there before the boot: %06d\n", s, i)
		}
		if err := os.WriteFile(m.path("logs/"+s+".log"), []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m.tool("mke2fs", "-q", "-F", "-t", "ext4", "-L", "logs", "-d", m.path("logs"), m.path("logs.img"), "192M")
	back := away(t, cloud)
	m.on()
	m.link("off")
	until(t, upTime, "the machine to boot without a network", func() bool {
		said, _ := os.ReadFile(m.console()) // it may not be there yet
		return bytes.Contains(said, []byte("login:"))
	})
	booted := time.Now()
	until(t, time.Minute, "twenty seconds to pass", func() bool { return time.Since(booted) > 20*time.Second })
	linked := time.Now()
	m.link("on")
	m.up()
	m.agentRuns()
	if restarts := m.property("NRestarts"); restarts != "0" {
		t.Errorf("without a network the agent ended %s times", restarts)
	}
	active := m.number("systemctl show --value -p ActiveEnterTimestampMonotonic %s", unit)
	since := m.number("cut -d' ' -f1 /proc/uptime | tr -d .")
	started := time.Now().Add(-time.Duration(since)*10*time.Millisecond + time.Duration(active)*time.Microsecond)
	if !started.Before(linked) {
		t.Errorf("the agent was up at %v, and the network at %v: it waited for it", started, linked)
	}
	seen := cloud.Requests()["PutLogEvents"]
	until(t, 2*time.Minute, "requests in vain", func() bool { return cloud.Requests()["PutLogEvents"] >= seen+2 })
	back()
	for _, a := range m.settle(cloud, 3*time.Minute) {
		a.exact(t)
	}
	m.balances()
	earlier := 0
	until(t, 2*time.Minute, "metrics from before the network came", func() bool {
		earlier = 0
		for _, at := range dataTimes(t, cloud, "mem_used_percent") {
			if at.Before(linked) {
				earlier++
			}
		}
		return earlier > 0
	})
	t.Logf("EVIDENCE the agent was up %v before the network came; 1500 lines arrived once, and %d data of a metric from before that, with the identity of the instance", linked.Sub(started).Round(time.Second), earlier)
}
