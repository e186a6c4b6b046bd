package collectors

import (
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
)

const netHeading = "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"

func (m machine) links(lines ...string) {
	m.write("proc/net/dev", netHeading+strings.Join(append(lines, ""), "\n"))
}

func TestNetSendsDifferences(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("sys/class/net/eth0/flags", "0x1003\n")
	c := mustBuild(t, everything("net"), m.Host)
	m.links("  eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0")
	expect(t, collect(t, c), nil)
	m.links("  eth0:1100 12 2 4 9 9 9 9 2500 26 6 8 9 9 9 9") // no blank behind the colon: as old kernels write large numbers
	expect(t, collect(t, c), map[string]float64{
		"net_bytes_recv{interface=eth0}": 100, "net_packets_recv{interface=eth0}": 2, "net_err_in{interface=eth0}": 1, "net_drop_in{interface=eth0}": 2,
		"net_bytes_sent{interface=eth0}": 500, "net_packets_sent{interface=eth0}": 6, "net_err_out{interface=eth0}": 3, "net_drop_out{interface=eth0}": 4,
	})
}

func TestNetCountersReset(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("sys/class/net/eth0/flags", "0x1003\n")
	c := mustBuild(t, measuring("net", "bytes_recv", "bytes_sent"), m.Host)
	m.links("eth0: 1000 0 0 0 0 0 0 0 10 0 0 0 0 0 0 0")
	collect(t, c)
	m.links("eth0: 3 0 0 0 0 0 0 0 20 0 0 0 0 0 0 0")
	expect(t, collect(t, c), nil)
	m.links("eth0: 5 0 0 0 0 0 0 0 20 0 0 0 0 0 0 0")
	expect(t, collect(t, c), map[string]float64{"net_bytes_recv{interface=eth0}": 2, "net_bytes_sent{interface=eth0}": 0})
}

func TestInterfaceVanishesAndReturns(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := measuring("net", "packets_recv")
	p.Resources = []string{"veth*"}
	c := mustBuild(t, p, m.Host)
	m.links("veth1: 0 7 0 0 0 0 0 0 0 0 0 0 0 0 0 0")
	collect(t, c)
	m.links()
	expect(t, collect(t, c), nil)
	m.links("veth1: 0 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0")
	expect(t, collect(t, c), nil)
	m.links("veth1: 0 12 0 0 0 0 0 0 0 0 0 0 0 0 0 0")
	expect(t, collect(t, c), map[string]float64{"net_packets_recv{interface=veth1}": 3})
}

func TestNetResources(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for name, flags := range map[string]string{"lo": "0x9", "eth0": "0x1003", "eth1": "0x1002", "docker0": "0x1003"} {
		m.write("sys/class/net/"+name+"/flags", flags+"\n")
	}
	f := func(want string, resources ...string) {
		t.Helper()
		p := measuring("net", "bytes_sent")
		p.Resources = resources
		c := mustBuild(t, p, m.Host)
		values := map[string]float64{}
		for range 2 {
			m.links("lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0", "eth0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0", "eth1: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0",
				"docker0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0", "gone: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0")
			values = collect(t, c)
		}
		wanted := map[string]float64{}
		for name := range strings.FieldsSeq(want) {
			wanted["net_bytes_sent{interface="+name+"}"] = 0
		}
		expect(t, values, wanted)
	}
	f("eth0 docker0")
	f("eth0 docker0", "*")
	f("eth0 docker0", "eth1", "*")
	f("lo eth1", "lo", "eth1") // whom the list names is sent, up or not
	f("eth0 eth1", "eth*")
	f("", "none")
}

func TestGarbageInNetDev(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := measuring("net", "bytes_recv")
	p.Resources = []string{"eth*"}
	c := mustBuild(t, p, m.Host)
	m.links("garbage", "eth0: 1 x", "eth1: 1 1 0 0 0 0 0 0 1 1 0 0", ": 1 1 0 0 0 0 0 0 1 1 0 0")
	collectSome(t, c)
	m.links("garbage", "eth0: 1 x", "eth1: 6 1 0 0 0 0 0 0 1 1 0 0", ": 1 1 0 0 0 0 0 0 1 1 0 0")
	got, err := collectSome(t, c)
	expect(t, got, map[string]float64{"net_bytes_recv{interface=eth1}": 5})
	if err == nil || !strings.Contains(err.Error(), `3 lines make no sense, the first is "garbage"`) {
		t.Errorf("error is %v", err)
	}
}

// On the machine that runs the test the kernel is asked which interfaces are up.
func TestLoopbackIsCollectedOnlyByName(t *testing.T) {
	f := func(want bool, resources ...string) {
		t.Helper()
		c := mustBuild(t, config.Plugin{Name: "net", Resources: resources, Measurements: []config.Measurement{{Name: "bytes_recv"}}}, Host{})
		collect(t, c)
		if _, got := collect(t, c)["net_bytes_recv{interface=lo}"]; got != want {
			t.Errorf("%q: got lo %t", resources, got)
		}
	}
	f(false)
	f(true, "lo")
}
