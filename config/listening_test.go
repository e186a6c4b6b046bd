package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestAddressesOfStatsD(t *testing.T) {
	t.Parallel()
	f := func(address, want string) {
		t.Helper()
		c, err := Parse("c.json", fmt.Appendf(nil, `{"metrics": {"metrics_collected": {"statsd": {"service_address": %q}}}}`, address))
		said := ""
		if err != nil {
			said = err.Error()
		} else if len(c.Warnings) > 0 {
			said = fmt.Sprint(c.Warnings)
		}
		if want == "" && said != "" || !strings.Contains(said, want) {
			t.Errorf("%s: got %q, want %q", address, said, want)
		}
	}
	for _, loopback := range []string{"127.0.0.1:8125", "udp://127.0.0.1:8125/", "localhost:8125", "[::1]:8125", "udp6://[::1]:8125", "127.3.2.1:8125"} {
		f(loopback, "")
	}
	f(":8125", "listens on all interfaces")
	f("0.0.0.0:8125", "listens on all interfaces")
	f("udp6://[::]:8125", "listens on all interfaces")
	f("192.0.2.1:8125", "listens on 192.0.2.1")
	f("tcp://127.0.0.1:8125", `nothing listens by "tcp" here`)
	f("127.0.0.1:0", "a port from 1 to 65535")
	f("unixgram:///run/statsd/statsd.sock", "")
	f("unixgram://statsd.sock", "by its whole path")
	f("unixgram://@statsd", "by its whole path")
	f("unixgram:///run/", "by its whole path")
	f("unixgram:///run/"+strings.Repeat("s", 102), "")
	f("unixgram:///run/"+strings.Repeat("s", 103), "107 bytes at most")
}
