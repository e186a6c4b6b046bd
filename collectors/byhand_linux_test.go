package collectors

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// byHand is the files of a captured machine, read in the simplest way there is and by nothing that the collectors have: a golden
// file alone agrees with any mistake that was made when it was written.
type byHand struct {
	*testing.T
	root string
}

func (h byHand) file(name string) string {
	h.Helper()
	text, err := os.ReadFile(filepath.Join(h.root, name))
	if err != nil {
		h.Fatal(err)
	}
	return string(text)
}

// words is the words of a file, by line.
func (h byHand) words(name string) (all [][]string) {
	for line := range strings.Lines(h.file(name)) {
		all = append(all, strings.Fields(line))
	}
	return all
}

func (h byHand) number(word string) float64 {
	h.Helper()
	v, err := strconv.ParseFloat(word, 64)
	if err != nil {
		h.Fatal(err)
	}
	return v
}

// column is one column of a file, by another; lines without a number there are headings.
func (h byHand) column(name string, key, value int) map[string]float64 {
	all := map[string]float64{}
	for _, words := range h.words(name) {
		if len(words) > max(key, value) {
			if v, err := strconv.ParseFloat(words[value], 64); err == nil {
				all[strings.TrimSuffix(words[key], ":")] = v
			}
		}
	}
	return all
}

// processors are shares of the time between two moments, and times since boot.
func (h byHand) processors(before byHand, found map[string]float64) {
	field := func(of byHand, n int) map[string]float64 {
		all := of.column("proc/stat", 0, n)
		maps.DeleteFunc(all, func(name string, _ float64) bool { return !strings.HasPrefix(name, "cpu") })
		all["cpu-total"] = all["cpu"]
		delete(all, "cpu")
		return all
	}
	names := []string{"", "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"}
	since, elapsed, active := map[string]map[string]float64{}, map[string]float64{}, map[string]float64{}
	for n, name := range names[1:] {
		since[name] = field(h, n+1)
		for core, ticks := range since[name] {
			found["cpu_time_"+name+"{cpu="+core+"}"] = ticks / 100
			if name != "idle" && n < 8 { // guests are within user and nice
				active[core] += ticks
			}
		}
		for core, ticks := range field(before, n+1) {
			since[name][core] -= ticks
			if n < 8 {
				elapsed[core] += since[name][core]
			}
		}
	}
	for core := range elapsed {
		found["cpu_time_active{cpu="+core+"}"] = active[core] / 100
		since["user"][core] -= since["guest"][core]
		since["nice"][core] -= since["guest_nice"][core]
		for _, name := range names[1:] {
			found["cpu_usage_"+name+"{cpu="+core+"}"] = 100 * since[name][core] / elapsed[core]
		}
		found["cpu_usage_active{cpu="+core+"}"] = 100 - 100*since["idle"][core]/elapsed[core]
	}
}

func (h byHand) memory(found map[string]float64) {
	m := h.column("proc/meminfo", 0, 1)
	cached := m["Cached"] + m["SReclaimable"]
	for name, kib := range map[string]float64{
		"mem_total": m["MemTotal"], "mem_free": m["MemFree"], "mem_available": m["MemAvailable"], "mem_buffered": m["Buffers"], "mem_cached": cached,
		"mem_active": m["Active"], "mem_inactive": m["Inactive"], "mem_shared": m["Shmem"], "mem_used": m["MemTotal"] - m["MemFree"] - m["Buffers"] - cached,
		"swap_free": m["SwapFree"], "swap_used": m["SwapTotal"] - m["SwapFree"],
	} {
		found[name+"{}"] = kib * 1024
	}
	found["mem_used_percent{}"] = found["mem_used{}"] / found["mem_total{}"] * 100
	found["mem_available_percent{}"] = found["mem_available{}"] / found["mem_total{}"] * 100
	found["swap_used_percent{}"] = found["swap_used{}"] / max(m["SwapTotal"]*1024, 1) * 100
}

