package collectors

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v3/common"
	gopsnet "github.com/shirou/gopsutil/v3/net"
)

const socketHeading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

func socketLine(i int, local, remote, state string) string {
	return fmt.Sprintf("%4d: %s %s %s 00000000:00000000 00:00000000 00000000     0        0 %d 1 0000000000000000 100 0 0 10 0\n", i, local, remote, state, 1000+i)
}

// sockets writes the five tables; what is not given is empty.
func (m machine) sockets(tables map[string]string) {
	for _, name := range []string{"tcp", "tcp6", "udp", "udp6"} {
		m.write("proc/net/"+name, socketHeading+tables[name])
	}
	m.write("proc/net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"+tables["unix"])
}

// Whatever the tables hold, the counts are those that the original makes of them through gopsutil.
func (m machine) countsAsGopsutil(t *testing.T) map[string]float64 {
	t.Helper()
	got := collect(t, mustBuild(t, everything("netstat"), m.Host))
	all, err := gopsnet.ConnectionsWithContext(m.context(t.Context()), "all")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, got, gopsutilCounts(all))
	return got
}

// gopsutilCounts is what the original sends for a list of sockets.
func gopsutilCounts(all []gopsnet.ConnectionStat) map[string]float64 {
	want := map[string]float64{}
	for _, r := range netstatTable {
		want["netstat_"+r.name+"{}"] = 0
	}
	for _, c := range all {
		switch {
		case c.Type == syscall.SOCK_DGRAM:
			want["netstat_udp_socket{}"]++
		case c.Status != "":
			want["netstat_tcp_"+strings.ToLower(c.Status)+"{}"]++
		}
	}
	return want
}

func TestSocketsAreCountedAsTheOriginalCountsThem(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	var tcp strings.Builder
	for state := 1; state <= 12; state++ {
		for i := range state {
			tcp.WriteString(socketLine(state, fmt.Sprintf("0100007F:%04X", 1000+i), fmt.Sprintf("0200007F:%04X", 2000+state), fmt.Sprintf("%02X", state)))
		}
	}
	m.sockets(map[string]string{
		"tcp": tcp.String(),
		"tcp6": socketLine(0, "00000000000000000000000000000000:1F90", "00000000000000000000000000000000:0000", "0A") +
			socketLine(1, "00000000000000000000000000000000:1F90", "00000000000000000000000000000000:0000", "0A") + // SO_REUSEPORT
			socketLine(2, "0000000000000000FFFF00000100007F:03E8", "0000000000000000FFFF00000200007F:07DA", "0A"), // one of the table of IPv4
		"udp":  socketLine(0, "00000000:0035", "00000000:0000", "07") + socketLine(1, "00000000:0035", "00000000:0000", "07") + socketLine(2, "0100007F:0035", "0100007F:9999", "01"),
		"udp6": socketLine(0, "00000000000000000000000000000000:0035", "00000000000000000000000000000000:0000", "07"),
		"unix": "0000000000000000: 00000002 00000000 00010000 0001 01 100 /run/a\n" +
			"0000000000000000: 00000003 00000000 00000000 0001 03 101 /run/a\n" + // accepted there
			"0000000000000000: 00000003 00000000 00000000 0001 03 102\n" +
			"0000000000000000: 00000003 00000000 00000000 0001 03 103\n" +
			"0000000000000000: 00000002 00000000 00000000 0002 01 104 /run/log\n" +
			"0000000000000000: 00000002 00000000 00000000 0002 01 105\n" +
			"0000000000000000: 00000002 00000000 00000000 0005 01 106 @/udev/control\n" +
			"0000000000000000: 00000002 00000000 00000000 0001 01 107 /run/with blank\n",
	})
	got := m.countsAsGopsutil(t)
	if got["netstat_tcp_listen{}"] != 11 || got["netstat_tcp_time_wait{}"] != 6 || got["netstat_tcp_none{}"] != 3 || got["netstat_udp_socket{}"] != 5 {
		t.Errorf("got %v", got)
	}
}

func TestSocketsWithoutIPv6(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("proc/net/tcp", socketHeading+socketLine(0, "0100007F:1F90", "00000000:0000", "0A"))
	expect(t, collect(t, mustBuild(t, measuring("netstat", "tcp_listen", "tcp_established"), m.Host)), map[string]float64{"netstat_tcp_listen{}": 1, "netstat_tcp_established{}": 0})
}

func TestGarbageInTheListOfSockets(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, measuring("netstat", "tcp_listen"), m.Host)
	if got, err := collectSome(t, c); err == nil || len(got) > 0 {
		t.Errorf("no list: %v, %v", got, err)
	}
	m.write("proc/net/tcp", socketHeading+"garbage\n"+socketLine(0, "0100007F:1F90", "00000000:0000", "0A"))
	if got, err := collectSome(t, c); err == nil || len(got) > 0 || !strings.Contains(err.Error(), "count sockets: read ") || !strings.Contains(err.Error(), `"garbage"`) {
		t.Errorf("garbage: %v, %v", got, err)
	}
}

