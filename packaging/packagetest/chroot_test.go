//go:build packages

package packagetest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// baked is what the script that made the host's image said.
func (h *host) baked() string {
	h.Helper()
	raw, err := os.ReadFile(filepath.Join(h.dir, baked))
	h.must(err)
	return string(aliased.ReplaceAll(raw, nil))
}

// Debian 11 has its units in /lib, which is the same folder, and there dpkg takes ours for one that nobody else needs.
var aliased = regexp.MustCompile(`(?m)^dpkg: warning: while removing nephoscope, directory '/usr/lib/systemd(/system)?' not empty so not removed\n`)

// alarming finds what somebody who makes an image would have to look into.
var alarming = regexp.MustCompile(`(?im)^.*(error|fail|cannot|could not|no such|not found|denied|warning|not been booted|chroot).*$`)

func TestImageThatIsBakedWithoutSystemdBootsAndShips(t *testing.T) {
	t.Parallel()
	h := bake(t, fmt.Sprintf(`dpkg -i -E %s
		cat >%s/etc/amazon-cloudwatch-agent.d/file_config.json <<'END'
%s
END
		systemctl enable %s
`, now, home, fmt.Sprintf(shipsOneLog, ""), unit))
	t.Logf("baking said:\n%s", h.baked())
	if strange := alarming.FindString(h.baked()); strange != "" {
		t.Errorf("baking said %q", strange)
	}
	h.untilRunning()
	w := h.writes(oneLog)
	w.more(500)
	w.account(logGroup, "s").clean(t, false)
	if who := h.user(); who != "cwagent" {
		t.Errorf("the agent is %s", who)
	}
}

func TestEverythingThatDpkgDoesWorksWithoutSystemd(t *testing.T) {
	t.Parallel()
	h := bake(t, strings.Join([]string{
		"id cwagent 2>/dev/null && exit 1",
		"dpkg -i -E " + now, "dpkg -i -E " + newer, "dpkg -r nephoscope", "dpkg -i -E " + now, "id cwagent", "dpkg -P nephoscope",
		"ls -d /opt/aws /etc/nephoscope /var/lib/nephoscope* /etc/amazon /var/log/amazon 2>/dev/null && exit 1",
		"grep cwagent /etc/passwd /etc/group && exit 1",
		"true",
	}, "\n"))
	t.Logf("baking said:\n%s", h.baked())
	if strange := alarming.FindString(h.baked()); strange != "" {
		t.Errorf("baking said %q", strange)
	}
}
