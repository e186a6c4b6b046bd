package listeners

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// listening runs a listener until the test ends, or stop is called.
func listening(t *testing.T, l Listener) (stop func()) {
	t.Helper()
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Listen(ctx) }()
	stopped := false
	stop = func() {
		if cancel(); stopped {
			return
		}
		stopped = true
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// free is a UDP address of this host that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().String()
}

// send sends packets from one socket.
func send(t *testing.T, network, address string, packets ...string) {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, p := range packets {
		if _, err := conn.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
}

// until waits for what a listener counts.
func until(t *testing.T, l Listener, what string, is func(Counts) bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(l.Counts()); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%s does not come: %+v", what, l.Counts())
		}
	}
}

func TestStatsDOverUDP(t *testing.T) {
	t.Parallel()
	address := free(t)
	s := aStatsD(t, `"service_address": "`+address+`"`)
	listening(t, s)
	send(t, "udp", address, "a:1|c", "a:2|c\nb:3|g\nnonsense", strings.Repeat("c:1|c\n", 10_000))
	until(t, s, "10,003 values", func(c Counts) bool { return c.Parsed == 10_003 })
	if c := s.Counts(); c.Received != 3 || c.Malformed != 1 || c.Series != 3 || len(c.Dropped) != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestStatsDOverASocketInTheFileSystem(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such sockets")
	}
	path := filepath.Join(t.TempDir(), "statsd.sock")
	left, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	s := aStatsD(t, `"service_address": "unixgram://`+path+`"`)
	if err := s.Open(); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("with one that listens there: %v", err)
	}
	left.Close() // and leaves the file behind, as a killed agent does
	stop := listening(t, s)
	send(t, "unixgram", path, "a:1|c", "b:1|c")
	until(t, s, "2 values", func(c Counts) bool { return c.Parsed == 2 })
	stop()
	s.sockets.Sweep()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Open(); err == nil {
		t.Error("a file that is no socket was replaced")
	}
}

func TestSocketThatIsReplacedByALinkOpensNothingElse(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such sockets")
	}
	secret, link := filepath.Join(t.TempDir(), "secret"), filepath.Join(t.TempDir(), "statsd.sock")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, link); err != nil {
		t.Fatal(err)
	}
	if err := openToAll(link); err == nil {
		t.Error("a link was followed")
	}
	if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}

func TestBusyAddressIsAnErrorAndTriedAgain(t *testing.T) {
	t.Parallel()
	address := free(t)
	other, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := aStatsD(t, `"service_address": "`+address+`"`)
	if err := s.Listen(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "listen on "+address+": bind: ") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
	other.Close()
	listening(t, s)
	send(t, "udp", address, "a:1|c")
	until(t, s, "a value", func(c Counts) bool { return c.Parsed == 1 })
}

// What is sent while nobody listens, because another way of summing up is being started, waits.
func TestSocketIsHandedOver(t *testing.T) {
	t.Parallel()
	address, sockets := free(t), &Sockets{}
	first := newStatsD(plugin(t, `"statsd": {"service_address": "`+address+`"}`), sockets)
	stop := listening(t, first)
	send(t, "udp", address, "a:1|c")
	until(t, first, "a value", func(c Counts) bool { return c.Parsed == 1 })
	stop()
	send(t, "udp", address, "a:2|c", "a:3|c")
	second := newStatsD(plugin(t, `"statsd": {"service_address": "`+address+`", "metric_separator": "-"}`), sockets)
	if err := second.Open(); err != nil {
		t.Fatal(err)
	}
	sockets.Sweep()
	stop = listening(t, second)
	until(t, second, "2 values", func(c Counts) bool { return c.Parsed == 2 })
	if c := first.Counts(); c.Parsed != 1 {
		t.Errorf("the first got %d", c.Parsed)
	}
	stop()
	sockets.Sweep()
	again, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatalf("a socket that nobody took over is still bound: %v", err)
	}
	again.Close()
}

// What has arrived by the time of a stop is summed up.
func TestStopReadsWhatHasArrived(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what is there without waiting")
	}
	address := free(t)
	s := aStatsD(t, `"service_address": "`+address+`"`)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range 150 {
		send(t, "udp", address, fmt.Sprintf("a:%d|c", i))
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Listen(over); err != nil {
		t.Fatal(err)
	}
	data, err := s.Collect(over, noon)
	if got, want := told(data), []string{"a{metric_type=counter} None 1m0s @11:59:00 11175×1"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// Whatever the kernel has no room for is counted: received and dropped are what was sent.
func TestWhatTheKernelDropsIsCounted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells how much it drops")
	}
	address := free(t)
	s := aStatsD(t, `"service_address": "`+address+`", "allowed_pending_messages": 10`)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	const sent = 5000
	send(t, "udp", address, slices.Repeat([]string{"a:1|c"}, sent)...)
	if n := s.Counts().Dropped[Kernel]; n < sent/2 {
		t.Errorf("%d of %d are dropped, with room for 10", n, sent)
	}
	listening(t, s)
	until(t, s, "the rest", func(c Counts) bool { return c.Received+c.Dropped[Kernel] == sent })
	send(t, "udp", address, "a:1|c")
	until(t, s, "one more", func(c Counts) bool { return c.Received+c.Dropped[Kernel] == sent+1 })
}