func TestKernelThatMayNotBeAskedIsAskedOnce(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.sockets(map[string]string{"tcp": socketLine(0, "0100007F:1F90", "00000000:0000", "0A")})
	c := mustBuild(t, measuring("netstat", "tcp_listen"), m.Host).(*netstatCollector)
	asked := 0
	c.counter.fromFiles = false
	c.counter.kernel = func() error {
		asked++
		c.counter.tcp(socketEnds{kind: tcpListen, localPort: 1}) // what it said before it failed does not count
		return syscall.EPERM
	}
	for range 3 {
		expect(t, collect(t, c), map[string]float64{"netstat_tcp_listen{}": 1})
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	c.counter.fromFiles = false
	c.counter.kernel = func() error { return fmt.Errorf("list TCP sockets: %w", syscall.ENOBUFS) }
	if expect(t, collect(t, c), map[string]float64{"netstat_tcp_listen{}": 1}); c.counter.fromFiles {
		t.Error("what passes is not waited for")
	}
}

// listening opens sockets in a state each, so that there is something to count.
func listening(t testing.TB) {
	t.Helper()
	hold := func(c interface{ Close() error }, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	hold(l, err)
	for range 3 {
		c, err := net.Dial("tcp", l.Addr().String())
		hold(c, err)
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = accepted.Close() // the other side is in CLOSE_WAIT now, this one in FIN_WAIT2
	}
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil { // else this host has no such address
		hold(l, err)
		c, err := net.Dial("tcp6", l.Addr().String())
		hold(c, err)
	}
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	hold(u, err)
	d, err := net.ListenPacket("unixgram", filepath.Join(t.TempDir(), "d"))
	hold(d, err)
	s, err := net.Listen("unix", "@nephoscope"+filepath.Base(t.TempDir())+fmt.Sprint(os.Getpid()))
	hold(s, err)
}

// The kernel's answers and its files count alike. Other tests open sockets meanwhile, so both are looked at until they agree.
func TestKernelAndFilesCountTheSameSockets(t *testing.T) {
	listening(t)
	asked, read := mustBuild(t, everything("netstat"), Host{}).(*netstatCollector), mustBuild(t, everything("netstat"), Host{}).(*netstatCollector)
	if err := asked.counter.ask(); err != nil {
		t.Logf("this kernel is not asked: %v", err)
		return
	}
	read.counter.fromFiles = true
	var a, b map[string]float64
	for range 200 {
		a, b = collect(t, asked), collect(t, read)
		if fmt.Sprint(a) == fmt.Sprint(b) {
			break
		}
	}
	expect(t, a, b)
	if asked.counter.fromFiles {
		t.Error("the kernel was not asked")
	}
	if a["netstat_tcp_listen{}"] < 1 || a["netstat_tcp_close_wait{}"] < 3 || a["netstat_udp_socket{}"] < 2 || a["netstat_tcp_none{}"] < 1 {
		t.Errorf("got %v", a)
	}
}

func TestAnswersOfTheKernelThatAreCutShort(t *testing.T) {
	t.Parallel()
	f := func(datagram []byte) {
		t.Helper()
		if done, err := eachMessage(datagram, 1, func([]byte) { t.Error("visited") }); done || err == nil {
			t.Errorf("%v: got %t, %v", datagram, done, err)
		}
	}
	f(nil)
	f([]byte{1, 2, 3})
	f([]byte{255, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0})
	f([]byte{3, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0})
	if _, ok := endsOf(make([]byte, inetMessage-1)); ok {
		t.Error("a message that is cut short has ends")
	}
	if name := unixName([]byte{9, 0, 0, 0, '/', 'a', 'b', 'c', 0, 0, 0, 0}); string(name) != "/abc" {
		t.Errorf("name %q", name)
	}
	if name := unixName([]byte{5, 0, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 'x', 0, 'y'}); string(name) != "@x@y" {
		t.Errorf("abstract name %q", name)
	}
	if name := unixName([]byte{99, 0, 0, 0, 'a'}); name != nil {
		t.Errorf("name %q", name)
	}
}

// BenchmarkSockets counts many connections: by one question to the kernel, from its files, and as the original does through
// gopsutil. The last two are reported as multiples of the first, taken in the same run.
func BenchmarkSockets(b *testing.B) {
	const connections = 5000 // two descriptors each
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for range connections {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		a, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		defer a.Close()
	}
	build := func(fromFiles bool) *netstatCollector {
		c, _ := Build(everything("netstat"), Host{})
		c.(*netstatCollector).counter.fromFiles = fromFiles
		return c.(*netstatCollector)
	}
	asked, read := build(false), build(true)
	took := func(do func()) time.Duration {
		began := time.Now()
		do()
		return time.Since(began)
	}
	var kernel, files, gops time.Duration
	ctx := context.WithValue(b.Context(), common.EnvKey, common.EnvMap{})
	for b.Loop() {
		kernel += took(func() { _, _ = asked.Collect(ctx, noon) })
		files += took(func() { _, _ = read.Collect(ctx, noon) })
		gops += took(func() { _, _ = gopsnet.ConnectionsWithContext(ctx, "all") })
	}
	b.ReportMetric(float64(kernel.Milliseconds())/float64(b.N), "ms/kernel")
	b.ReportMetric(float64(files)/float64(kernel), "files/kernel")
	b.ReportMetric(float64(gops)/float64(kernel), "gopsutil/kernel")
}
