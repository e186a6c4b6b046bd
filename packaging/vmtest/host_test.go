//go:build vm

package vmtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/local"
)

// wholeHost has all collectors at work every second, and a name for each series that says what it is of.
const wholeHost = `{
  "agent": {"metrics_collection_interval": 1},
  "metrics": {"namespace": "Host", "force_flush_interval": 2, "metrics_collected": {
    "cpu": {"measurement": ["usage_active", "usage_user", "usage_system", "usage_idle", "usage_iowait", "time_active"], "totalcpu": true, "resources": ["*"]},
    "mem": {"measurement": ["used_percent", "used"]},
    "swap": {"measurement": ["used_percent"]},
    "disk": {"measurement": ["used_percent", "free"], "resources": ["*"]},
    "diskio": {"measurement": ["reads", "writes", "read_bytes", "write_bytes", "io_time", "read_time", "write_time"], "resources": ["*"]},
    "net": {"measurement": ["bytes_recv", "bytes_sent", "packets_sent", "drop_in"], "resources": ["*"]},
    "ethtool": {"metrics_include": ["rx_queue_0_packets"]},
    "netstat": {"measurement": ["tcp_established", "tcp_listen", "udp_socket"]},
    "processes": {"measurement": ["total", "running", "sleeping", "blocked", "zombies", "total_threads"]},
    "procstat": [{"pattern": ".", "measurement": ["pid_count", "cpu_usage", "memory_rss", "num_threads", "num_fds"]}],
    "loadavg": {"measurement": ["1m"]}, "tcp": {"measurement": ["segments_sent"]}, "pressure": {"measurement": ["cpu_some", "io_some"]}
  }}
}`

// The collectors on a kernel of their own, one situation after the other: a boot takes longer than any of them.
func TestCollectorsInHardSituations(t *testing.T) {
	cloud, m := newCloud(t), newMachine(t)
	m.cores = "2"
	m.on()
	m.up()
	m.sh("cat >/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d/file_config.json <<'END'\n%s\nEND", wholeHost)
	for _, situation := range []struct {
		name string
		test func(*machine, *local.Server)
	}{
		{"processes end while they are read", stormOfProcesses},
		{"a mount never answers", mountThatNeverAnswers},
		{"the host changes", hostThatChanges},
		{"processes are hidden", hiddenProcesses},
	} {
		t.Run(situation.name, func(t *testing.T) {
			m.T = t
			m.sh("systemctl stop %s; : >%s; systemctl reset-failed; systemctl start %[1]s", unit, agentLog)
			m.agentRuns()
			m.passes(5)
			m.quiet("the start")
			situation.test(m, cloud)
		})
	}
	m.T = t
}

// collector is what the agent says of one.
func (m *machine) collector(name string) (c agent.CollectorLedger) {
	m.Helper()
	s, ok := m.status()
	if !ok || s.Metrics == nil {
		m.Fatal("the agent says nothing of collectors")
	}
	i := slices.IndexFunc(s.Metrics.Collectors, func(c agent.CollectorLedger) bool { return strings.HasPrefix(c.Name, name) })
	if i < 0 {
		m.Fatalf("there is no collector %s", name)
	}
	return s.Metrics.Collectors[i]
}

// passes waits until each collector has been asked so many times more.
func (m *machine) passes(times int64) {
	m.Helper()
	runs := func() map[string]int64 {
		all := map[string]int64{}
		if s, ok := m.status(); ok && s.Metrics != nil {
			for _, c := range s.Metrics.Collectors {
				all[c.Name] = c.Runs
			}
		}
		return all
	}
	before := runs()
	until(m.T, 3*time.Minute, "collections", func() bool {
		now := runs()
		for name, n := range before {
			if now[name] < n+times {
				return false
			}
		}
		return len(before) > 0
	})
}

