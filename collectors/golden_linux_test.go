package collectors

import (
	"archive/tar"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

var update = flag.Bool("update", false, "write the golden files")

// packedHosts are the machines of testdata/hosts that are captures, with nothing composed.
var packedHosts = []string{"debian-amd64", "debian-arm64", "debian-container", "debian-nvme"}

// composedHosts are those that no machine, or not a machine alone, has written.
var composedHosts = []string{"vm", "ec2-ubuntu", "container", "arm64-debian", "nvme-box"}

// capturedHosts are all of them.
var capturedHosts = slices.Concat(composedHosts, packedHosts)

func TestGoldenHosts(t *testing.T) {
	for _, name := range capturedHosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := twoCollections(t, name)
			golden := filepath.Join("testdata", "hosts", name, "golden.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
			for i := range max(len(gotLines), len(wantLines)) {
				if i >= len(gotLines) || i >= len(wantLines) || gotLines[i] != wantLines[i] {
					t.Fatalf("line %d of %s:\n got %s\nwant %s", i+1, golden, gotLines[min(i, len(gotLines)-1)], wantLines[min(i, len(wantLines)-1)])
				}
			}
		})
	}
}

// twoCollections is every datum of every collector at both moments of a captured machine.
func twoCollections(t *testing.T, name string) string {
	m := captured(t, name, "first")
	var all []Collector
	for _, plugin := range Names() {
		if plugin != "procstat" && plugin != "systemd" { // of systemd nothing is captured: it is asked
			all = append(all, mustBuild(t, everything(plugin), m.Host))
		}
	}
	all = append(all, processesOf(t, name, m.Host.Shared())...)
	text := "# " + name + ": the first collection, which has nothing to take differences from\n" + report(t, all, noon)
	m.becomes(name, "second")
	return text + "\n# " + name + ": the second collection\n" + report(t, all, noon.Add(interval(t, name)))
}

// interval is the time between the two moments of a machine.
func interval(t *testing.T, name string) time.Duration {
	if !slices.Contains(packedHosts, name) {
		return time.Minute
	}
	uptimes := map[string]float64{}
	eachPacked(t, name, func(entry *tar.Header, text io.Reader) {
		if moment, ok := strings.CutSuffix(path.Clean(entry.Name), "/proc/uptime"); ok {
			var up float64
			if _, err := fmt.Fscan(text, &up); err != nil {
				t.Fatal(err)
			}
			uptimes[moment] = up
		}
	})
	return time.Duration(math.Round((uptimes["second"]-uptimes["first"])*100)) * 10 * time.Millisecond // a hundredth is what the kernel tells
}

// processesOf are the processes that are looked at on a captured machine: all there is to measure, of one selection of them.
func processesOf(t *testing.T, machine string, h Host) (all []Collector) {
	full, few := everything("procstat"), measuring("procstat", "pid_count", "cpu_usage", "memory_rss")
	count := measuring("procstat", "pid_count")
	switch machine {
	case "debian-amd64", "debian-nvme":
		full.Exe, few.PidFile, count.Pattern = "/systemd-[a-z]+$", "/run/sshd.pid", "^/usr"
	case "debian-arm64":
		full.Pattern, few.PidFile, count.Exe = "^httpd", "/run/busy.pid", "/busybox$"
	case "debian-container":
		full.Exe, few.PidFile, count.Pattern = "/systemd-[a-z]+$", "/run/sshd.pid", "."
	case "ec2-ubuntu":
		full.Exe, few.PidFile, count.Pattern = "nginx", "/run/nginx.pid", "stress-ng.*--cpu"
	case "container":
		full.Pattern, few.PidFile, count.Exe = "^nginx: ", "/run/nginx.pid", "/sidecar$"
	case "arm64-debian":
		full.Pattern, few.Exe, count.Exe = "^postgres: app", "/postgresql/15/bin/postgres$", "^/opt/app/"
	case "nvme-box":
		full.Exe, few.Pattern, count.PidFile = "^/usr/lib/jvm/.*/java$", "store[.]Main$", "/run/nginx.pid"
	default:
		full.Exe, few.Pattern, count.Pattern = "busy", ".*", "^$"
	}
	for _, p := range []config.Plugin{full, few, count} {
		all = append(all, mustBuild(t, p, h))
	}
	return all
}

