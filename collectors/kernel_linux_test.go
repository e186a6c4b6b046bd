package collectors

import (
	"errors"
	"strings"
	"testing"
)

func TestPressureIsTheShareOfTheTime(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, everything("pressure"), m.Host)
	is := func(cpu, io, memory string) {
		m.write("proc/pressure/cpu", cpu)
		m.write("proc/pressure/io", io)
		m.write("proc/pressure/memory", memory)
	}
	const some, full = "some avg10=1.00 avg60=0.00 avg300=0.00 total=", "full avg10=0.00 avg60=0.00 avg300=0.00 total="
	is(some+"1000000\n", some+"0\n"+full+"0\n", some+"5\n"+full+"5\n")
	wantAt(t, c, 0, map[string]string{})
	is(some+"2000000\n", some+"5000000\n"+full+"2500000\n", some+"5\n"+full+"5\n") // Linux before 5.13: no second line of the processor
	wantAt(t, c, 10, map[string]string{
		"pressure_cpu_some{}": "10", "pressure_io_some{}": "50", "pressure_io_full{}": "25", "pressure_memory_some{}": "0", "pressure_memory_full{}": "0",
	})
	is(some+"1\n", some+"99000000\n"+full+"2500000\n", some+"5\n"+full+"5\n") // one went backwards, one is more than there was time
	wantAt(t, c, 20, map[string]string{"pressure_io_some{}": "100", "pressure_io_full{}": "0", "pressure_memory_some{}": "0", "pressure_memory_full{}": "0"})
	is("garbage", "", "")
	if got, err := collectSome(t, c); err == nil || len(got) > 0 {
		t.Errorf("garbage: %v, %v", got, err)
	}
}

func TestTCPCounters(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, everything("tcp"), m.Host)
	is := func(sent, retransmitted, overflows, drops string) {
		m.write("proc/net/snmp", "Ip: A\nIp: 1\nTcp: MaxConn OutSegs New RetransSegs\nTcp: -1 "+sent+" 5 "+retransmitted+"\n")
		m.write("proc/net/netstat", "TcpExt: ListenDrops X ListenOverflows\nTcpExt: "+drops+" 1 "+overflows+"\n")
	}
	is("1000", "10", "5", "6")
	wantAt(t, c, 0, map[string]string{})
	is("1200", "13", "5", "8")
	wantAt(t, c, 1, map[string]string{
		"tcp_segments_sent{}": "200", "tcp_segments_retransmitted{}": "3", "tcp_retransmitted_percent{}": "1.5", "tcp_listen_overflows{}": "0", "tcp_listen_drops{}": "2",
	})
	is("1200", "13", "5", "8")
	wantAt(t, c, 2, map[string]string{"tcp_segments_sent{}": "0", "tcp_segments_retransmitted{}": "0", "tcp_listen_overflows{}": "0", "tcp_listen_drops{}": "0"})
	is("7", "13", "5", "8")
	wantAt(t, c, 3, map[string]string{})
}

func TestKillsForWantOfMemory(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, everything("oom"), m.Host)
	for i, step := range []struct{ count, want string }{{"3", ""}, {"5", "2"}, {"5", "0"}, {"1", ""}, {"2", "1"}} {
		m.write("proc/vmstat", "nr_free_pages 1\noom_kill "+step.count+"\n")
		want := map[string]string{}
		if step.want != "" {
			want["oom_kills{}"] = step.want
		}
		wantAt(t, c, i, want)
	}
}

func TestKernelThatDoesNotCount(t *testing.T) {
	t.Parallel()
	f := func(plugin, file, text, complaint string) (err error) {
		t.Helper()
		m := newMachine(t)
		if file != "" {
			m.write("proc/"+file, text)
		}
		got, err := collectSome(t, mustBuild(t, everything(plugin), m.Host))
		if err == nil || len(got) > 0 || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: %v, %v", plugin, got, err)
		}
		return err
	}
	// What the kernel cannot do is no failure of the agent, whose health it would be held against for good.
	lacks := func(err error) {
		t.Helper()
		if _, notice := errors.AsType[Notice](err); !notice {
			t.Errorf("this is a failure: %v", err)
		}
	}
	lacks(f("pressure", "", "", "read pressure: this kernel does not count it; it may if it is started with psi=1"))
	lacks(f("conntrack", "", "", "read tracked connections: this host tracks none: the module nf_conntrack is not loaded"))
	f("conntrack", "sys/net/netfilter/nf_conntrack_count", "7\n", "nf_conntrack_max")
	lacks(f("oom", "vmstat", "pgfault 7\n", "this kernel does not count them"))
	f("oom", "vmstat", "oom_kill many\n", "makes no sense")
	f("loadavg", "loadavg", "0.1 0.2\n", "makes no sense")
	f("uptime", "uptime", "", "makes no sense")
	f("filefd", "sys/fs/file-nr", "12\t0", "makes no sense")
	f("tcp", "net/snmp", "Tcp: OutSegs\nTcp: 5\n", "makes no sense")
	f("tcp", "net/snmp", "Tcp: OutSegs RetransSegs\nTcp: 5 x\n", "makes no sense")
}