// complaints are what the agent's log holds of collectors.
func (m *machine) complaints() []string {
	m.Helper()
	text := m.sh("grep -E 'collector|ERROR|panic' %s || true", agentLog)
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool {
		return line == "" || strings.Contains(line, "works again") || strings.Contains(line, "does not find")
	})
}

// quiet holds the agent to having had nothing to complain of, and to be the process that it was.
func (m *machine) quiet(after string) {
	m.Helper()
	if said := m.complaints(); len(said) > 0 {
		m.Errorf("after %s the log says:\n%s", after, strings.Join(said, "\n"))
	}
	s, _ := m.status()
	for _, c := range s.Metrics.Collectors {
		if c.Errors > 0 && c.Name != "ethtool" {
			m.Errorf("after %s %s has failed %d times: %s", after, c.Name, c.Errors, c.LastError)
		}
	}
	if restarts := m.property("NRestarts"); restarts != "0" {
		m.Errorf("after %s the agent has ended %s times", after, restarts)
	}
}

// sound holds everything that arrived to what no counter's reset and no change of the host excuses.
func sound(t *testing.T, cloud *local.Server) (all []local.Metric) {
	t.Helper()
	all, err := cloud.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	data := 0
	for _, metric := range all {
		values, err := cloud.Data(metric.Namespace, metric.Name, metric.Dimensions...)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range values {
			data++
			most := 1e12 // nothing moves that much in a second here
			if metric.Unit == "Percent" && !strings.HasPrefix(metric.Name, "procstat_") {
				most = 100
			}
			if d.Minimum < 0 || d.Maximum > most {
				t.Errorf("%s %v at %v: from %v to %v", metric.Name, metric.Dimensions, d.At, d.Minimum, d.Maximum)
			}
		}
	}
	t.Logf("EVIDENCE %d series, %d data: none negative, none absurd", len(all), data)
	return all
}

// of chooses metrics by name and a dimension's value.
func of(all []local.Metric, name, value string) (found []local.Metric) {
	for _, metric := range all {
		if metric.Name == name && slices.ContainsFunc(metric.Dimensions, func(d local.Dimension) bool { return d.Value == value }) {
			found = append(found, metric)
		}
	}
	return found
}

// A file system whose server never answers holds up whoever asks it for its size, for ever and beyond any signal. The others are
// told as before; the mount is named once, and counted; and when the server is gone, all is well again.
func mountThatNeverAnswers(m *machine, cloud *local.Server) {
	t := m.T
	// Nobody reads what the kernel asks through this descriptor.
	m.sh(`mkdir -p /mnt/hung && systemd-run --quiet --unit=hung sh -c 'exec 3<>/dev/fuse; mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0,allow_other hung /mnt/hung & exec sleep 10000'`)
	until(t, time.Minute, "the mount", func() bool { return m.sh("grep -c ' /mnt/hung ' /proc/mounts || true") == "1" })
	if out, err := m.try(5*time.Second, "timeout -s KILL 2 stat -f /mnt/hung"); err == nil {
		t.Fatalf("the file system answers, this test would show nothing: %s", out)
	}
	until(t, time.Minute, "the disk collector to miss an answer", func() bool { return m.collector("disk").Errors > 0 })
	before := m.collector("disk")
	m.passes(8)
	during := m.collector("disk")
	if !strings.Contains(during.LastError, "/mnt/hung") || during.Errors < before.Errors+8 {
		t.Errorf("counted %d, then %d, the last: %s", before.Errors, during.Errors, during.LastError)
	}
	if during.Data-before.Data < 8*4 {
		t.Errorf("only %d data of the other file systems", during.Data-before.Data)
	}
	if said := m.complaints(); len(said) != 1 || strings.Count(said[0], "/mnt/hung") != 1 {
		t.Errorf("the log names it not once:\n%s", strings.Join(said, "\n"))
	}
	threads := m.number("ls /proc/$(systemctl show --value -p MainPID %s)/task | wc -l", unit)
	if threads > 25 {
		t.Errorf("%d threads wait", threads)
	}
	m.sh("systemctl kill -s KILL hung; umount -l /mnt/hung || true")
	until(t, time.Minute, "the disk collector to work again", func() bool { return m.collector("disk").LastError == "" })
	for _, c := range []string{"cpu", "processes", "procstat"} {
		if got := m.collector(c); got.Errors > 0 {
			t.Errorf("%s failed as well: %s", c, got.LastError)
		}
	}
	t.Logf("EVIDENCE hung mount: %d collections failed in part, each with the others' data (%d); one line in the log; %d threads", during.Errors, during.Data, threads)
	sound(t, cloud)
}

