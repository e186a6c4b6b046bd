//go:build packages

package packagetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// original boots a host with a stand-in of the Amazon CloudWatch agent, which ships one log.
func original(t *testing.T) (*host, *writer) {
	t.Helper()
	dir := t.TempDir()
	built, err := exec.Command("./original.sh", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("build a stand-in of the original: %v\n%s", err, built)
	}
	h := boot(t)
	raw, err := os.ReadFile(strings.TrimSpace(string(built)))
	h.must(err)
	h.must(os.WriteFile(h.path(originalDeb), raw, 0o644))
	h.run("dpkg -i -E " + originalDeb)
	w, born := h.writes(oneLog), time.Now()
	h.write("/root/config.json", strings.Replace(fmt.Sprintf(shipsOneLog, ""), "app.log*", "app.log", 1))
	h.run(home + "/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -c file:/root/config.json -s")
	w.more(500)
	h.until("the original has sent something", func() bool { return len(h.originals()) > 0 })
	// Of a log that was made within a second of the original's last word nobody can tell whether it is the one that the original read.
	h.until("two seconds are over", func() bool { return time.Since(born) > 2*time.Second })
	sent := len(h.originals())
	w.more(100)
	h.until("the original has sent more", func() bool { return len(h.originals()) > sent })
	return h, w
}

const originalDeb = "/srv/original.deb"

// originals are the lines that the original has sent.
func (h *host) originals() []string {
	h.Helper()
	files, err := filepath.Glob(h.path("/var/tmp/original-sent/*"))
	h.must(err)
	var all []string
	for _, f := range files {
		raw, err := os.ReadFile(f)
		h.must(err)
		all = append(all, strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")...)
	}
	return all
}

func TestInstalledOverTheOriginalItGoesOnWhereThatStopped(t *testing.T) {
	t.Parallel()
	h, w := original(t)
	h.write(home+"/etc/common-config.toml", "[imds]\n  imds_retries = 2\n")
	configured := h.read(home + "/etc/amazon-cloudwatch-agent.d/file_config.json")
	said := h.installs(now)
	if strings.Contains(said, "onfiguration file") {
		t.Errorf("dpkg talks about a configuration file:\n%s", said)
	}
	h.untilRunning()
	w.more(500)
	w.arrives(logGroup, "s")
	sent := h.originals()
	if got := h.read(home + "/etc/amazon-cloudwatch-agent.d/file_config.json"); got != configured {
		t.Errorf("the configuration has become\n%s", got)
	}
	if got := h.read(home + "/etc/common-config.toml"); !strings.Contains(got, "imds_retries = 2") {
		t.Errorf("common-config.toml has become\n%s", got)
	}
	if left := strings.TrimSpace(h.run("dpkg-query -W -f '${db:Status-Abbrev}' amazon-cloudwatch-agent 2>/dev/null || true")); strings.HasPrefix(left, "ii") {
		t.Error("the original is still installed")
	}
	if enabled, _ := h.try("systemctl is-enabled " + unit); strings.TrimSpace(enabled) != "enabled" {
		t.Errorf("it is %s", enabled)
	}
	w.rotate()
	w.more(500)
	w.arrives(logGroup, "s")
	t.Logf("%d lines by the original", len(sent))
	w.stop()
	w.arrives(logGroup, "s")
	settle(w.lines(), append(sent, h.messages(logGroup, "s")...)).clean(t, false)
}

// The way back is the original's package again, or --undo before it where its package is not to be had from apt.
func TestWayBackToTheOriginalLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	f := func(name string, back ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, w := original(t)
			h.installs(now)
			h.untilRunning()
			w.more(500)
			w.arrives(logGroup, "s")
			sent := len(h.originals())
			for _, line := range back {
				t.Logf("%s:\n%s", line, h.run(line))
			}
			h.until("the original goes on", func() bool { return len(h.originals()) > sent })
			w.more(200)
			w.stop()
			last := w.lines()[len(w.lines())-1]
			h.until("the original is through", func() bool { all := h.originals(); return all[len(all)-1] == last })
			all := h.originals()
			settle(w.lines(), slices.Concat(all[:sent], h.messages(logGroup, "s"), all[sent:])).clean(t, false)
			if state := strings.TrimSpace(h.run("dpkg-query -W -f '${db:Status-Abbrev}' nephoscope || true")); strings.HasPrefix(state, "ii") {
				t.Errorf("we are %s", state)
			}
		})
	}
	start := home + "/bin/amazon-cloudwatch-agent-ctl -a start"
	f("reinstalled by apt", "apt-get install -y "+originalDeb, start)
	f("reinstalled by dpkg", "dpkg -r nephoscope", "dpkg -i -E "+originalDeb, start)
	f("by undo", "nephoscope migrate --undo --apply", "dpkg -r nephoscope", "dpkg -i -E "+originalDeb, start)
	// What an operator has changed in a configuration file, dpkg asks about.
	f("with a common-config.toml that was changed", "sed -i 's/^# *imds_retries.*/imds_retries = 2/' "+home+"/etc/common-config.toml",
		"apt-get install -y -o Dpkg::Options::=--force-confold "+originalDeb, start)
}

func TestInstalledOverAnOriginalThatIsStoppedItStaysStopped(t *testing.T) {
	t.Parallel()
	h, _ := original(t)
	h.run(home + "/bin/amazon-cloudwatch-agent-ctl -a stop")
	h.run("systemctl disable " + unit)
	// preinst tells what dpkg has stopped from what was stopped before by the times in dpkg's log, which has seconds alone.
	stopped := time.Now().Unix()
	h.until("the second is over", func() bool { return time.Now().Unix() > stopped+1 })
	h.installs(now)
	enabled, _ := h.try("systemctl is-enabled " + unit)
	if state := h.show("ActiveState"); state != "inactive" || strings.TrimSpace(enabled) != "disabled" {
		t.Errorf("it is %s and %s", state, enabled)
	}
}
