//go:build packages

package packagetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// fileTree lists what is on the host with modes, owners and targets, but for what changes by itself or tells what dpkg did.
func (h *host) fileTree() []string {
	h.Helper()
	out := h.run(`cd / && find . -xdev \( -path ./proc -o -path ./sys -o -path ./tmp -o -path ./var/tmp -o -path ./root \
		-o -path ./var/cache -o -path './var/lib/dpkg' -o -path './var/lib/systemd' -o -path './var/lib/logrotate' -o -path ./var/log/journal \) -prune \
		-o -printf '%M %u:%g %p -> %l\n' | sort
		find /var/log /run -xdev \( -path '*/journal' -o -path '/run/systemd' -o -path /run/user -o -path /run/log -o -path /run/udev \) -prune \
		-o -printf '%M %u:%g %p -> %l\n' | sort
		sed 's/^/passwd /' /etc/passwd; sed 's/^/group /' /etc/group
		systemctl list-unit-files --no-legend --no-pager | awk '{print "unit", $1, $2}'`)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return slices.DeleteFunc(lines, func(l string) bool {
		for _, own := range []string{"/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-", "/etc/.pwd.lock", "/var/log/dpkg.log"} {
			if strings.Contains(l, own+" ") {
				return true
			}
		}
		// dpkg removes it when it has removed the last that was in it.
		return strings.HasSuffix(l, " ./opt -> ")
	})
}

func TestRemoveKeepsStateAndPurgeLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	h := boot(t)
	before := h.fileTree()
	h.installs(now)
	// All that our commands write, twice, so that there is something in the place of which they write.
	for range 2 {
		h.run("printf '1\\n1\\n' | " + home + "/bin/amazon-cloudwatch-agent-config-wizard")
		h.run(home + "/bin/amazon-cloudwatch-agent-ctl -a append-config -m ec2 -c file:" + home + "/bin/config.json")
		h.run(home + "/bin/amazon-cloudwatch-agent-ctl -a set-log-level -l DEBUG")
	}
	w := h.writes(oneLog)
	h.configure(fmt.Sprintf(shipsOneLog, ""))
	w.more(500)
	w.arrives(logGroup, "s")

	t.Logf("dpkg -r: %s", h.run("dpkg -r nephoscope"))
	if _, err := h.try("pgrep -f amazon-cloudwatch-agent"); err == nil {
		t.Error("it still runs")
	}
	if out, _ := h.try("find / -xdev -lname '*nephoscope' -not -path '/proc/*'"); out != "" {
		t.Errorf("links lead nowhere: %s", out)
	}
	w.rotate()
	w.more(500)
	h.installs(now) // the state is there, and goes on
	h.run(home + "/bin/amazon-cloudwatch-agent-ctl -a start")
	h.untilRunning()
	w.account(logGroup, "s").clean(t, false)

	t.Logf("dpkg -P: %s", h.run("dpkg -P nephoscope"))
	h.run("rm " + oneLog + "*")
	after := h.fileTree()
	for _, line := range after {
		if !slices.Contains(before, line) {
			t.Errorf("purge leaves %s", line)
		}
	}
	for _, line := range before {
		if !slices.Contains(after, line) {
			t.Errorf("purge has taken %s", line)
		}
	}
	if n := h.run("pgrep -c nephoscope || true"); strings.TrimSpace(n) != "0" {
		t.Error("it still runs")
	}
}

// Removed without purge, and purged later: the order of apt-get remove, then dpkg --purge.
func TestPurgeOfARemovedPackage(t *testing.T) {
	t.Parallel()
	h := boot(t)
	before := h.fileTree()
	h.installs(now)
	h.run("dpkg -r nephoscope && dpkg -P nephoscope")
	if after := h.fileTree(); !slices.Equal(after, before) {
		t.Errorf("after the purge there is\n%s\nand was\n%s", strings.Join(without(after, before), "\n"), strings.Join(without(before, after), "\n"))
	}
}

// without is what is in a and not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(line string) bool { return slices.Contains(b, line) })
}
