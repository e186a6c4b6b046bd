package collectors

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v3/process"
	"golang.org/x/sys/unix"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// program writes a process that runs a program: since when, in ticks, and what it has used of the processor, in ticks too.
func (m machine) program(pid int, start, used int, arguments ...string) {
	name := filepath.Base(arguments[0])
	m.write(fmt.Sprintf("proc/%d/stat", pid), fmt.Sprintf("%d (%.15s) S 1 %d %d 0 -1 0 0 0 0 0 %d 0 0 0 20 0 3 0 %d 1000 20 0", pid, name, pid, pid, used, start))
	m.write(fmt.Sprintf("proc/%d/comm", pid), fmt.Sprintf("%.15s\n", name))
	m.write(fmt.Sprintf("proc/%d/cmdline", pid), strings.Join(arguments, "\x00")+"\x00")
	_ = os.Remove(filepath.Join(m.Root, fmt.Sprintf("proc/%d/exe", pid)))
	m.link(fmt.Sprintf("proc/%d/exe", pid), arguments[0])
}

// dies puts a process out of sight. It is not removed, for a file system may use its inode at once again.
func (m machine) dies(pid int) {
	m.t.Helper()
	to, err := os.MkdirTemp(m.Root, "dead")
	if err == nil {
		err = os.Rename(filepath.Join(m.Root, "proc", fmt.Sprint(pid)), filepath.Join(to, "process"))
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// at collects at a moment, and has name{dimensions} → values, sorted.
func at(t *testing.T, c Collector, seconds int) map[string]string {
	t.Helper()
	data, err := c.Collect(t.Context(), noon.Add(time.Duration(seconds)*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range data {
		values := slices.Sorted(slices.Values(d.Values))
		if _, twice := got[series(d)]; twice {
			t.Errorf("%s came twice", series(d))
		}
		got[series(d)] = strings.Trim(fmt.Sprint(values), "[]")
	}
	return got
}

func wantAt(t *testing.T, c Collector, seconds int, want map[string]string) {
	t.Helper()
	if got := at(t, c, seconds); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after %d s:\n got %v\nwant %v", seconds, got, want)
	}
}

func selecting(selector, value string, names ...string) config.Plugin {
	p := measuring("procstat", names...)
	switch selector {
	case "pidfile":
		p.PidFile = value
	case "exe":
		p.Exe = value
	case "pattern":
		p.Pattern = value
	}
	return p
}

func TestProcessesOfOneNameAreOneSeries(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.program(1, 1, 0, "/sbin/init")
	m.program(10, 100, 100, "/usr/sbin/web", "worker")
	m.program(11, 100, 200, "/usr/sbin/web", "worker")
	m.program(12, 100, 300, "/usr/sbin/webhelper")
	c := mustBuild(t, selecting("exe", "sbin/web", "pid_count", "cpu_usage", "num_threads"), m.Host)
	counted, threads := "procstat_lookup_pid_count{exe=sbin/web,pid_finder=native}", "procstat_num_threads{exe=sbin/web,process_name=web}"
	helper, usage := "procstat_num_threads{exe=sbin/web,process_name=webhelper}", "procstat_cpu_usage{exe=sbin/web,process_name=web}"
	wantAt(t, c, 0, map[string]string{counted: "3", threads: "3 3", helper: "3"})
	m.program(10, 100, 150, "/usr/sbin/web", "worker")
	m.program(11, 100, 400, "/usr/sbin/web", "worker")
	m.dies(12)
	wantAt(t, c, 1, map[string]string{counted: "2", threads: "3 3", usage: "50 200"})
	m.dies(10)
	m.dies(11)
	wantAt(t, c, 2, map[string]string{counted: "0"})
}

func TestNumberOfAProcessIsUsedAgain(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.program(10, 100, 500, "/bin/db")
	c := mustBuild(t, selecting("pattern", "^/bin/db", "cpu_usage"), m.Host)
	usage := "procstat_cpu_usage{pattern=^/bin/db,process_name=db}"
	wantAt(t, c, 0, map[string]string{})
	m.dies(10)
	m.program(10, 9000, 600, "/bin/db") // a program of the same name, and it has used more
	wantAt(t, c, 1, map[string]string{})
	m.program(10, 9000, 650, "/bin/db")
	wantAt(t, c, 2, map[string]string{usage: "50"})
	m.dies(10)
	m.program(10, 9900, 0, "/bin/other")
	wantAt(t, c, 3, map[string]string{})
	m.program(10, 9950, 0, "/bin/db") // even in the same folder
	wantAt(t, c, 4, map[string]string{})
	m.program(10, 9970, 0, "/bin/db")
	wantAt(t, c, 5, map[string]string{})
	wantAt(t, c, 6, map[string]string{usage: "0"})
}

// Between fork and exec a process has the program of its parent, and it may call exec at any time.
func TestProgramThatIsReplacedIsNoticed(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.program(1, 1, 0, "/sbin/init")
	m.program(5, 50, 0, "/bin/sh", "start-app")
	c := mustBuild(t, selecting("exe", "/app$", "pid_count"), m.Host)
	is := func(seconds int, count string) {
		t.Helper()
		wantAt(t, c, seconds, map[string]string{"procstat_lookup_pid_count{exe=/app$,pid_finder=native}": count})
	}
	is(0, "0")
	m.program(5, 50, 0, "/opt/app") // the shell called exec
	is(1, "0")
	is(60, "1") // old processes are looked at once a minute
	m.program(9, 7000, 0, "/bin/sh")
	is(61, "1")
	m.program(9, 7000, 0, "/opt/app")
	is(62, "2") // young ones each time
	m.program(9, 7000, 0, "/bin/true")
	is(63, "1")
}

// Known processes are not read again: what has changed shows it.
func TestKnownProcessesAreNotReadAgain(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for pid := 1; pid <= 50; pid++ {
		m.program(pid, pid, 0, "/bin/app")
	}
	h := m.Host.Shared()
	first, second := mustBuild(t, selecting("exe", "app", "pid_count"), h), mustBuild(t, selecting("pattern", "app", "pid_count"), h)
	at(t, first, 0)
	at(t, second, 0)
	if h.processes.looks != 1 {
		t.Errorf("%d walks for one moment", h.processes.looks)
	}
	for pid := 1; pid <= 50; pid++ {
		m.write(fmt.Sprintf("proc/%d/cmdline", pid), "secretly other\x00")
	}
	wantAt(t, second, 10, map[string]string{"procstat_lookup_pid_count{pattern=app,pid_finder=native}": "50"})
	wantAt(t, second, 70, map[string]string{"procstat_lookup_pid_count{pattern=app,pid_finder=native}": "0"})
	if h.processes.looks != 3 {
		t.Errorf("%d walks for three moments", h.processes.looks)
	}
	for pid := 2; pid <= 50; pid++ {
		m.dies(pid)
	}
	at(t, first, 71)
	if n := len(h.processes.alive); n != 1 {
		t.Errorf("%d of 1 process are remembered", n)
	}
}

func TestProcessThatDiesBetweenTheWalkAndTheReading(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.program(5, 50, 0, "/bin/app")
	m.program(6, 50, 0, "/bin/app")
	c := mustBuild(t, selecting("exe", "app", "num_threads"), m.Host).(*procstatCollector)
	found, err := c.find(noon)
	if err != nil || len(found) != 2 {
		t.Fatalf("%v, %v", found, err)
	}
	m.dies(5)
	m.dies(6)
	m.program(6, 99, 0, "/bin/app") // and another has its number
	if err := c.tree.open(); err != nil {
		t.Fatal(err)
	}
	defer c.tree.close()
	for _, p := range found {
		if r, ok := c.readProcess(p, noon); ok {
			t.Errorf("%d is read: %+v", p.pid, r)
		}
	}
}

func TestPidFile(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.program(7, 50, 0, "/bin/app")
	c := mustBuild(t, selecting("pidfile", "/run/app.pid", "pid_count", "num_threads"), m.Host)
	counted := "procstat_lookup_pid_count{pid_finder=native,pidfile=/run/app.pid}"
	missing := func(complaint string) {
		t.Helper()
		got, err := collectSome(t, c)
		expect(t, got, map[string]float64{counted: 0})
		if _, notice := errors.AsType[Notice](err); !notice || err.Error() != complaint {
			t.Errorf("got %v, want %s", err, complaint)
		}
	}
	missing("read pid file /run/app.pid: it is not there")
	missing("read pid file /run/app.pid: it is not there") // the same words: they are logged once
	m.write("run/app.pid", "rubbish\n")
	missing(`read pid file /run/app.pid: there is no process id in it, but "rubbish"`)
	m.write("run/app.pid", "")
	missing(`read pid file /run/app.pid: there is no process id in it, but ""`)
	m.write("run/app.pid", " 7 \n\n")
	wantAt(t, c, 1, map[string]string{counted: "1", "procstat_num_threads{pidfile=/run/app.pid,process_name=app}": "3"})
	m.write("run/app.pid", "8\n") // it was not taken away when the process ended
	wantAt(t, c, 2, map[string]string{counted: "0"})
}

func TestSelectorsMatchAsTheOriginalsDo(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.program(1, 1, 0, "/usr/bin/python3.12", "/srv/a-program-with-a-long-name", "", "--x")
	m.program(2, 1, 0, "/usr/bin/a-program-with-a-long-name", "--y")
	m.process(3, "kworker/0:1", "I", 1) // a thread of the kernel: no program, an empty command line
	m.write("proc/3/cmdline", "")
	m.write("proc/3/comm", "kworker/0:1\n")
	f := func(selector, value string, names ...string) {
		t.Helper()
		want := map[string]string{}
		for _, name := range names {
			want[fmt.Sprintf("procstat_num_threads{%s}", strings.TrimPrefix(fmt.Sprintf("%s=%s,process_name=%s", selector, value, name), ","))] = "3"
			if strings.HasPrefix(name, "kworker") {
				want[fmt.Sprintf("procstat_num_threads{%s=%s,process_name=%s}", selector, value, name)] = "1"
			}
		}
		wantAt(t, mustBuild(t, selecting(selector, value, "num_threads"), m.Host), 0, want)
	}
	f("exe", "long-name", "a-program-with-a-long-name")
	f("exe", "^/usr/bin/python", "python3.12")
	f("exe", "--y")
	f("pattern", "long-name --", "python3.12", "a-program-with-a-long-name")
	f("pattern", "^$", "kworker/0:1")
	f("pattern", "none")
	if c, problems := Build(selecting("pattern", "(", "pid"), m.Host); c != nil || len(problems) != 1 || problems[0].Warning {
		t.Errorf("no expression: %v, %v", c, problems)
	}
}

// What a process may hide from us is left out, and the rest is sent.
func TestProcessWithFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.program(1, 1, 7, "/bin/app")
	got := at(t, mustBuild(t, func() config.Plugin { p := everything("procstat"); p.Pattern = "app"; return p }(), m.Host), 0)
	for name, values := range got {
		short, _, _ := strings.Cut(strings.TrimPrefix(name, "procstat_"), "{")
		if s := sourceOf(short); s != 0 {
			t.Errorf("%s has %s", name, values)
		}
	}
	if got["procstat_cpu_time_user{pattern=app,process_name=app}"] != "0.07" {
		t.Errorf("got %v", got)
	}
}

// On captured machines gopsutil, through which the original reads them, has the same numbers.
func TestProcessesAreReadAsGopsutilReadsThem(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, host := range capturedHosts {
		m := captured(t, host, "second")
		ctx := m.context(t.Context())
		pids, err := process.PidsWithContext(ctx)
		if err != nil {
			t.Fatal(err)
		}
		tree := newProcTree(m.Host)
		if err := tree.open(); err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids {
			seen++
			sameProcess(t, ctx, tree, int(pid))
		}
		tree.close()
	}
	if seen < 50 {
		t.Errorf("%d processes", seen)
	}
}

func sameProcess(t *testing.T, ctx context.Context, tree *procTree, pid int) {
	t.Helper()
	r := processReading{pid: float64(pid)}
	text, err := tree.read(pid, "stat")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.stat.parse(text); !ok {
		t.Fatalf("%s", text)
	}
	r.readMore(tree, ofStatus|ofIO|ofLimits)
	p := &process.Process{Pid: int32(pid)}
	name, _ := p.NameWithContext(ctx)
	// The kernel's workers were called otherwise by the time that the next file was captured.
	if got := nameOf(tree, pid); got != name && !strings.HasPrefix(name, "kworker/") {
		t.Errorf("%d is called %q, and by gopsutil %q", pid, got, name)
	}
	cmdline, _ := p.CmdlineWithContext(ctx)
	if got, _ := commandLineOf(tree, pid); string(got) != cmdline {
		t.Errorf("%d: %q, and by gopsutil %q", pid, got, cmdline)
	}
	times, err := p.TimesWithContext(ctx)
	if err != nil || times.User != r.stat.user || times.System != r.stat.system || times.Iowait != r.stat.blocked {
		t.Errorf("%d: %+v, and by gopsutil %+v, %v", pid, r.stat, times, err)
	}
	if n, err := p.NumThreadsWithContext(ctx); err != nil || float64(n) != r.stat.threads {
		t.Errorf("%d: %g threads, and by gopsutil %d, %v", pid, r.stat.threads, n, err)
	}
	if s, err := p.NumCtxSwitchesWithContext(ctx); err != nil || float64(s.Voluntary) != r.voluntary || float64(s.Involuntary) != r.involuntary {
		t.Errorf("%d: %g and %g switches, and by gopsutil %v, %v", pid, r.voluntary, r.involuntary, s, err)
	}
	if !r.io || !r.limits {
		return
	}
	if io, err := p.IOCountersWithContext(ctx); err != nil || float64(io.ReadCount) != r.readCount || float64(io.WriteCount) != r.writeCount || float64(io.ReadBytes) != r.readBytes || float64(io.WriteBytes) != r.writeBytes {
		t.Errorf("%d: %+v, and by gopsutil %+v, %v", pid, r, io, err)
	}
	limits, err := p.RlimitUsageWithContext(ctx, true)
	if err != nil {
		return // a thread of the kernel
	}
	used := map[int32]float64{
		process.RLIMIT_DATA: r.memory.data, process.RLIMIT_STACK: r.memory.stack, process.RLIMIT_RSS: r.memory.rss,
		process.RLIMIT_MEMLOCK: r.memory.locked, process.RLIMIT_AS: r.memory.vms, process.RLIMIT_SIGPENDING: r.pending, process.RLIMIT_RTPRIO: r.stat.realtime,
	}
	for _, l := range limits {
		if want, ok := used[l.Resource]; ok && float64(l.Used) != want {
			t.Errorf("%d: resource %d is %g, and by gopsutil %d", pid, l.Resource, want, l.Used)
		}
		if l.Resource == process.RLIMIT_NOFILE && (float64(l.Soft) != r.limit[8][0] || float64(l.Hard) != r.limit[8][1]) {
			t.Errorf("%d: descriptors %v, and by gopsutil %d %d", pid, r.limit[8], l.Soft, l.Hard)
		}
	}
}

func TestThisProcessFindsItself(t *testing.T) {
	p := everything("procstat")
	p.Pattern = regexp.QuoteMeta(filepath.Base(os.Args[0]))
	c := mustBuild(t, p, Host{})
	data, err := c.Collect(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, d := range data {
		if d.Name == "procstat_pid" && slices.Contains(d.Values, float64(os.Getpid())) {
			found = true
		}
		if d.Name == "procstat_num_fds" && slices.Max(d.Values) < 3 || d.Name == "procstat_memory_rss" && slices.Max(d.Values) < 1<<20 {
			t.Errorf("%s is %v", d.Name, d.Values)
		}
	}
	if !found {
		t.Errorf("this process is not among %d data", len(data))
	}
}

func FuzzProcessFiles(f *testing.F) {
	f.Add("1 (a b) S 1 1 1 0 -1 0 0 0 0 0 5 7 0 0 20 0 3 0 100 1 1 1", "VmRSS:\t 5 kB\nShdPnd:\tff\n", "syscr: 1\n", "Max open files 1 2 files\n")
	f.Add("", "VmRSS", ":", "Max open files")
	f.Fuzz(func(t *testing.T, stat, status, io, limits string) {
		var r processReading
		_, _ = r.stat.parse([]byte(stat))
		r.parseStatus([]byte(status))
		r.parseIO([]byte(io))
		r.parseLimits([]byte(limits))
		r.status, r.io, r.limits = true, true, true
		s, _ := choose(selecting("pattern", "x", config.Measurements("procstat")...), procstatTable)
		for _, d := range s.fillMany(nil, noon, []processReading{r}, nil) {
			if d.Values[0] < 0 || !cloudwatch.Sendable(d.Values[0]) {
				t.Errorf("%s is %g", d.Name, d.Values[0])
			}
		}
	})
}

// BenchmarkProcstat looks for one program among 5,000 processes, once a second, and reports what gopsutil takes to read all
// command lines as a multiple of it.
func BenchmarkProcstat(b *testing.B) {
	m := machine{Host{Root: b.TempDir()}, b}
	crowd(m, 5000)
	m.program(90, 1, 0, "/usr/sbin/web")
	c, _ := Build(selecting("pattern", "^/usr/sbin/web", "pid_count", "cpu_usage", "memory_rss"), m.Host)
	ctx := m.context(b.Context())
	moment := noon
	if _, err := c.Collect(ctx, moment); err != nil {
		b.Fatal(err)
	}
	wanted := regexp.MustCompile("^/usr/sbin/web")
	var own, gops time.Duration
	for b.Loop() {
		moment = moment.Add(time.Second)
		began := time.Now()
		if _, err := c.Collect(ctx, moment); err != nil {
			b.Fatal(err)
		}
		own += time.Since(began)
		b.StopTimer()
		began = time.Now()
		pids, _ := process.PidsWithContext(ctx)
		for _, pid := range pids {
			p := process.Process{Pid: pid}
			if text, err := p.CmdlineWithContext(ctx); err == nil {
				wanted.MatchString(text)
			}
		}
		gops += time.Since(began)
		b.StartTimer()
	}
	b.ReportMetric(float64(gops)/float64(own), "gopsutil/own")
}

func TestProcstatTellsWhenProcessesAreHidden(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.program(50, 1, 0, "/bin/own")
	c := mustBuild(t, selecting("exe", "own", "pid"), m.Host).(Adviser)
	if advice := c.Advise(t.Context()); len(advice) != 1 || !advice[0].Warning || !strings.Contains(advice[0].Text, "hidepid") {
		t.Errorf("advice is %v", advice)
	}
	m.program(1, 1, 0, "/sbin/init")
	if advice := c.Advise(t.Context()); len(advice) != 0 {
		t.Errorf("nothing is hidden: %v", advice)
	}
}

// A service with few rights is told what it does not see, as root too.
func TestProcstatTellsWhatTakesARight(t *testing.T) {
	t.Parallel()
	advice := make(chan [3][]config.Problem)
	go func() {
		runtime.LockOSThread() // for good: the thread, which has given up its rights, ends with the goroutine
		head, none := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
		if err := unix.Capset(&head, &none[0]); err != nil {
			t.Error(err)
		}
		var all [3][]config.Problem
		for i, p := range []config.Plugin{selecting("exe", "own", "pid"), selecting("pattern", "own", "read_bytes"), selecting("pattern", "own", "num_fds")} {
			all[i] = mustBuild(t, p, Host{}).(Adviser).Advise(t.Context())
		}
		if _, err := os.Readlink("/proc/1/exe"); err == nil { // which has no rights either
			all[0], all[1] = []config.Problem{{Warning: true, Text: "CAP_SYS_PTRACE"}}, []config.Problem{{Warning: true, Text: "CAP_SYS_PTRACE"}}
		}
		advice <- all
	}()
	all := <-advice
	for i, got := range all[:2] {
		if len(got) != 1 || !got[0].Warning || !strings.Contains(got[0].Text, "CAP_SYS_PTRACE") {
			t.Errorf("%d: advice is %v", i, got)
		}
	}
	if len(all[2]) > 0 {
		t.Errorf("nothing is missing: %v", all[2])
	}
}

func TestManyEntriesCollectAtOnce(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for pid := 1; pid <= 30; pid++ {
		m.program(pid, pid, 0, "/bin/app")
	}
	h := m.Host.Shared()
	var all sync.WaitGroup
	for i := range 8 {
		c := mustBuild(t, selecting("exe", []string{"app", "^/bin/"}[i%2], "pid_count", "pid", "cpu_usage"), h)
		all.Go(func() {
			for second := range 70 {
				data, err := c.Collect(t.Context(), noon.Add(time.Duration(second)*time.Second))
				if err != nil || len(data) < 2 || data[0].Values[0] != 30 || len(data[1].Values) != 30 {
					t.Errorf("%v, %v", data, err)
					return
				}
			}
		})
	}
	all.Wait()
}
