package collectors

import (
	"strings"
	"testing"
)

func TestDiskIOFirstCollectionHasOnlyTheGauge(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, rest(everything("diskio"), rowsOf(ebsTable), rowsOf(storeTable)), m.Host)
	m.write("proc/diskstats", " 8 0 sda 10 1 20 30 40 2 50 60 7 80 90\n")
	expect(t, collect(t, c), map[string]float64{"diskio_iops_in_progress{name=sda}": 7})
	m.write("proc/diskstats", " 8 0 sda 11 1 22 33 44 2 55 66 5 88 99 1 2 3 4 5 6\n") // a newer kernel's columns too
	expect(t, collect(t, c), map[string]float64{
		"diskio_iops_in_progress{name=sda}": 5,
		"diskio_reads{name=sda}":            1,
		"diskio_read_bytes{name=sda}":       2 * 512,
		"diskio_read_time{name=sda}":        3,
		"diskio_writes{name=sda}":           4,
		"diskio_write_bytes{name=sda}":      5 * 512,
		"diskio_write_time{name=sda}":       6,
		"diskio_io_time{name=sda}":          8,
	})
}

func TestDiskCountersReset(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, measuring("diskio", "reads", "writes"), m.Host)
	m.write("proc/diskstats", " 8 0 sda 1000 0 0 0 10 0 0 0 0 0 0\n")
	collect(t, c)
	m.write("proc/diskstats", " 8 0 sda 3 0 0 0 20 0 0 0 0 0 0\n")
	expect(t, collect(t, c), nil)
	m.write("proc/diskstats", " 8 0 sda 5 0 0 0 20 0 0 0 0 0 0\n")
	expect(t, collect(t, c), map[string]float64{"diskio_reads{name=sda}": 2, "diskio_writes{name=sda}": 0})
}

func TestDiskVanishesAndReturns(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, measuring("diskio", "reads"), m.Host)
	m.write("proc/diskstats", " 8 0 sda 10 0 0 0 0 0 0 0 0 0 0\n 8 16 sdb 10 0 0 0 0 0 0 0 0 0 0\n")
	collect(t, c)
	m.write("proc/diskstats", " 8 0 sda 11 0 0 0 0 0 0 0 0 0 0\n")
	expect(t, collect(t, c), map[string]float64{"diskio_reads{name=sda}": 1})
	m.write("proc/diskstats", " 8 0 sda 12 0 0 0 0 0 0 0 0 0 0\n 8 16 sdb 500 0 0 0 0 0 0 0 0 0 0\n")
	expect(t, collect(t, c), map[string]float64{"diskio_reads{name=sda}": 1})
	m.write("proc/diskstats", " 8 0 sda 13 0 0 0 0 0 0 0 0 0 0\n 8 16 sdb 501 0 0 0 0 0 0 0 0 0 0\n")
	expect(t, collect(t, c), map[string]float64{"diskio_reads{name=sda}": 1, "diskio_reads{name=sdb}": 1})
}

func TestGarbageInDiskstats(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, measuring("diskio", "iops_in_progress"), m.Host)
	m.write("proc/diskstats", "garbage\n 8 0 sda 1 0 0 0 0 0 0 0 2 0 0\n 8 1 sda1 -1 0 0 0 0 0 0 0 2 0 0\n\x00\xff\n 8 2 sda2 1 0 0\n 8 16 sdb 1 0 0 0 0 0 0 0 3 0 0")
	got, err := collectSome(t, c)
	expect(t, got, map[string]float64{"diskio_iops_in_progress{name=sda}": 2, "diskio_iops_in_progress{name=sdb}": 3})
	if err == nil || !strings.Contains(err.Error(), `4 lines make no sense, the first is "garbage"`) {
		t.Errorf("error is %v", err)
	}
}

func TestDiskIOWithoutDiskstats(t *testing.T) {
	t.Parallel()
	if got, err := collectSome(t, mustBuild(t, everything("diskio"), newMachine(t).Host)); err == nil || len(got) > 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestDiskIOResources(t *testing.T) {
	devices := []string{"sda", "sda1", "sdb", "nvme0n1", "nvme0n1p1", "loop0", "a.b", "x[y"}
	f := func(patterns, want string) {
		t.Helper()
		var list []string
		if patterns != "" {
			list = strings.Fields(patterns)
		}
		re := globs(list)
		var got []string
		for _, d := range devices {
			if re == nil || re.MatchString(d) {
				got = append(got, d)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q matches %q, want %q", patterns, got, want)
		}
	}
	everyone := strings.Join(devices, " ")
	f("", everyone)
	f("*", everyone)
	f("sdb *", everyone)
	f("sda", "sda")
	f("/dev/sda", "sda")
	f("sd?", "sda sdb")
	f("sd*", "sda sda1 sdb")
	f("sd[a]", "sda")
	f("sd[!a]", "sdb")
	f("sd[a-c]*", "sda sda1 sdb")
	f("nvme[0-9]n1", "nvme0n1")
	f("{sda,sdb}", "sda sdb")
	f("{sda,loop*} a.b", "sda loop0 a.b")
	f("a?b", "a.b")
	f("a.?", "a.b")
	f("x[y", "x[y")
	f("none", "")
	f("[z-a]", "")
	f("{", "")
}

func TestLoopDevicesWarn(t *testing.T) {
	t.Parallel()
	m := captured(t, "ec2-ubuntu", "first")
	p := measuring("diskio", "reads", "writes")
	advice := mustBuild(t, p, m.Host).(Adviser).Advise(t.Context())
	const want = `diskio sends what is no disk, 6 series about loop0, loop1, loop2: about $1.80 a month (an estimate at $0.30 each)`
	if len(advice) != 1 || !advice[0].Warning || advice[0].Text != want {
		t.Errorf("got %v", advice)
	}
	p.Resources = []string{"nvme*", "dm-*"}
	if advice := mustBuild(t, p, m.Host).(Adviser).Advise(t.Context()); len(advice) != 0 {
		t.Errorf("left out already: %v", advice)
	}
}
