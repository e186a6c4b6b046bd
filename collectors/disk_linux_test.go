package collectors

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/config"
)

// diskWith is a disk collector of these mounts, with one way to ask for usage in place of statfs.
func diskWith(t *testing.T, p config.Plugin, usage func(path string) (*diskUsage, error), mounts ...mount) *diskCollector {
	t.Helper()
	c := mustBuild(t, p, Host{}).(*diskCollector)
	c.mounts = func(Host) ([]mount, error) { return append([]mount(nil), mounts...), nil }
	c.usage = newInquiry(p.Interval, usage)
	return c
}

func tenPercent(string) (*diskUsage, error) {
	return &diskUsage{Total: 1000, Free: 900, Used: 100, InodesTotal: 10, InodesFree: 9}, nil
}

func TestDiskPercentLeavesOutWhatIsReserved(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("proc/1/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
	m.write("statfs.json", `{"/": {"bsize": 10, "blocks": 100, "bfree": 40, "bavail": 20, "files": 50, "ffree": 30}}`)
	c := mustBuild(t, everything("disk"), m.Host)
	dims := "{device=sda1,fstype=ext4,path=/}"
	expect(t, collect(t, c), map[string]float64{
		"disk_total" + dims: 1000, "disk_used" + dims: 600, "disk_free" + dims: 200, "disk_used_percent" + dims: 75,
		"disk_inodes_total" + dims: 50, "disk_inodes_free" + dims: 30, "disk_inodes_used" + dims: 20,
	})
}

func TestDiskThatDoesNotAddUp(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("proc/1/mountinfo", "1 0 8:1 / / rw - odd odd rw\n2 1 8:2 / /full rw - odd full rw\n")
	m.write("statfs.json", `{"/": {"bsize": 1, "blocks": 10, "bfree": 20, "bavail": 5, "files": 1, "ffree": 2}, "/full": {"bsize": 1, "blocks": 10, "bfree": 10}}`)
	c := mustBuild(t, measuring("disk", "used", "used_percent", "inodes_used", "total"), m.Host)
	expect(t, collect(t, c), map[string]float64{
		"disk_total{device=odd,fstype=odd,path=/}":      10,
		"disk_total{device=full,fstype=odd,path=/full}": 10, "disk_used{device=full,fstype=odd,path=/full}": 0,
		"disk_used_percent{device=full,fstype=odd,path=/full}": 0, "disk_inodes_used{device=full,fstype=odd,path=/full}": 0,
	})
}

func TestDiskOptions(t *testing.T) {
	t.Parallel()
	mounts := []mount{{"/", "/dev/sda1", "ext4"}, {"/data", "/dev/sdb", "xfs"}, {"/run", "tmpfs", "tmpfs"}, {"/auto", "systemd-1", "autofs"}}
	f := func(set func(*config.Plugin), want ...string) {
		t.Helper()
		p := measuring("disk", "used_percent")
		set(&p)
		values := map[string]float64{}
		for _, w := range want {
			values["disk_used_percent{"+w+"}"] = 10
		}
		expect(t, collect(t, diskWith(t, p, tenPercent, mounts...)), values)
	}
	root, data, run := "device=sda1,fstype=ext4,path=/", "device=sdb,fstype=xfs,path=/data", "device=tmpfs,fstype=tmpfs,path=/run"
	f(func(*config.Plugin) {}, root, data, run)
	f(func(p *config.Plugin) { p.Resources = []string{} }, root, data, run)
	f(func(p *config.Plugin) { p.Resources = []string{"/data", "*"} }, root, data, run)
	f(func(p *config.Plugin) { p.Resources = []string{"/data", "/nowhere"} }, data)
	f(func(p *config.Plugin) { p.Resources = []string{"/dat*"} })
	f(func(p *config.Plugin) { p.Resources = []string{"/auto"} })
	f(func(p *config.Plugin) { p.IgnoreFileSystemTypes = []string{"tmpfs", "xfs"} }, root)
	f(func(p *config.Plugin) { p.IgnorePseudoFileSystems = true }, root, data)
	f(func(p *config.Plugin) { p.DropDevice = true }, "fstype=ext4,path=/", "fstype=xfs,path=/data", "fstype=tmpfs,path=/run")
}

func TestSameMountTwiceIsOneSeries(t *testing.T) {
	t.Parallel()
	p := measuring("disk", "used_percent")
	mounts := []mount{{"/dev/shm", "tmpfs", "tmpfs"}, {"/dev/shm", "tmpfs", "tmpfs"}, {"/dev/shm", "shm", "tmpfs"}}
	expect(t, collect(t, diskWith(t, p, tenPercent, mounts...)), map[string]float64{
		"disk_used_percent{device=tmpfs,fstype=tmpfs,path=/dev/shm}": 10, "disk_used_percent{device=shm,fstype=tmpfs,path=/dev/shm}": 10,
	})
	p.DropDevice = true
	expect(t, collect(t, diskWith(t, p, tenPercent, mounts...)), map[string]float64{"disk_used_percent{fstype=tmpfs,path=/dev/shm}": 10})
}

func TestHostMountPrefixIsTakenOff(t *testing.T) {
	t.Setenv("HOST_MOUNT_PREFIX", "/hostfs")
	asked := make(chan string, 10)
	c := diskWith(t, measuring("disk", "used_percent"), func(path string) (*diskUsage, error) {
		asked <- path
		return tenPercent(path)
	}, mount{"/", "/dev/sda1", "ext4"}, mount{"/data", "/dev/sdb", "xfs"}, mount{"/hostfs/data", "/dev/sdb", "xfs"}, mount{"/hostfs", "/dev/sda1", "ext4"})
	expect(t, collect(t, c), map[string]float64{
		"disk_used_percent{device=sda1,fstype=ext4,path=/}": 10, "disk_used_percent{device=sdb,fstype=xfs,path=/data}": 10,
	})
	close(asked)
	paths := map[string]bool{}
	for path := range asked {
		paths[path] = true
	}
	if !maps.Equal(paths, map[string]bool{"/hostfs": true, "/hostfs/data": true}) {
		t.Errorf("asked %v", paths)
	}
}

func TestHungMountIsSkippedAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := make(chan struct{}) // answers once it is closed
		var asked atomic.Int32
		c := diskWith(t, measuring("disk", "used_percent"), func(path string) (*diskUsage, error) {
			if path == "/mnt/nfs" {
				asked.Add(1)
				<-server
			}
			return tenPercent(path)
		}, mount{"/", "/dev/sda1", "ext4"}, mount{"/mnt/nfs", "files:/export", "nfs4"})
		root := map[string]float64{"disk_used_percent{device=sda1,fstype=ext4,path=/}": 10}

		began := time.Now()
		got, err := collectSome(t, c)
		expect(t, got, root)
		if waited := time.Since(began); waited != maxPatience || err == nil || !strings.Contains(err.Error(), "/mnt/nfs") {
			t.Errorf("first: waited %s, %v", waited, err)
		}
		for range 3 { // it costs nothing and is not asked again while it hangs
			began = time.Now()
			got, err = collectSome(t, c)
			expect(t, got, root)
			if waited := time.Since(began); waited != 0 || err == nil || asked.Load() != 1 {
				t.Errorf("later: waited %s, asked %d times, %v", waited, asked.Load(), err)
			}
		}
		close(server)
		synctest.Wait()
		if got = collect(t, c); len(got) != 2 || asked.Load() != 2 {
			t.Errorf("recovered: %v, asked %d times", got, asked.Load())
		}
	})
}

func TestHungMountCostsHalfAnIntervalAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := measuring("disk", "used_percent")
		p.Interval = time.Second
		hang := make(chan struct{})
		c := diskWith(t, p, func(string) (*diskUsage, error) { <-hang; return nil, fs.ErrClosed }, mount{"/a", "a", "nfs"}, mount{"/b", "b", "nfs"})
		began := time.Now()
		if _, err := collectSome(t, c); err == nil || time.Since(began) != 500*time.Millisecond {
			t.Errorf("waited %s, %v", time.Since(began), err)
		}
		close(hang)
	})
}

func TestThousandsOfHungMountsOccupyFewThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		var asked atomic.Int32
		var mounts []mount
		for i := range 5000 {
			mounts = append(mounts, mount{fmt.Sprintf("/mnt/%d", i), "files:/", "nfs"})
		}
		c := diskWith(t, measuring("disk", "used_percent"), func(path string) (*diskUsage, error) {
			asked.Add(1)
			<-hang
			return tenPercent(path)
		}, mounts...)
		if got, err := collectSome(t, c); len(got) != 0 || asked.Load() != maxAsked || err == nil || !strings.HasSuffix(err.Error(), "and 4996 more") {
			t.Errorf("%d data, %d asked, %v", len(got), asked.Load(), err)
		}
		close(hang)
		synctest.Wait()
		if got := collect(t, c); len(got) != len(mounts) {
			t.Errorf("recovered: %d data", len(got))
		}
	})
}

