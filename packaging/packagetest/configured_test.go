//go:build packages

package packagetest

import (
	"fmt"
	"strings"
	"testing"
)

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

func TestReloadTakesUpWhatIsNewAndRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := install(t)
	w := h.writes(oneLog)
	h.configure(fmt.Sprintf(shipsOneLog, ""))
	w.arrives(logGroup, "s")
	was := h.pid()
	const second = home + "/etc/amazon-cloudwatch-agent.d/file_second.json"
	h.write("/var/log/second.log", "a line of the second log\n")
	h.write(second, `{"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/var/log/second.log", "log_group_name": "app", "log_stream_name": "second"}]}}}}`)
	h.run("systemctl reload " + unit)
	h.arrived(logGroup, "second", "a line of the second log")
	if got := h.run("stat -c %U /var/lib/nephoscope /var/lib/nephoscope/*"); strings.Contains(got, "root") {
		t.Errorf("after a reload the state is no longer the agent's:\n%s", got)
	}
	h.write(second, `{"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/var/log/second.log"`)
	out, err := h.try("systemctl reload " + unit)
	if err == nil {
		t.Error("a configuration that ends in the middle was reloaded")
	}
	said := out + h.run("journalctl --no-pager -o cat -n 20 -u "+unit)
	if !strings.Contains(said, "file_second.json") {
		t.Errorf("it does not say which:\n%s", said)
	}
	if now := h.pid(); now != was {
		t.Errorf("the agent is another: %d was %d", now, was)
	}
	w.account(logGroup, "s").clean(t, false)
}
