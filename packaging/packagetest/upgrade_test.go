//go:build packages

package packagetest

import (
	"fmt"
	"strings"
	"testing"
)

func TestUpgradeUnderLoadLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	h := install(t)
	w := h.writes(oneLog)
	h.configure(fmt.Sprintf(shipsOneLog, ""))
	h.write(home+"/etc/common-config.toml", "[imds]\n  imds_retries = 2\n")
	w.more(1000)
	w.arrives(logGroup, "s")
	kept := func() string { return h.run("cd " + home + "/etc; find . -type f | sort | xargs sha256sum") }
	before, was := kept(), h.pid()
	for _, to := range []string{newer, now, newer} { // downgrades are upgrades as well
		if said := h.installs(to); strings.Contains(said, "onfiguration file") {
			t.Errorf("dpkg talks about a configuration file:\n%s", said)
		}
		h.untilRunning()
		w.rotate()
		w.more(1000)
		w.arrives(logGroup, "s")
	}
	if h.pid() == was {
		t.Error("it is still the old agent")
	}
	if got := h.run("dpkg-query -W -f '${Version}' nephoscope"); !strings.HasSuffix(got, "newer") {
		t.Errorf("the version is %s", got)
	}
	if got, want := strings.TrimSpace(h.read(home+"/bin/CWAGENT_VERSION")), h.run("dpkg-query -W -f '${Version}' nephoscope"); got != want {
		t.Errorf("CWAGENT_VERSION is %s, the package %s", got, want)
	}
	if after := kept(); after != before {
		t.Errorf("what was configured has changed:\n%s\nfrom\n%s", after, before)
	}
	w.account(logGroup, "s").clean(t, false)
}

// Whether it runs, and whether it will after a boot, is the operator's decision.
func TestUpgradeLeavesAStoppedServiceStoppedAndADisabledOneDisabled(t *testing.T) {
	t.Parallel()
	h := install(t)
	state := func() string {
		enabled, _ := h.try("systemctl is-enabled " + unit)
		return h.show("ActiveState") + " " + strings.TrimSpace(enabled)
	}
	f := func(script, want string) {
		h.Helper()
		h.run(script)
		if got := state(); got != want {
			t.Fatalf("after %q it is %s, want %s", script, got, want)
		}
		h.installs(newer)
		if got := state(); got != want {
			t.Errorf("after an upgrade it is %s, was %s", got, want)
		}
		h.installs(now)
		if got := state(); got != want {
			t.Errorf("after a downgrade it is %s, was %s", got, want)
		}
	}
	f("true", "inactive disabled")
	h.configure(fmt.Sprintf(shipsOneLog, ""))
	f("systemctl enable "+unit, "active enabled")
	f("systemctl disable "+unit, "active disabled")
	f("systemctl stop "+unit, "inactive disabled")
	f("systemctl enable "+unit, "inactive enabled")
}