// Counters begin again, and things come, go and change their names, between two collections and more often.
func hostThatChanges(m *machine, cloud *local.Server) {
	t := m.T
	m.sh("ip link add lan0 type dummy; ip addr add 10.9.9.1/24 dev lan0; ip link set lan0 up; modprobe loop; truncate -s 8M /disk")
	packets := `bash -c 'for i in $(seq %d); do echo -n 0123456789 >/dev/udp/10.9.9.9/9; done'`
	m.sh("ip neigh replace 10.9.9.9 lladdr 02:00:00:00:00:01 dev lan0; "+packets, 500)
	m.passes(3)
	t.Log("an interface is deleted and made again, with fewer packets, three times")
	for range 3 {
		m.sh("ip link del lan0; ip link add lan0 type dummy; ip addr add 10.9.9.1/24 dev lan0; ip link set lan0 up; ip neigh replace 10.9.9.9 lladdr 02:00:00:00:00:01 dev lan0; "+packets, 50)
		m.passes(2)
	}
	t.Log("an interface changes its name")
	m.sh("ip link set lan0 down; ip link set lan0 name wan0; ip link set wan0 up; ip neigh replace 10.9.9.9 lladdr 02:00:00:00:00:01 dev wan0; "+packets, 300)
	m.passes(3)
	t.Log("loop devices lose their counters with the driver")
	for range 3 {
		m.sh("losetup /dev/loop0 /disk; dd if=/dev/loop0 of=/dev/null bs=64k iflag=direct status=none; dd if=/dev/zero of=/dev/loop0 bs=64k count=20 oflag=direct status=none")
		m.passes(2)
		m.sh("losetup -d /dev/loop0; udevadm settle; modprobe -r loop; modprobe loop")
	}
	t.Log("a processor is taken away, and comes back")
	for range 3 {
		m.sh("echo 0 >/sys/devices/system/cpu/cpu1/online")
		m.passes(2)
		m.sh("echo 1 >/sys/devices/system/cpu/cpu1/online")
		m.passes(2)
	}
	m.quiet("interfaces, loop devices and a processor that came and went")
	t.Log("a drive disappears with its file system mounted, and is found again")
	m.sh("dd if=/dev/zero of=/var/log/app/x bs=64k count=50 conv=fsync status=none")
	m.passes(2)
	m.sh("echo 1 >/sys/class/nvme/nvme0/device/remove")
	m.passes(5)
	if got := m.sh("ls /sys/class/nvme"); got != "" {
		t.Errorf("the drive is still there: %s", got)
	}
	m.sh("umount -l /var/log/app; echo 1 >/sys/bus/pci/rescan; udevadm settle")
	until(t, time.Minute, "the drive", func() bool { return m.sh("ls /sys/class/nvme") != "" })
	m.sh("mount /var/log/app && dd if=/dev/zero of=/var/log/app/x bs=64k count=10 conv=fsync status=none")
	m.passes(5)
	m.quiet("a drive that disappeared")
	all := sound(t, cloud)
	for _, want := range [][2]string{{"net_packets_sent", "lan0"}, {"net_packets_sent", "wan0"}, {"diskio_reads", "loop0"}, {"diskio_writes", "nvme0n1"}, {"cpu_usage_active", "cpu1"}} {
		if len(of(all, want[0], want[1])) == 0 {
			t.Errorf("nothing arrived of %s of %s", want[0], want[1])
		}
	}
	// 500, and 50 each time that it was made again, of which the first second's are not known.
	if sent := total(t, cloud, of(all, "net_packets_sent", "lan0")); sent < 400 || sent > 700 {
		t.Errorf("lan0 is said to have sent %v packets", sent)
	}
}

