package collectors

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/mem"
)

// What we read ourselves is what gopsutil reads, and gopsutil is not needed for it on any captured machine.

func TestReadingsOfCapturedHostsAreThoseOfGopsutil(t *testing.T) {
	for _, host := range capturedHosts {
		for _, moment := range []string{"first", "second"} {
			m := captured(t, host, moment)
			if !sameAsGopsutil(t, m.Host, readText(t, m, "proc/stat"), readText(t, m, "proc/meminfo")) {
				t.Errorf("%s, %s: left to gopsutil", host, moment)
			}
		}
	}
}

func FuzzReadingsAreThoseOfGopsutil(f *testing.F) {
	for _, moment := range []string{"vm/first", "ec2-ubuntu/second", "container/first"} {
		var texts []string
		for _, name := range []string{"stat", "meminfo"} {
			text, err := os.ReadFile(filepath.Join("testdata", "hosts", moment, "proc", name))
			if err != nil {
				f.Fatal(err)
			}
			texts = append(texts, string(text))
		}
		f.Add(texts[0], texts[1])
	}
	f.Add("cpu 1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 18446744073709551615\ncpufreq", "MemTotal: 1 kB\n MemTotal : 2 kB\n")
	root := f.TempDir() // one for all: making one is slower than reading it
	f.Fuzz(func(t *testing.T, stat, meminfo string) {
		m := machine{Host{Root: root}, t}
		m.write("proc/stat", stat)
		m.write("proc/meminfo", meminfo)
		sameAsGopsutil(t, m.Host, stat, meminfo)
	})
}

// sameAsGopsutil compares what our own parsers take with what gopsutil says. False: they do not take all of it.
func sameAsGopsutil(t *testing.T, h Host, stat, meminfo string) bool {
	t.Helper()
	r := newCPUReader(h)
	tookStat := r.parse([]byte(stat))
	if tookStat {
		total, err := cpu.TimesWithContext(h.context(t.Context()), false)
		cores, err2 := cpu.TimesWithContext(h.context(t.Context()), true)
		if want := append(total, cores...); err != nil || err2 != nil || !slices.Equal(r.times, want) {
			t.Errorf("processor times:\n got %v\nwant %v, %v, %v", r.times, want, err, err2)
		}
	}
	m, tookMeminfo := parseMeminfo([]byte(meminfo))
	if tookMeminfo {
		g, err := mem.VirtualMemoryWithContext(h.context(t.Context()))
		if err != nil {
			return false // a line that nobody measures is broken: gopsutil says nothing
		}
		want := memory{
			Total: g.Total, Free: g.Free, Available: g.Available, Buffers: g.Buffers, Cached: g.Cached, Active: g.Active, Inactive: g.Inactive,
			Shared: g.Shared, Sreclaimable: g.Sreclaimable, SwapTotal: g.SwapTotal, SwapFree: g.SwapFree,
		}
		if m != want {
			t.Errorf("memory:\n got %v\nwant %v", m, want)
		}
	}
	return tookStat && tookMeminfo
}

func readText(t *testing.T, m machine, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.Root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestUncommonStatAndMeminfoAreLeftToGopsutil(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("proc/stat", "cpu  100 200 300 400 500 600 700\ncpu0 bad\ncpu1 100 0 0 0 0 0 0\n") // before Linux 2.6.11
	expect(t, collect(t, mustBuild(t, measuring("cpu", "time_softirq"), m.Host)), map[string]float64{"cpu_time_softirq{cpu=cpu-total}": 7})
	m.write("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 200 kB\nCached: 100 kB\nMapped: 1 kB\n") // before Linux 3.14
	expect(t, collect(t, mustBuild(t, measuring("mem", "available"), m.Host)), map[string]float64{"mem_available{}": 300 * 1024})
}

func TestProcFileThatGrowsAndShrinks(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	f := procFile{path: m.proc("file")}
	if _, err := f.read(); err == nil {
		t.Error("a file that is not there: no error")
	}
	for _, size := range []int{10, firstRead - 1, firstRead, firstRead + 1, 10 * firstRead, 0, 7} {
		want := strings.Repeat("x", size)
		m.write("proc/file", want)
		if got, err := f.read(); err != nil || string(got) != want {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
}

func TestMountsAreReadAnewWhenTheyChange(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("statfs.json", `{"/": {"bsize": 1, "blocks": 1}, "/b": {"bsize": 1, "blocks": 2}}`)
	const root = "1 0 8:1 / / rw - ext4 /dev/mapper/root rw\n"
	m.write("proc/1/mountinfo", root)
	c := mustBuild(t, measuring("disk", "total"), m.Host)
	expect(t, collect(t, c), map[string]float64{"disk_total{device=mapper/root,fstype=ext4,path=/}": 1})
	m.link("dev/mapper/root", "dm-0") // the same text, but a link that was missing
	want := map[string]float64{"disk_total{device=dm-0,fstype=ext4,path=/}": 1}
	expect(t, collect(t, c), want)
	expect(t, collect(t, c), want)
	m.write("proc/1/mountinfo", root+"2 1 8:2 / /b rw - xfs /dev/sdb rw\n")
	expect(t, collect(t, c), map[string]float64{"disk_total{device=dm-0,fstype=ext4,path=/}": 1, "disk_total{device=sdb,fstype=xfs,path=/b}": 2})
	m.write("proc/1/mountinfo", root)
	expect(t, collect(t, c), want)
}

func TestBlocklessFileSystemsAreAskedOnlyByName(t *testing.T) {
	t.Parallel()
	mounts := []mount{{"/", "/dev/sda1", "ext4"}, {"/proc", "proc", "proc"}}
	var asked []string
	usage := func(path string) (*diskUsage, error) {
		asked = append(asked, path)
		return tenPercent(path)
	}
	p := measuring("disk", "used_percent")
	collect(t, diskWith(t, p, usage, mounts...))
	p.Resources = []string{"/proc"}
	collect(t, diskWith(t, p, usage, mounts...))
	if !slices.Equal(asked, []string{"/", "/proc"}) {
		t.Errorf("asked %v", asked)
	}
}

func TestBlocklessFileSystemsHaveNoBlocksOnCapturedHosts(t *testing.T) {
	seen := 0
	for _, host := range capturedHosts {
		m := captured(t, host, "first")
		mounts, err := readMounts(m.Host)
		if err != nil {
			t.Fatal(err)
		}
		usage := usageReader(m.Host)
		for _, at := range mounts {
			if !slices.Contains(blocklessTypes, at.fstype) {
				continue
			}
			if u, err := usage(at.path); err == nil {
				if seen++; u.Total != 0 {
					t.Errorf("%s: %s at %s has %d bytes", host, at.fstype, at.path, u.Total)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no captured host has any of them")
	}
}