func (h byHand) blockDevices(before byHand, found map[string]float64) {
	used := func(of byHand) map[string]bool { // of a device that never did anything nothing is sent
		all := map[string]bool{}
		for _, words := range of.words("proc/diskstats") {
			all[words[2]] = strings.Trim(strings.Join(words[3:14], ""), "0") != ""
		}
		return all
	}
	was, is := used(before), used(h)
	for name, at := range map[string]int{
		"reads": 3, "read_bytes": 5, "read_time": 6, "writes": 7, "write_bytes": 9, "write_time": 10, "iops_in_progress": 11, "io_time": 12,
	} {
		last := before.column("proc/diskstats", 2, at)
		for device, n := range h.column("proc/diskstats", 2, at) {
			switch {
			case !is[device] || !was[device] && name != "iops_in_progress":
				continue
			case name == "iops_in_progress":
			case strings.HasSuffix(name, "_bytes"):
				n = (n - last[device]) * 512
			default:
				n -= last[device]
			}
			found["diskio_"+name+"{name="+device+"}"] = n
		}
	}
}

func (h byHand) interfaces(before byHand, found map[string]float64) {
	for name, at := range map[string]int{
		"bytes_recv": 1, "packets_recv": 2, "err_in": 3, "drop_in": 4, "bytes_sent": 9, "packets_sent": 10, "err_out": 11, "drop_out": 12,
	} {
		last := before.column("proc/net/dev", 0, at)
		for link, n := range h.column("proc/net/dev", 0, at) {
			flags, err := strconv.ParseUint(strings.TrimSpace(h.file("sys/class/net/"+link+"/flags")), 0, 32)
			if err != nil {
				h.Fatal(err)
			}
			if up, loopback := flags&1 != 0, flags&8 != 0; up && !loopback {
				found["net_"+name+"{interface="+link+"}"] = n - last[link]
			}
		}
	}
}

// sockets: a line each, but for those that have all in common: what listens or has no end yet may be there often.
func (h byHand) sockets(found map[string]float64) {
	states := []string{"", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait", "last_ack", "listen", "closing"}
	for _, state := range states[1:] {
		found["netstat_tcp_"+state+"{}"] = 0
	}
	found["netstat_udp_socket{}"], found["netstat_tcp_none{}"] = 0, 0
	seen := map[string]bool{}
	once := func(series string, key ...string) {
		if k := series + strings.Join(key, " "); !seen[k] {
			seen[k] = true
			found[series]++
		}
	}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		for _, words := range h.words("proc/net/" + table)[1:] {
			if strings.HasPrefix(table, "udp") {
				once("netstat_udp_socket{}", words[1:3]...)
				continue
			}
			state, err := strconv.ParseUint(words[3], 16, 8)
			if err != nil {
				h.Fatal(err)
			}
			once("netstat_tcp_"+states[state]+"{}", words[1:3]...)
		}
	}
	for _, words := range h.words("proc/net/unix")[1:] {
		name := append(words, "")[7]
		if words[4] == "0002" {
			once("netstat_udp_socket{}", "unix", name)
		} else {
			once("netstat_tcp_none{}", words[4], name)
		}
	}
}

// stat is the state and what follows it.
func (h byHand) stat(process string) []string {
	text := h.file(process + "/stat")
	return strings.Fields(text[strings.LastIndex(text, ") ")+2:])
}

func (h byHand) pids() (all []string) {
	stats, err := filepath.Glob(filepath.Join(h.root, "proc/[0-9]*/stat"))
	if err != nil || len(stats) < 2 {
		h.Fatalf("%d processes, %v", len(stats), err)
	}
	for _, stat := range stats {
		all = append(all, "proc/"+filepath.Base(filepath.Dir(stat)))
	}
	return all
}

func (h byHand) processes(found map[string]float64) {
	names := map[string]string{
		"D": "blocked", "X": "dead", "I": "idle", "W": "paging", "R": "running", "S": "sleeping", "T": "stopped", "t": "stopped", "Z": "zombies",
	}
	for _, name := range names {
		found["processes_"+name+"{}"] = 0
	}
	found["processes_total_threads{}"] = 0
	all := h.pids()
	for _, process := range all {
		words := h.stat(process)
		found["processes_"+names[words[0]]+"{}"]++
		found["processes_total_threads{}"] += h.number(words[17])
	}
	found["processes_total{}"] = float64(len(all))
}

