//go:build packages

package packagetest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A log that is readable for the group adm alone is read whoever the agent is.
func TestAgentIsWhoItIsToldToBe(t *testing.T) {
	t.Parallel()
	h := install(t)
	w := h.writes(oneLog)
	for _, c := range []struct{ setting, want string }{
		{"", "cwagent"},
		{`, "run_as_user": "root"`, "root"},
		{`, "run_as_user": "ubuntu"`, "ubuntu"},
		{`, "run_as_user": "cwagent"`, "cwagent"},
	} {
		h.configure(fmt.Sprintf(shipsOneLog, c.setting))
		h.until("the agent is "+c.want, func() bool { return h.pid() != 0 && h.user() == c.want })
		w.more(200)
		w.arrives(logGroup, "s")
		if others := strings.TrimSpace(h.run("ps -e -o pid=,user=,args= | grep [a]mazon-cloudwatch-agent")); strings.Count(others, "\n") > 0 {
			t.Errorf("there is more than one process of it:\n%s", others)
		}
		if c.want != "root" {
			status := h.run(fmt.Sprintf("cat /proc/%d/status", h.pid()))
			// CAP_DAC_READ_SEARCH is the third.
			if got := field(status, "CapEff"); got != "0000000000000004" {
				t.Errorf("as %s its capabilities are %s", c.want, got)
			}
		}
	}
	w.account(logGroup, "s").clean(t, false)
}

// field is a line of /proc/PID/status.
func field(status, name string) string {
	for line := range strings.Lines(status) {
		if rest, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// What the original's unit says of its surroundings is how it is started, and nothing else.
const originalsUnit = `[Unit]
After=network.target
[Service]
Type=simple
ExecStart=/opt/aws/amazon-cloudwatch-agent/bin/start-amazon-cloudwatch-agent
KillMode=process
Restart=on-failure
RestartSec=60s
[Install]
WantedBy=multi-user.target
`

func TestServiceIsConfined(t *testing.T) {
	t.Parallel()
	h := install(t)
	h.write("/etc/systemd/system/like-the-original.service", originalsUnit)
	h.run("systemctl daemon-reload")
	score := func(name string) (string, float64) {
		h.Helper()
		out := h.run("systemd-analyze security --no-pager " + name)
		found := regexp.MustCompile(`exposure level for \S+ ([0-9.]+) (\w+)`).FindStringSubmatch(out)
		if found == nil {
			h.Fatalf("systemd-analyze said\n%s", out)
		}
		n, err := strconv.ParseFloat(strings.Replace(found[1], ":", "", 1), 64)
		h.must(err)
		return found[1] + " " + found[2], n
	}
	ours, n := score(unit)
	theirs, _ := score("like-the-original.service")
	figure(t, "systemd-analyze security: our unit %s, one with the original's directives %s", ours, theirs)
	if n >= 5 {
		t.Errorf("systemd-analyze security gives %s", ours)
	}
	if said := strings.TrimSpace(h.run("systemd-analyze verify --man=no " + unit + " 2>&1")); said != "" {
		t.Errorf("systemd-analyze verify: %s", said)
	}
}
