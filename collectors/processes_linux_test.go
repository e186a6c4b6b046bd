package collectors

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v3/process"
)

// process writes the stat file of a process that has these fields behind its name, all else 0.
func (m machine) process(pid int, name, state string, threads int) {
	m.write(fmt.Sprintf("proc/%d/stat", pid), fmt.Sprintf("%d (%s) %s 1 %d %d 0 -1 4194304 0 0 0 0 5 7 0 0 20 0 %d 0 12345 1000 20 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		pid, name, state, pid, pid, threads))
}

func TestProcessesByState(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for i, state := range strings.Fields("S S S R D D Z X T t W I P K") {
		m.process(i+1, "p) R 1 (q", state, i+1)
	}
	m.write("proc/loadavg", "0 0 0 1/2 3\n")
	m.write("proc/12ab/stat", "no process\n")
	expect(t, collect(t, mustBuild(t, everything("processes"), m.Host)), map[string]float64{
		"processes_sleeping{}": 3, "processes_running{}": 1, "processes_blocked{}": 2, "processes_zombies{}": 1, "processes_dead{}": 1, "processes_stopped{}": 2,
		"processes_paging{}": 1, "processes_idle{}": 1, "processes_total{}": 14, "processes_total_threads{}": 14 * 15 / 2,
	})
}

// One listing is for all who look at all processes at one moment; whoever has had it is given another.
func TestProcessesAreListedOnceForOneMoment(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.program(1, 50, 0, "/bin/app")
	h := m.Host.Shared()
	counted, found := mustBuild(t, everything("processes"), h), mustBuild(t, selecting("pattern", "app", "pid_count"), h)
	const total, matching = "processes_total{}", "procstat_lookup_pid_count{pattern=app,pid_finder=native}"
	see := func(c Collector, seconds int, name, want string) {
		t.Helper()
		if got := at(t, c, seconds)[name]; got != want {
			t.Errorf("second %d: %s is %s, want %s", seconds, name, got, want)
		}
	}
	see(counted, 0, total, "1")
	m.program(2, 50, 0, "/bin/app") // too late for this moment
	see(found, 0, matching, "1")
	see(found, 0, matching, "2")
	see(counted, 0, total, "2")
	m.dies(2)
	see(found, 1, matching, "1")
	m.program(3, 50, 0, "/bin/app")
	see(counted, 1, total, "1")
	see(counted, 2, total, "2")
}

func TestProcessThatDiesWhileItIsRead(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.process(1, "init", "S", 1)
	if err := os.MkdirAll(filepath.Join(m.Root, "proc/77"), 0o755); err != nil { // listed, and nothing of it is there any more
		t.Fatal(err)
	}
	expect(t, collect(t, mustBuild(t, measuring("processes", "total"), m.Host)), map[string]float64{"processes_total{}": 1})
}

func TestHiddenProcesses(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.process(4711, "own", "S", 1) // hidepid=invisible: others are not listed
	c := mustBuild(t, measuring("processes", "total"), m.Host)
	expect(t, collect(t, c), map[string]float64{"processes_total{}": 1})
	if advice := c.(Adviser).Advise(t.Context()); len(advice) != 1 || !advice[0].Warning || !strings.Contains(advice[0].Text, "hidepid") {
		t.Errorf("advice is %v", advice)
	}
	m.process(1, "init", "S", 1)
	if advice := c.(Adviser).Advise(t.Context()); len(advice) != 0 {
		t.Errorf("nothing is hidden: %v", advice)
	}
	if os.Getuid() == 0 {
		t.Log("root may read anything: hidepid=noaccess is looked at by other users alone")
		return
	}
	if err := os.Chmod(filepath.Join(m.Root, "proc/1/stat"), 0); err != nil { // hidepid=noaccess: listed, and not to be read
		t.Fatal(err)
	}
	if got, err := collectSome(t, c); err == nil || len(got) > 0 || !strings.Contains(err.Error(), "1 of 2 may not be read") {
		t.Errorf("got %v, %v", got, err)
	}
	if advice := c.(Adviser).Advise(t.Context()); len(advice) != 1 {
		t.Errorf("advice is %v", advice)
	}
}

func TestNonsenseInStat(t *testing.T) {
	t.Parallel()
	f := func(text string) {
		t.Helper()
		m := newMachine(t)
		m.process(1, "init", "S", 1)
		m.write("proc/2/stat", text)
		if got, err := collectSome(t, mustBuild(t, everything("processes"), m.Host)); err == nil || len(got) > 0 || !strings.Contains(err.Error(), "count processes: 1 lines make no sense") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	f("garbage")
	f("2 (a) S 1")
	f("2 )a( S")
	f("2 (a) \xff 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1")
	f("2 (a) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 many 1 1")
	if got, err := collectSome(t, mustBuild(t, everything("processes"), Host{Root: filepath.Join(t.TempDir(), "none")})); err == nil || len(got) > 0 {
		t.Errorf("no /proc: %v, %v", got, err)
	}
}

func TestFilesOfAProcess(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for _, size := range []int{0, 10, firstRead - 1, firstRead, firstRead + 1, 10 * firstRead} {
		m.write("proc/5/cmdline", strings.Repeat("x", size))
		tree := newProcTree(m.Host)
		if err := tree.open(); err != nil {
			t.Fatal(err)
		}
		if got, err := tree.read(5, "cmdline"); err != nil || len(got) != size {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
		if _, err := tree.read(6, "cmdline"); err != syscall.ENOENT {
			t.Errorf("no such process: %v", err)
		}
		tree.close()
	}
	for i := range 500 {
		m.write(fmt.Sprintf("proc/5/fd/%d", i), "")
	}
	long := "/" + strings.Repeat("d/", 700) + "program"
	m.link("proc/5/exe", long)
	tree := newProcTree(m.Host)
	tree.text = make([]byte, 0, 64)
	if err := tree.open(); err != nil {
		t.Fatal(err)
	}
	defer tree.close()
	if got, err := tree.link(5, "exe"); err != nil || string(got) != long {
		t.Errorf("link is %q, %v", got, err)
	}
	if n, err := tree.count(5, "fd"); err != nil || n != 500 {
		t.Errorf("%d descriptors, %v", n, err)
	}
}

// crowd writes a /proc of many processes.
func crowd(m machine, n int) {
	m.process(1, "init", "S", 1)
	for pid := 100; pid < 100+n; pid++ {
		m.process(pid, "worker", "S", 4)
		m.write(fmt.Sprintf("proc/%d/cmdline", pid), fmt.Sprintf("/usr/bin/worker\x00--number=%d\x00", pid))
		m.write(fmt.Sprintf("proc/%d/status", pid), "Name:\tworker\nState:\tS (sleeping)\nThreads:\t4\n")
		m.write(fmt.Sprintf("proc/%d/comm", pid), "worker\n")
		m.link(fmt.Sprintf("proc/%d/exe", pid), "/usr/bin/worker")
	}
}

// BenchmarkProcesses counts the processes of a host that has 5,000, and reports what gopsutil takes for their states and
// threads as a multiple of it.
func BenchmarkProcesses(b *testing.B) {
	m := machine{Host{Root: b.TempDir()}, b}
	crowd(m, 5000)
	c, _ := Build(everything("processes"), m.Host)
	ctx := m.context(b.Context())
	var own, gops time.Duration
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		if _, err := c.Collect(ctx, noon); err != nil {
			b.Fatal(err)
		}
		own += time.Since(began)
		b.StopTimer()
		began = time.Now()
		pids, err := process.PidsWithContext(ctx)
		if err != nil {
			b.Fatal(err)
		}
		for _, pid := range pids {
			p := process.Process{Pid: pid}
			_, _ = p.StatusWithContext(ctx)
			_, _ = p.NumThreadsWithContext(ctx)
		}
		gops += time.Since(began)
		b.StartTimer()
	}
	b.ReportMetric(float64(gops)/float64(own), "gopsutil/own")
}