func (h byHand) fileSystems(found map[string]float64) {
	var captured map[string]map[string]float64
	if err := json.Unmarshal([]byte(h.file("statfs.json")), &captured); err != nil {
		h.Fatal(err)
	}
	for _, words := range h.words("proc/1/mountinfo") {
		path, kind := strings.ReplaceAll(words[4], `\040`, " "), words[slices.Index(words, "-")+1]
		s := captured[path]
		if s["blocks"] == 0 {
			continue
		}
		device := strings.TrimPrefix(words[slices.Index(words, "-")+2], "/dev/")
		if link, err := os.Readlink(filepath.Join(h.root, "dev", device)); err == nil { // of the device mapper
			device = filepath.Base(link)
		}
		dims := "{device=" + device + ",fstype=" + kind + ",path=" + path + "}"
		used := s["blocks"] - s["bfree"]
		for name, v := range map[string]float64{
			"total": s["blocks"] * s["bsize"], "used": used * s["bsize"], "free": s["bavail"] * s["bsize"], "used_percent": 100 * used / (used + s["bavail"]),
			"inodes_total": s["files"], "inodes_free": s["ffree"], "inodes_used": s["files"] - s["ffree"],
		} {
			found["disk_"+name+dims] = v
		}
	}
}

// kernel is what is one number for all.
func (h byHand) kernel(before byHand, found map[string]float64) {
	loads := h.words("proc/loadavg")[0]
	found["loadavg_1m{}"], found["loadavg_5m{}"], found["loadavg_15m{}"] = h.number(loads[0]), h.number(loads[1]), h.number(loads[2])
	found["uptime_seconds{}"] = h.uptime()
	files := h.words("proc/sys/fs/file-nr")[0]
	found["filefd_allocated{}"], found["filefd_max{}"] = h.number(files[0]), h.number(files[2])
	found["filefd_used_percent{}"] = 100 * h.number(files[0]) / h.number(files[2])
	found["oom_kills{}"] = h.column("proc/vmstat", 0, 1)["oom_kill"] - before.column("proc/vmstat", 0, 1)["oom_kill"]
	for _, of := range []string{"cpu", "io", "memory"} {
		last := before.words("proc/pressure/" + of)
		for i, words := range h.words("proc/pressure/" + of) {
			total := func(w []string) float64 { return h.number(strings.TrimPrefix(w[4], "total=")) / 1e6 }
			found["pressure_"+of+"_"+words[0]+"{}"] = min(100, 100*(total(words)-total(last[i]))/(h.uptime()-before.uptime()))
		}
	}
	grown := h.counted("proc/net/snmp", "Tcp:")
	maps.Copy(grown, h.counted("proc/net/netstat", "TcpExt:"))
	for name, n := range before.counted("proc/net/snmp", "Tcp:") {
		grown[name] -= n
	}
	for name, n := range before.counted("proc/net/netstat", "TcpExt:") {
		grown[name] -= n
	}
	found["tcp_segments_sent{}"], found["tcp_segments_retransmitted{}"] = grown["OutSegs"], grown["RetransSegs"]
	found["tcp_listen_drops{}"], found["tcp_listen_overflows{}"] = grown["ListenDrops"], grown["ListenOverflows"]
	if grown["OutSegs"] > 0 {
		found["tcp_retransmitted_percent{}"] = 100 * grown["RetransSegs"] / grown["OutSegs"]
	}
}

func (h byHand) uptime() float64 { return h.number(h.words("proc/uptime")[0][0]) }

// counted is a table of two lines, of names and of numbers.
func (h byHand) counted(name, begin string) map[string]float64 {
	lines := slices.DeleteFunc(h.words(name), func(words []string) bool { return words[0] != begin })
	all := map[string]float64{}
	for i, column := range lines[0][1:] {
		all[column] = h.number(lines[1][i+1])
	}
	return all
}

// commands are the processes that have a command line: the kernel's threads have none, nor has what ended while it was captured.
func (h byHand) commands() (all []string) {
	return slices.DeleteFunc(h.pids(), func(process string) bool {
		arguments, _ := os.ReadFile(filepath.Join(h.root, process, "cmdline"))
		return len(arguments) == 0
	})
}

