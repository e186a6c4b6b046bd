package listeners

import (
	"net"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// BenchmarkStatsD is what a datagram costs from the kernel's buffer to its sum, beside a loop that calls recvfrom and looks
// at nothing: the floor of the same run. The datagrams are put into the buffer while the clock stands still. Here several
// come in one system call, so that the ratio may be less than 1.
func BenchmarkStatsD(b *testing.B) {
	const burst = 128 // fits into the smallest buffer that hosts give
	var sockets Sockets
	packets := make([][]byte, burst)
	for i := range packets {
		packets[i] = []byte("app.requests." + strconv.Itoa(i) + ":12.5|ms|#env:prod,service:checkout")
	}
	measure := func(drain func(*socket) int) time.Duration {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		in, err := newSocket("", conn)
		if err != nil {
			b.Fatal(err)
		}
		out, err := net.Dial("udp", conn.LocalAddr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer out.Close()
		var took time.Duration
		for received := 0; received < b.N; {
			for _, p := range packets {
				if _, err := out.Write(p); err != nil {
					b.Fatal(err)
				}
			}
			began := time.Now()
			for n := 0; n < burst; {
				n += drain(in)
			}
			took += time.Since(began)
			received += burst
		}
		return took
	}
	buffer := make([]byte, longest)
	floor := measure(func(in *socket) int {
		in.raw.Control(func(fd uintptr) {
			for range burst {
				unix.Syscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&buffer[0])), longest, unix.MSG_DONTWAIT, 0, 0)
			}
		})
		return burst
	})
	s := newStatsD(plugin(b, `"statsd": {}`), &sockets)
	ours := measure(func(in *socket) int {
		n := in.rest(in)
		s.take(in.packets(n))
		return n
	})
	if c := s.Counts(); c.Parsed != c.Received || c.Received < int64(b.N) {
		b.Fatalf("got %+v", c)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(s.Counts().Received)/ours.Seconds(), "packets/s")
	b.ReportMetric(ours.Seconds()/floor.Seconds(), "of-recvfrom")
}
