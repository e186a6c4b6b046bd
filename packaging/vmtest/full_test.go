//go:build vm

package vmtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/local"
)

// fill takes all room of a file system.
func (m *machine) fill(dir string) {
	m.Helper()
	m.sh("cd %s; dd if=/dev/zero of=filler bs=1M conv=fsync 2>/dev/null; dd if=/dev/zero of=filler2 bs=1k conv=fsync 2>/dev/null; ! dd if=/dev/zero of=filler3 bs=64k count=1 conv=fsync 2>/dev/null", dir)
}

func (m *machine) free(dir string) {
	m.Helper()
	m.sh("rm -f %s/filler*", dir)
}

// For a minute no state can be written: lines and metrics arrive meanwhile, and the agent says what is wrong.
func TestStateDiskThatIsFullForAMinute(t *testing.T) {
	cloud, m := newCloud(t), newMachine(t)
	m.on()
	m.up()
	m.agentRuns()
	m.write("before", 1000, 100, "0.2", "")
	m.arrives(cloud, "before")

	const complaint = "checkpoints cannot be written"
	full := time.Now()
	m.fill("/var/lib/nephoscope/lost+found")
	m.write("full", 1e6, 50, "0.5", "")
	m.arrives(cloud, "full")
	until(t, 2*time.Minute, "health to say that "+complaint, func() bool {
		s, ok := m.status()
		return ok && s.Health == "failing" && strings.Contains(reasons(s), complaint)
	})
	m.write("full2", 1e6, 50, "0.5", "") // after it knows
	m.arrives(cloud, "full2")
	until(t, 2*time.Minute, "the minute to pass", func() bool { return time.Since(full) > time.Minute })
	m.free("/var/lib/nephoscope/lost+found")
	freed := time.Now()
	until(t, 2*time.Minute, "the all-clear", func() bool {
		s, ok := m.status()
		return ok && !strings.Contains(reasons(s), complaint) && s.Metrics != nil && s.Metrics.InMemory == 0
	})
	m.stopWriting()
	lines := 0
	for _, a := range m.settle(cloud, 2*time.Minute) {
		a.exact(t)
		lines += a.written
	}
	s := m.balances()
	if s.Metrics.Dropped+s.Metrics.Invalid+s.Metrics.Refused > 0 {
		t.Errorf("data were given up: %+v", *s.Metrics)
	}
	all := dataTimes(t, cloud, "mem_used_percent")
	meanwhile, longest := 0, time.Duration(0)
	for i, at := range all {
		if at.After(full) && at.Before(freed) {
			meanwhile++
		}
		if i > 0 {
			longest = max(longest, at.Sub(all[i-1]))
		}
	}
	t.Logf("EVIDENCE full for %v: %d lines arrived once, %d data of a metric with times of when it was full, at most %v apart", freed.Sub(full).Round(time.Second), lines, meanwhile, longest)
	if meanwhile == 0 || longest > 10*time.Second {
		t.Error("there is a hole in the metrics")
	}
}

// For a minute programs cannot write their logs: lines are torn. All that is in the files arrives, and a metric told the operator.
func TestLogDiskThatIsFullForAMinute(t *testing.T) {
	cloud, m := newCloud(t), newMachine(t)
	m.on()
	m.up()
	m.agentRuns()
	m.write("before", 1e6, 100, "0.2", "")
	m.arrives(cloud, "before")
	full := time.Now()
	m.fill("/var/log/app")
	until(t, 2*time.Minute, "a metric to say that the disk is full", func() bool { return newest(t, cloud, "disk_used_percent") > 99.9 })
	until(t, 2*time.Minute, "the minute to pass", func() bool { return time.Since(full) > time.Minute })
	torn := m.sh("journalctl -u 'write-*' | grep -c 'No space left'")
	m.free("/var/log/app")
	m.stopWriting()
	m.write("after", 500, 100, "0.2", "")
	m.arrives(cloud, "after")
	until(t, time.Minute, "the writers to end", m.nobodyWrites)
	lines := 0
	for _, a := range m.settle(cloud, 2*time.Minute) {
		a.exact(t)
		lines += a.written
	}
	if s := m.balances(); s.Total.Lost.Bytes() > 0 || s.Total.Lost.Files > 0 {
		t.Errorf("the ledger says that there were losses: %+v", s.Total.Lost)
	}
	t.Logf("EVIDENCE full for %v, %s writes failed; the %d lines that are in the files arrived once", time.Since(full).Round(time.Second), torn, lines)
	if torn == "0" {
		t.Error("no program noticed that the disk was full: this test shows nothing")
	}
}

// newest is the newest value of a metric of this host, whatever its further dimensions.
func newest(t *testing.T, cloud *local.Server, name string) (value float64) {
	t.Helper()
	metrics, err := cloud.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range metrics {
		if m.Name != name || !slices.Contains(m.Dimensions, local.Dimension{Name: "InstanceId", Value: "i-0abc123def4567890"}) {
			continue
		}
		data, err := cloud.Data(m.Namespace, m.Name, m.Dimensions...)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 0 {
			value = data[len(data)-1].Maximum
		}
	}
	return value
}