func TestAdviceWhileCollecting(t *testing.T) {
	t.Parallel()
	c := diskWith(t, measuring("disk", "used_percent"), tenPercent, mount{"/", "/dev/sda1", "ext4"}, mount{"/run", "tmpfs", "tmpfs"})
	advised := make(chan int)
	go func() { advised <- len(c.Advise(t.Context())) }()
	collect(t, c)
	if n := <-advised; n != 1 {
		t.Errorf("%d pieces of advice", n)
	}
}

func TestMountThatMayNotBeReadIsAnErrorOnlyWhenNamed(t *testing.T) {
	t.Parallel()
	refuse := func(string) (*diskUsage, error) { return nil, fs.ErrPermission }
	p := measuring("disk", "used_percent")
	if _, err := collectSome(t, diskWith(t, p, refuse, mount{"/doc", "portal", "fuse.portal"})); err != nil {
		t.Errorf("under all: %v", err)
	}
	p.Resources = []string{"/doc"}
	if _, err := collectSome(t, diskWith(t, p, refuse, mount{"/doc", "portal", "fuse.portal"})); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("named: %v", err)
	}
}

func TestGarbageInMountinfo(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("proc/1/mountinfo", "garbage - \n - \n1 2\n\n1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /a\\040\"b rw shared:1 master:2 - xfs  rw\n")
	m.write("statfs.json", `{"/": {"bsize": 1, "blocks": 1}, "/a \"b": {"bsize": 1, "blocks": 2}}`)
	got, err := collectSome(t, mustBuild(t, measuring("disk", "total"), m.Host))
	expect(t, got, map[string]float64{"disk_total{device=sda1,fstype=ext4,path=/}": 1, "disk_total{fstype=xfs,path=/a \"b}": 2})
	if err == nil || !strings.Contains(err.Error(), "4 lines") {
		t.Errorf("error is %v", err)
	}
}

func TestMountsOfProcessOneElseOurOwn(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	if _, err := readMounts(m.Host); err == nil {
		t.Error("no mountinfo at all: no error")
	}
	m.write("proc/self/mountinfo", "1 0 8:1 / /self rw - ext4 /dev/sda1 rw\n")
	if got, err := readMounts(m.Host); err != nil || len(got) != 1 || got[0].path != "/self" {
		t.Errorf("got %v, %v", got, err)
	}
	m.write("proc/1/mountinfo", "1 0 8:1 / /one rw - ext4 /dev/sda1 rw\n")
	if got, err := readMounts(m.Host); err != nil || len(got) != 1 || got[0].path != "/one" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestPseudoMountsWarn(t *testing.T) {
	t.Parallel()
	m := captured(t, "ec2-ubuntu", "first")
	p := measuring("disk", "used_percent", "free")
	p.Place = config.Place{File: "config.json", Line: 3, Column: 5, Path: "metrics.metrics_collected.disk"}
	advice := mustBuild(t, p, m.Host).(Adviser).Advise(t.Context())
	const want = `config.json:3:5: metrics.metrics_collected.disk: disk sends what has no disk behind it, 20 series about devtmpfs at /dev, ` +
		`efivarfs at /sys/firmware/efi/efivars, squashfs at /snap/amazon-ssm-agent/7993, squashfs at /snap/core22/1380, 6 more: ` +
		`about $6.00 a month (an estimate at $0.30 each) ` +
		`(add "ignore_pseudo_file_systems": true, or "ignore_file_system_types": ["devtmpfs", "efivarfs", "squashfs", "tmpfs"])`
	if len(advice) != 1 || !advice[0].Warning || advice[0].Error() != want {
		t.Errorf("got  %v\nwant %s", advice, want)
	}
	p.IgnorePseudoFileSystems = true
	if advice := mustBuild(t, p, m.Host).(Adviser).Advise(t.Context()); len(advice) != 0 {
		t.Errorf("ignored already: %v", advice)
	}
}

func TestResourceWithoutAMountWarns(t *testing.T) {
	t.Parallel()
	m := captured(t, "ec2-ubuntu", "first")
	p := measuring("disk", "used_percent")
	p.Resources = []string{"/", "/data/", "/mnt/team share"}
	advice := mustBuild(t, p, m.Host).(Adviser).Advise(t.Context())
	if len(advice) != 1 || !strings.Contains(advice[0].Text, `"/data/"`) {
		t.Errorf("got %v", advice)
	}
}
