//go:build packages

package packagetest

import "testing"

func TestUnconfiguredServiceEndsAndSaysHowToConfigure(t *testing.T) {
	t.Parallel()
	h := install(t)
	h.run("systemctl start " + unit)
	h.until("it has ended", func() bool { return h.show("ActiveState") == "inactive" })
	if result, restarts := h.show("Result"), h.show("NRestarts"); result != "success" || restarts != "0" {
		t.Errorf("the result is %s after %s restarts", result, restarts)
	}
	said, _ := h.try("journalctl --no-pager -o cat -u " + unit + "; cat " + home + "/logs/amazon-cloudwatch-agent.log")
	if !contains(said, "wizard") {
		t.Errorf("it does not say how to configure it:\n%s", said)
	}
	h.run("systemctl enable " + unit)
	h.reboot() // nothing fails
	if state := h.show("ActiveState"); state != "inactive" {
		t.Errorf("after the reboot it is %s", state)
	}
}