// perProcess is what is measured of each process, those that are in order of their numbers.
func (h byHand) perProcess(before byHand) map[string][]float64 {
	found := map[string][]float64{}
	add := func(name string, v float64) { found["procstat_"+name] = append(found["procstat_"+name], v) }
	elapsed := h.uptime() - before.uptime()
	for _, process := range h.commands() {
		words, status := h.stat(process), h.column(process+"/status", 0, 1)
		user, system := h.number(words[11])/100, h.number(words[12])/100
		add("pid", h.number(filepath.Base(process)))
		add("cpu_time_user", user)
		add("cpu_time_system", system)
		add("num_threads", status["Threads"])
		add("memory_rss", status["VmRSS"]*1024)
		add("memory_swap", status["VmSwap"]*1024)
		add("voluntary_context_switches", status["voluntary_ctxt_switches"])
		add("read_bytes", h.column(process+"/io", 0, 1)["read_bytes"])
		files, err := os.ReadDir(filepath.Join(h.root, process, "fd"))
		if err != nil {
			h.Fatal(err)
		}
		add("num_fds", float64(len(files)))
		if _, err := os.Stat(filepath.Join(before.root, process)); err == nil {
			if last := before.stat(process); last[19] == words[19] { // it is the same, and not another one of its number
				add("cpu_usage", 100*(user+system-(before.number(last[11])+before.number(last[12]))/100)/elapsed)
			}
		}
	}
	return found
}

// Of every machine that was captured, all that is collected is what its files say.
func TestCollectionsAgreeWithFiguresByHand(t *testing.T) {
	plugins := []string{
		"cpu", "disk", "diskio", "filefd", "loadavg", "mem", "net", "netstat", "oom", "pressure", "processes", "procstat", "swap", "tcp", "uptime",
	}
	for _, name := range packedHosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := captured(t, name, "first")
			var all []Collector
			for _, plugin := range plugins {
				all = append(all, mustBuild(t, everything(plugin), m.Host))
			}
			_ = figures(t, all, noon)
			then, now := byHand{t, m.Root + ".then"}, byHand{t, m.Root}
			if err := os.Rename(m.Root, then.root); err != nil {
				t.Fatal(err)
			}
			m.becomes(name, "second")
			got, ofProcesses := map[string]float64{}, map[string][]float64{}
			for series, values := range figures(t, all, noon.Add(interval(t, name))) {
				if measurement, _, _ := strings.Cut(series, "{"); strings.HasPrefix(series, "procstat_") { // of all names of processes
					ofProcesses[measurement] = append(ofProcesses[measurement], values...)
				} else {
					got[series] = values[0]
				}
			}
			want := map[string]float64{}
			now.processors(then, want)
			now.memory(want)
			now.blockDevices(then, want)
			now.interfaces(then, want)
			now.sockets(want)
			now.processes(want)
			now.fileSystems(want)
			now.kernel(then, want)
			agree(t, got, want)
			each := now.perProcess(then)
			each["procstat_lookup_pid_count"] = []float64{float64(len(now.commands()))}
			for measurement, values := range each {
				slices.Sort(values)
				slices.Sort(ofProcesses[measurement])
				if !slices.EqualFunc(ofProcesses[measurement], values, near) {
					t.Errorf("%s: %v, by hand %v", measurement, ofProcesses[measurement], values)
				}
			}
		})
	}
}

// figures is what is collected, by series.
func figures(t *testing.T, all []Collector, at time.Time) map[string][]float64 {
	t.Helper()
	found := map[string][]float64{}
	for _, c := range all {
		data, err := c.Collect(t.Context(), at)
		if _, notice := errors.AsType[Notice](err); err != nil && !notice {
			t.Error(err)
		}
		for _, d := range data {
			found[series(d)] = slices.Clone(d.Values)
		}
	}
	return found
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

// agree holds everything that was collected to what it has to be, both ways.
func agree(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for series, w := range want {
		if g, there := got[series]; !there {
			t.Errorf("%s is missing: %v", series, w)
		} else if !near(g, w) {
			t.Errorf("%s: %v, by hand %v", series, g, w)
		}
	}
	for series, g := range got {
		if _, there := want[series]; !there {
			t.Errorf("%s: %v, by hand nothing", series, g)
		}
	}
}
