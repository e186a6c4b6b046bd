package listeners

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// daemon is the path of collectd. Without it the test does not run, which is a failure where everything is to be run.
func daemon(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"collectd", "/usr/sbin/collectd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("NEPHOSCOPE_FULL") != "" {
		t.Fatal("NOT RUN: there is no collectd (apt-get install collectd-core)")
	}
	t.Skip("NOT RUN: there is no collectd (apt-get install collectd-core)")
	return ""
}

// The daemon itself sends to a listener of each security level, in the right way and in wrong ones.
func TestRealCollectd(t *testing.T) {
	t.Parallel()
	program := daemon(t)
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: the daemon's plugins are those of Linux here")
	}
	const (
		signs    = `SecurityLevel Sign` + "\n" + `Username "alice"` + "\n" + `Password "w0nder"`
		encrypts = `SecurityLevel Encrypt` + "\n" + `Username "alice"` + "\n" + `Password "w0nder"`
		wrongly  = `SecurityLevel Encrypt` + "\n" + `Username "alice"` + "\n" + `Password "wonder"`
		stranger = `SecurityLevel Sign` + "\n" + `Username "mallory"` + "\n" + `Password "w0nder"`
	)
	cases := []struct{ level, how, refused string }{
		{"none", "", ""}, {"none", signs, ""}, {"none", encrypts, ""}, {"none", stranger, ""},
		{"sign", "", NotSigned}, {"sign", signs, ""}, {"sign", encrypts, ""}, {"sign", stranger, UnknownUser}, {"sign", wrongly, WrongPassword},
		{"encrypt", "", NotEncrypted}, {"encrypt", signs, NotEncrypted}, {"encrypt", encrypts, ""}, {"encrypt", wrongly, WrongPassword},
	}
	var servers strings.Builder
	var all []*collectd
	for _, c := range cases {
		address := free(t)
		l := aCollectd(t, fmt.Sprintf(`"collectd_security_level": %q, "service_address": "udp://%s", "metrics_aggregation_interval": 0`, c.level, address))
		l.types, l.clock = nil, time.Now
		listening(t, l)
		all = append(all, l)
		host, port, _ := strings.Cut(address, ":")
		fmt.Fprintf(&servers, "<Server %q %q>\n%s\n</Server>\n", host, port, c.how)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "collectd.conf")
	err := os.WriteFile(config, fmt.Appendf(nil, `Hostname "web1"
Interval 1
BaseDir %q
PIDFile %q
LoadPlugin load
LoadPlugin memory
LoadPlugin interface
LoadPlugin cpu
LoadPlugin network
<Plugin network>
MaxPacketSize 1024
%s</Plugin>
`, dir, filepath.Join(dir, "pid"), servers.String()), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-f", "-C", config)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.Wait(); t.Failed() {
			t.Log(said.String())
		}
	})
	for i, c := range cases {
		l, what := all[i], fmt.Sprintf("what is sent to %q by %q", c.level, strings.ReplaceAll(c.how, "\n", " "))
		if c.refused != "" {
			until(t, l, what, func(n Counts) bool { return n.Dropped[c.refused] > 0 })
			if n := l.Counts(); n.Parsed > 0 || n.Dropped[c.refused] != n.Received {
				t.Errorf("%s: got %+v", what, n)
			}
			continue
		}
		until(t, l, what, func(n Counts) bool { return n.Received > 3 && n.Parsed > 60 })
		if n := l.Counts(); n.Malformed > 0 || len(n.Dropped) > 0 {
			t.Errorf("%s: got %+v", what, n)
		}
		data, err := l.Collect(t.Context(), time.Now())
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		var names []string
		for _, line := range told(data) {
			names = append(names, line[:strings.IndexByte(line, '}')+1])
		}
		for _, want := range []string{
			"collectd_load_shortterm{host=web1 type=load}", "collectd_load_longterm{host=web1 type=load}", "collectd_memory_value{host=web1 type=memory type_instance=used}",
			"collectd_interface_rx{host=web1 instance=lo type=if_octets}", "collectd_interface_tx{host=web1 instance=lo type=if_packets}",
		} {
			if !slices.Contains(names, want) {
				t.Errorf("%s: no %s in %q", what, want, names)
			}
		}
	}
}

// The types that are known without types.db are those of types.db.
func TestTypesAreThoseOfCollectd(t *testing.T) {
	t.Parallel()
	daemon(t)
	theirs := dataSets{}
	if err := theirs.read(usualTypes); err != nil {
		t.Fatal(err)
	}
	if len(theirs) < 300 {
		t.Errorf("%s has %d types only", usualTypes, len(theirs))
	}
	ours := knownTypes()
	for of, names := range theirs {
		for i, want := range names {
			if got := ours.name([]byte(of), i, len(names)); got != want {
				t.Errorf("%s %d: got %q, want %q", of, i, got, want)
			}
		}
	}
	for of := range ours {
		if theirs[of] == nil {
			t.Errorf("there is no type %s", of)
		}
	}
}
