package wizard

import (
	"fmt"
	"strings"
	"testing"
)

func TestFlagsOfTheXRayDaemon(t *testing.T) {
	f := func(line, want, file string) {
		t.Helper()
		flags, path, err := readFlags(strings.Fields(line))
		var got []string
		for _, f := range flags {
			got = append(got, f.name+"="+f.value)
		}
		text := strings.Join(got, " ")
		if err != nil {
			text = err.Error()
		}
		if text != want || path != file {
			t.Errorf("%s: got %q, file %q; want %q, file %q", line, text, path, want, file)
		}
	}
	f("xray", "", "")
	f("xray -o -n eu-west-1", "local_mode=true region_override=eu-west-1", "")
	f("xray --local-mode=false --region=eu-west-1 -m 50", "local_mode=false region_override=eu-west-1 buffer_size_mb=50", "")
	f("xray -c /etc/xray.yaml -f /var/log/xray.log -l dev -b 0.0.0.0:2000", "UDP address=0.0.0.0:2000", "/etc/xray.yaml")
	f("xray --config=cfg.yaml -t :2001 -r arn:x -a arn:y -p proxy:1", "TCP address=:2001 role_arn=arn:x resource_arn=arn:y proxy_override=proxy:1", "cfg.yaml")
	f("xray -v run -n eu-west-1", "region_override=eu-west-1", "")
	f("xray -b", "read its command line: -b has no value", "")
	f("xray -n eu\x1b[31m", `read its command line: the value of "n" holds characters that no configuration may hold`, "")
	f("xray -m 2", "read its command line: 2 is no number of at least 3", "")
}

func TestEqualDaemonsAreToldApart(t *testing.T) {
	iv := &interview{Options: Options{Host: newHost(t, "daemon xray\ndaemon xray\ndaemon xray -o").Host}}
	if got := fmt.Sprint(view{interview: iv}.daemonLines()); got != "[xray xray (2) xray -o]" {
		t.Errorf("got %s", got)
	}
}

// Anybody may run a process that is called xray.
func TestDaemonWhoseFlagsAreRefusedDoesNoHarm(t *testing.T) {
	for _, line := range []string{"xray -r too-short", "xray -n \x1b[2J", "xray \x1b[2J"} {
		got := hold(t, "region eu-west-1\ndaemon "+line, nil, func(o *Options) { o.Answers = map[string]string{"traces": yes} })
		if got.err != nil || !got.result.Valid() || strings.Contains(got.transcript, "\x1b") {
			t.Errorf("%q: got %v, %v\n%q", line, got.err, got.result.Problems, got.transcript)
		}
		accepted(t, got.config)
	}
}