// report is one sorted line per datum: name{dimensions} unit resolution value.
func report(t *testing.T, all []Collector, at time.Time) string {
	var lines []string
	for _, c := range all {
		data, err := c.Collect(t.Context(), at)
		if _, notice := errors.AsType[Notice](err); err != nil && !notice {
			t.Error(err)
		}
		for _, d := range data {
			mustBeSound(t, d, at)
			values := make([]string, len(d.Values))
			for i, v := range d.Values {
				values[i] = rounded(v)
			}
			slices.Sort(values) // processes are listed in any order
			lines = append(lines, fmt.Sprintf("%s %s %.0fs %s\n", series(d), d.Unit, d.Resolution.Seconds(), strings.Join(values, " ")))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func mustBeSound(t *testing.T, d cloudwatch.Datum, at time.Time) {
	t.Helper()
	sorted := slices.IsSortedFunc(d.Dimensions, func(a, b cloudwatch.Dimension) int { return strings.Compare(a.Name, b.Name) })
	if !sorted || len(d.Values) == 0 || d.Counts != nil || !d.Time.Equal(at) {
		t.Errorf("unsound: %+v", d)
	}
	for _, v := range d.Values {
		if v < 0 || !cloudwatch.Sendable(v) {
			t.Errorf("unsound: %+v", d)
		}
	}
}

// rounded leaves out the digits that floating point makes up.
func rounded(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

func TestUsagesOfACoreAddUp(t *testing.T) {
	t.Parallel()
	for _, name := range composedHosts {
		m := captured(t, name, "first")
		c := mustBuild(t, everything("cpu"), m.Host)
		collect(t, c)
		m.becomes(name, "second")
		sums := map[string]float64{}
		for series, value := range collect(t, c) {
			measurement, core, _ := strings.Cut(series, "{")
			if strings.HasPrefix(measurement, "cpu_usage_") && measurement != "cpu_usage_active" {
				sums[core] += value
			}
		}
		for core, sum := range sums {
			if math.Abs(sum-100) > 1e-9 {
				t.Errorf("%s {%s: %g", name, core, sum)
			}
		}
	}
}

func TestHostOfAContainerThroughTheEnvironment(t *testing.T) {
	m := captured(t, "ec2-ubuntu", "first")
	t.Setenv("HOST_PROC", filepath.Join(m.Root, "proc"))
	expect(t, collect(t, mustBuild(t, measuring("mem", "total"), Host{})), map[string]float64{"mem_total{}": 4005176 * 1024})
	expect(t, collect(t, mustBuild(t, measuring("swap", "used"), Host{})), map[string]float64{"swap_used{}": (2097148 - 2010108) * 1024})
	expect(t, collect(t, mustBuild(t, measuring("cpu", "time_idle"), Host{})), map[string]float64{"cpu_time_idle{cpu=cpu-total}": (8712004 + 8719877) / 100.})
	if data := collect(t, mustBuild(t, measuring("diskio", "iops_in_progress"), Host{})); len(data) != 10 {
		t.Errorf("devices: %v", data)
	}
	if mounts, err := readMounts(Host{}); err != nil || len(mounts) != 32 {
		t.Errorf("%d mounts, %v", len(mounts), err)
	}
	file := filepath.Join(m.Root, "mountinfo")
	m.write("mountinfo", "1 0 8:1 / /elsewhere rw - ext4 /dev/sda1 rw\n")
	t.Setenv("HOST_PROC_MOUNTINFO", file)
	if mounts, err := readMounts(Host{}); err != nil || len(mounts) != 1 || mounts[0].path != "/elsewhere" {
		t.Errorf("%v, %v", mounts, err)
	}
}
