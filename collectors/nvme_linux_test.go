package collectors

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// amazon gives the machine an NVMe controller with these counters, in the order of the log page.
func (m machine) amazon(name, model, serial string, counters ...uint64) {
	m.write("sys/class/nvme/"+name+"/model", fmt.Sprintf("%-40s\n", model))
	m.write("sys/class/nvme/"+name+"/serial", fmt.Sprintf("%-20s\n", serial))
	m.write("sys/class/nvme/"+name+"/"+name+"n1/size", "1\n")
	mark := uint64(ebsMark)
	if model == storeModel {
		mark = storeMark | 0xABCD<<32 // what is reserved may be anything
	}
	m.write("nvme/"+name+".hex", logPageText(mark, counters...))
}

// logPageText is a log page as captured machines have it: its bytes in hexadecimal.
func logPageText(mark uint64, counters ...uint64) string {
	var b strings.Builder
	for _, n := range append([]uint64{mark}, append(counters, make([]uint64, nvmeCounted-len(counters))...)...) {
		for range 8 {
			fmt.Fprintf(&b, "%02x", n&0xFF)
			n >>= 8
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestNVMeSendsDifferencesAndTheQueueAsItIs(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.amazon("nvme0", ebsModel, "vol0aaa", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	m.amazon("nvme1", storeModel, "AWS1", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	m.amazon("nvme2", "Samsung SSD 990", "S1", 1, 2, 3)
	c := mustBuild(t, rest(everything("diskio"), rowsOf(diskioTable)), m.Host)
	expect(t, collect(t, c), map[string]float64{
		"diskio_ebs_volume_queue_length{VolumeId=vol-0aaa}": 11, "diskio_instance_store_volume_queue_length{SerialId=AWS1}": 11,
	})
	m.amazon("nvme0", ebsModel, "vol0aaa", 101, 202, 303, 404, 505, 606, 707, 808, 909, 1010, 0)
	m.amazon("nvme1", storeModel, "AWS1", 101, 202, 303, 404, 505, 606, 707, 808, 909, 1010, 0)
	expect(t, collect(t, c), map[string]float64{
		"diskio_ebs_total_read_ops{VolumeId=vol-0aaa}": 100, "diskio_ebs_total_write_ops{VolumeId=vol-0aaa}": 200,
		"diskio_ebs_total_read_bytes{VolumeId=vol-0aaa}": 300, "diskio_ebs_total_write_bytes{VolumeId=vol-0aaa}": 400,
		"diskio_ebs_total_read_time{VolumeId=vol-0aaa}": 500, "diskio_ebs_total_write_time{VolumeId=vol-0aaa}": 600,
		"diskio_ebs_volume_performance_exceeded_iops{VolumeId=vol-0aaa}": 700, "diskio_ebs_volume_performance_exceeded_tp{VolumeId=vol-0aaa}": 800,
		"diskio_ebs_ec2_instance_performance_exceeded_iops{VolumeId=vol-0aaa}": 900,
		"diskio_ebs_ec2_instance_performance_exceeded_tp{VolumeId=vol-0aaa}":   1000,
		"diskio_ebs_volume_queue_length{VolumeId=vol-0aaa}":                    0,
		"diskio_instance_store_total_read_ops{SerialId=AWS1}":                  100, "diskio_instance_store_total_write_ops{SerialId=AWS1}": 200,
		"diskio_instance_store_total_read_bytes{SerialId=AWS1}": 300, "diskio_instance_store_total_write_bytes{SerialId=AWS1}": 400,
		"diskio_instance_store_total_read_time{SerialId=AWS1}": 500, "diskio_instance_store_total_write_time{SerialId=AWS1}": 600,
		"diskio_instance_store_performance_exceeded_iops{SerialId=AWS1}": 900, "diskio_instance_store_performance_exceeded_tp{SerialId=AWS1}": 1000,
		"diskio_instance_store_volume_queue_length{SerialId=AWS1}": 0,
	})
}

func TestNVMeCountersReset(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, measuring("diskio", "ebs_total_read_ops", "ebs_total_write_ops"), m.Host)
	m.amazon("nvme0", ebsModel, "vol0aaa", 100, 200)
	collect(t, c)
	m.amazon("nvme0", ebsModel, "vol0aaa", 3, 300)
	expect(t, collect(t, c), nil)
	m.amazon("nvme0", ebsModel, "vol0aaa", 5, 301)
	expect(t, collect(t, c), map[string]float64{"diskio_ebs_total_read_ops{VolumeId=vol-0aaa}": 2, "diskio_ebs_total_write_ops{VolumeId=vol-0aaa}": 1})
	m.amazon("nvme0", ebsModel, "vol0bbb", 50, 400) // another volume in its place
	expect(t, collect(t, c), nil)
}

func TestNVMeResourcesNameControllersOrTheirDevices(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for _, name := range []string{"nvme0", "nvme1", "nvme10"} {
		m.amazon(name, ebsModel, "vol-"+name, 1)
	}
	f := func(want string, resources ...string) {
		t.Helper()
		p := measuring("diskio", "ebs_volume_queue_length")
		p.Resources = resources
		wanted := map[string]float64{}
		for name := range strings.FieldsSeq(want) {
			wanted["diskio_ebs_volume_queue_length{VolumeId=vol-"+name+"}"] = 0
		}
		got, _ := collectSome(t, mustBuild(t, p, m.Host))
		expect(t, got, wanted)
	}
	f("nvme0 nvme1 nvme10")
	f("nvme0 nvme1 nvme10", "*")
	f("nvme1", "nvme1n1")
	f("nvme1", "nvme1")
	f("nvme0 nvme1", "/dev/nvme?n1")
	f("", "xvda")
}

func TestNVMeControllersThatDoNotAnswerHoldUpNobody(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for _, name := range []string{"nvme0", "nvme1", "nvme2"} {
		m.amazon(name, ebsModel, "vol-"+name, 1)
	}
	synctest.Test(t, func(t *testing.T) {
		c := mustBuild(t, measuring("diskio", "ebs_volume_queue_length"), m.Host).(*nvmeCollector)
		hung, asked := make(chan struct{}), atomic.Int32{}
		c.counters.question = func(of string) (n nvmeCounters, err error) {
			switch {
			case strings.HasPrefix(of, "nvme1/"):
				asked.Add(1)
				<-hung
			case strings.HasPrefix(of, "nvme2/"):
				return n, errNoCounters
			}
			return n, nil
		}
		for range 3 {
			data, err := c.Collect(t.Context(), noon)
			if len(data) != 1 || err == nil || !strings.Contains(err.Error(), "read counters of nvme1: no answer since ") ||
				!strings.Contains(err.Error(), "read counters of nvme2: it has no log page") {
				t.Errorf("%d data, %v", len(data), err)
			}
			time.Sleep(time.Minute)
		}
		if asked.Load() != 1 {
			t.Errorf("the one that hangs was asked %d times", asked.Load())
		}
		close(hung)
		synctest.Wait()
		if data, _ := c.Collect(t.Context(), noon); len(data) != 2 {
			t.Errorf("%d data once it answers", len(data))
		}
	})
}

func TestNVMeTroubleThatManyShareIsToldOnce(t *testing.T) {
	t.Parallel()
	var all troubles
	for i := range 9 {
		all.add(fmt.Sprintf("nvme%d", i), errors.New("permission denied"))
	}
	all.add("nvme9", errors.New("no answer"))
	const want = "read counters of nvme0, nvme1, nvme2, nvme3, 5 more: permission denied\nread counters of nvme9: no answer"
	if got := all.err().Error(); got != want {
		t.Errorf("got %s", got)
	}
}

func TestHostWithoutAmazonsControllersIsNoFailure(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("proc/diskstats", " 8 0 sda 1 0 2 0 0 0 0 0 3 0 0\n")
	p := measuring("diskio", "ebs_total_read_ops", "iops_in_progress")
	got, err := collectSome(t, mustBuild(t, p, m.Host))
	expect(t, got, map[string]float64{"diskio_iops_in_progress{name=sda}": 3})
	if _, notice := errors.AsType[Notice](err); !notice {
		t.Errorf("error is %v", err)
	}
	m.write("proc/diskstats", "garbage\n")
	_, err = collectSome(t, mustBuild(t, p, m.Host))
	if _, notice := errors.AsType[Notice](err); notice || err == nil {
		t.Errorf("a failure beside it is told as a notice: %v", err)
	}
}

func TestLogPagesThatAreNone(t *testing.T) {
	t.Parallel()
	page := make([]byte, amazonLogBytes)
	for _, model := range []string{ebsModel, storeModel} {
		if _, err := parseLogPage(page, model); !errors.Is(err, errNoCounters) {
			t.Errorf("%s: zeros: %v", model, err)
		}
		if _, err := parseLogPage(page[:95], model); err == nil {
			t.Errorf("%s: a short page is no error", model)
		}
	}
}

func TestNVMeMeasurementsTakeARight(t *testing.T) {
	t.Parallel()
	_, problems := Build(measuring("diskio", "reads", "ebs_total_read_ops"), Host{})
	if warned := len(problems) == 1 && problems[0].Warning && strings.Contains(problems[0].Text, "CAP_SYS_ADMIN"); warned == mayAskDevices() {
		t.Errorf("permitted %t, warnings %v", mayAskDevices(), problems)
	}
	if c, problems := Build(measuring("diskio", "ebs_total_reads"), Host{}); c != nil || len(problems) != 1 || problems[0].Warning {
		t.Errorf("no such measurement: %v, %v", c, problems)
	}
	p := measuring("diskio", "reads", "ebs_total_read_ops")
	p.DropOriginal = []string{"diskio_ebs_total_read_ops", "writes"}
	_, problems = Build(p, newMachine(t).Host)
	if len(problems) != 1 || !strings.Contains(problems[0].Text, `names "writes"`) {
		t.Errorf("drop_original_metrics: %v", problems)
	}
}

func TestVolumesBehindFileSystems(t *testing.T) {
	t.Parallel()
	serials := map[string]string{"nvme0n1": "vol0aaa", "nvme1n1": "vol-0bbb", "nvme10n1": "AWS22", "sda": "x1"}
	for device, want := range map[string]string{
		"nvme0n1": "vol-0aaa", "nvme0n1p1": "vol-0aaa", "nvme0n1p128": "vol-0aaa", "nvme1n1p1": "vol-0bbb", "nvme10n1": "AWS22", "nvme10n1p2": "AWS22",
		"sda1": "x1", "sdb1": "", "dm-0": "", "": "", "overlay": "", "vol": "", "nvme1n10": "",
	} {
		if got := volumeBehind(device, serials); got != want {
			t.Errorf("%q: got %q, want %q", device, got, want)
		}
	}
}

func TestDiskNamesTheVolume(t *testing.T) {
	t.Parallel()
	m := captured(t, "ec2-ubuntu", "first")
	p := measuring("disk", "inodes_used")
	p.VolumeID, p.Resources = true, []string{"/", "/data", "/run"}
	got := collect(t, mustBuild(t, p, m.Host))
	for _, want := range []string{
		"disk_inodes_used{VolumeId=vol-0123456789abcdef0,device=nvme0n1p1,fstype=ext4,path=/}",
		"disk_inodes_used{VolumeId=vol-0fedcba9876543210,device=nvme1n1,fstype=xfs,path=/data}", "disk_inodes_used{device=tmpfs,fstype=tmpfs,path=/run}",
	} {
		if _, there := got[want]; !there {
			t.Errorf("%s is not among %v", want, got)
		}
	}
	p.DropDevice = true // by which the original finds the volume
	if got := collect(t, mustBuild(t, p, m.Host)); got["disk_inodes_used{fstype=ext4,path=/}"] == 0 {
		t.Errorf("without the device: %v", got)
	}
}

func TestVolumesOfDisksThatDoNotSayThem(t *testing.T) {
	t.Parallel()
	got := kernelNames(map[string]string{"/dev/sda1": "vol-a", "/dev/sdf": "vol-f", "/dev/xvdg": "vol-g", "/dev/sdh1": "vol-h1", "/dev/sdh2": "vol-h2"})
	for device, want := range map[string]string{
		"xvda": "vol-a", "xvda1": "vol-a", "xvda2": "vol-a", "sda1": "vol-a", "xvdf": "vol-f", "xvdf1": "vol-f", "sdf": "vol-f", "xvdg1": "vol-g",
		"xvdh1": "vol-h1", "xvdh2": "vol-h2", "xvdh3": "", "xvdb": "", "nvme0n1p1": "",
	} {
		if volume := volumeBehind(device, got); volume != want {
			t.Errorf("%s: got %q, want %q", device, volume, want)
		}
	}
}

// EC2 calls the first volume /dev/sda1 where Linux calls it nvme0n1. The sda of such a host is something else, as a LUN of iSCSI.
func TestVolumeOfOneDiskIsNotThatOfAnother(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("proc/1/mountinfo", "20 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n21 1 8:1 / /lun rw - xfs /dev/sda1 rw\n22 1 202:80 / /more rw - xfs /dev/xvdf rw\n")
	m.write("statfs.json", `{"/": {"blocks": 10, "bsize": 4096, "files": 5}, "/lun": {"blocks": 10, "bsize": 4096, "files": 6}, "/more": {"blocks": 10, "bsize": 4096, "files": 7}}`)
	m.write("sys/block/nvme0n1/device/serial", "vol0fed\n")
	p := measuring("disk", "inodes_total")
	p.VolumeID = true
	h := m.Host.Shared()
	h.KnowVolumes(map[string]string{"/dev/sda1": "vol-0fed", "/dev/sdf": "vol-0abc"})
	expect(t, collect(t, mustBuild(t, p, h)), map[string]float64{
		"disk_inodes_total{VolumeId=vol-0fed,device=nvme0n1p1,fstype=ext4,path=/}": 5, "disk_inodes_total{device=sda1,fstype=xfs,path=/lun}": 6,
		"disk_inodes_total{VolumeId=vol-0abc,device=xvdf,fstype=xfs,path=/more}": 7,
	})
}

func TestDiskWaitsForTheFirstWordOnVolumes(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("proc/1/mountinfo", "20 1 202:1 / / rw - ext4 /dev/xvda1 rw\n21 1 259:0 / /data rw - xfs /dev/nvme1n1 rw\n")
	m.write("statfs.json", `{"/": {"blocks": 10, "bsize": 4096, "files": 5}, "/data": {"blocks": 10, "bsize": 4096, "files": 6}}`)
	m.write("sys/block/nvme1n1/device/serial", "vol0fed\n")
	if m.LacksVolumes() {
		t.Error("there are no disks without a serial number")
	}
	m.write("sys/block/xvda/size", "1\n")
	m.write("sys/block/loop0/size", "1\n")
	if !m.LacksVolumes() {
		t.Error("xvda has no serial number")
	}
	p := measuring("disk", "inodes_total")
	p.VolumeID = true
	h := m.Host.Shared()
	c := mustBuild(t, p, h)
	const data = "disk_inodes_total{VolumeId=vol-0fed,device=nvme1n1,fstype=xfs,path=/data}"
	without, with := "disk_inodes_total{device=xvda1,fstype=ext4,path=/}", "disk_inodes_total{VolumeId=vol-1,device=xvda1,fstype=ext4,path=/}"
	h.AwaitVolumes()
	expect(t, collect(t, c), map[string]float64{data: 6})
	h.KnowVolumes(nil) // nobody says
	expect(t, collect(t, c), map[string]float64{data: 6, without: 5})
	h.KnowVolumes(map[string]string{"/dev/sda1": "vol-1", "/dev/nvme1n1": "vol-2"}) // a disk's own word goes before
	expect(t, collect(t, c), map[string]float64{data: 6, with: 5})
	h.KnowVolumes(nil) // what was known goes on
	h.AwaitVolumes()   // another configuration
	expect(t, collect(t, c), map[string]float64{data: 6, with: 5})
	h.KnowVolumes(map[string]string{}) // it was detached
	expect(t, collect(t, c), map[string]float64{data: 6, without: 5})
	// Whoever does not ask for the dimension waits for nobody.
	p.VolumeID = false
	h = m.Host.Shared()
	h.AwaitVolumes()
	if got := collect(t, mustBuild(t, p, h)); len(got) != 2 {
		t.Errorf("without the dimension: %v", got)
	}
}

// The number of an ioctl holds the size of what it takes.
func TestAdminCommandIsAsLongAsTheKernelsIs(t *testing.T) {
	t.Parallel()
	if got := unsafe.Sizeof(nvmeAdminCommand{}); got != nvmeAdmin>>16&0x3FFF {
		t.Errorf("it has %d bytes, the kernel's %d", got, nvmeAdmin>>16&0x3FFF)
	}
	var c nvmeAdminCommand
	for name, at := range map[string][2]uintptr{ // linux/nvme_ioctl.h
		"addr": {unsafe.Offsetof(c.data), 24}, "data_len": {unsafe.Offsetof(c.length), 36}, "cdw10": {unsafe.Offsetof(c.dword10), 40},
		"timeout_ms": {unsafe.Offsetof(c.milliseconds), 64}, "nsid": {unsafe.Offsetof(c.namespace), 4},
	} {
		if at[0] != at[1] {
			t.Errorf("%s stands at %d, not at %d", name, at[0], at[1])
		}
	}
}