// total adds up the data of metrics.
func total(t *testing.T, cloud *local.Server, of []local.Metric) (sum float64) {
	t.Helper()
	for _, metric := range of {
		data, err := cloud.Data(metric.Namespace, metric.Name, metric.Dimensions...)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range data {
			sum += d.Sum
		}
	}
	return sum
}

// Thousands of processes end while they are read.
func stormOfProcesses(m *machine, cloud *local.Server) {
	t := m.T
	born := func() int64 { return m.number("awk '$1 == \"processes\" { print $2 }' /proc/stat") }
	began := born()
	m.sh("systemd-run --quiet --unit=storm sh -c 'while :; do (:) & (:) & (:) & /bin/true & wait; done'")
	m.passes(20)
	until(t, 3*time.Minute, "two thousand processes to begin", func() bool { return born()-began > 2000 })
	m.sh("systemctl stop storm")
	forked, collected := born()-began, m.collector("processes").Runs
	m.quiet("a storm of processes")
	t.Logf("EVIDENCE %d processes began and ended during %d collections", forked, collected)
	sound(t, cloud)
}

// hidepid on the host's /proc does not concern the service: what systemd isolates so has a /proc of its own. With ProtectProc=invisible
// others' processes are hidden from the agent's user: it says so once, and what it sees of its own is right.
func hiddenProcesses(m *machine, cloud *local.Server) {
	t := m.T
	restart := func() float64 {
		m.sh("systemctl daemon-reload; systemctl restart %s", unit)
		m.agentRuns()
		m.passes(5)
		return processesSeen(t, cloud)
	}
	m.sh("mount -o remount,hidepid=2 /proc")
	if hidden := m.number("su -s /bin/sh nobody -c 'ls /proc' | grep -c '^[0-9]'"); hidden > 5 {
		t.Fatalf("an ordinary user sees %d processes: this would show nothing", hidden)
	}
	all := restart()
	m.quiet("hidepid=2")
	m.sh("mkdir -p /etc/systemd/system/%s.service.d; printf '[Service]\nProtectProc=invisible\n' >/etc/systemd/system/%[1]s.service.d/proc.conf", unit)
	own := restart()
	m.quiet("ProtectProc=invisible")
	if all < 20 || own < 1 || own > 5 {
		t.Errorf("there were %v processes to be seen with hidepid=2, and %v with ProtectProc=invisible", all, own)
	}
	for _, plugin := range []string{"processes", "procstat"} {
		if said := m.number("grep -c 'WARN.*metrics_collected[.]%s[:[].*hidepid' %s || true", plugin, agentLog); said != 1 {
			t.Errorf("the log says %d times that %s sees little", said, plugin)
		}
	}
	t.Logf("EVIDENCE hidepid: %v processes seen under hidepid=2, %v under ProtectProc=invisible", all, own)
	sound(t, cloud)
}

// processesSeen is how many there are by the newest datum.
func processesSeen(t *testing.T, cloud *local.Server) float64 {
	t.Helper()
	all, err := cloud.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(metric local.Metric) bool { return metric.Name == "processes_total" })
	if i < 0 {
		t.Fatal("processes says nothing")
	}
	data, err := cloud.Data(all[i].Namespace, all[i].Name, all[i].Dimensions...)
	if err != nil || len(data) == 0 {
		t.Fatalf("%d data, %v", len(data), err)
	}
	return data[len(data)-1].Maximum
}
