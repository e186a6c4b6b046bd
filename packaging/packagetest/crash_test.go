//go:build packages

package packagetest

import (
	"fmt"
	"strconv"
	"testing"
)

func TestKillNineUnderLoadIsRestartedAndLosesNothing(t *testing.T) {
	t.Parallel()
	h := install(t)
	w := h.writes(oneLog)
	h.configure(fmt.Sprintf(shipsOneLog, ""))
	for range 2 {
		w.more(1000)
		w.arrives(logGroup, "s")
		before := h.pid()
		h.run(fmt.Sprintf("kill -9 %d", before))
		w.rotate()
		h.until("systemd has started it again", func() bool { now := h.pid(); return now != 0 && now != before })
	}
	w.more(1000)
	w.account(logGroup, "s").clean(t, true)
	if n, err := strconv.Atoi(h.show("NRestarts")); err != nil || n < 2 {
		t.Errorf("systemd has restarted it %d times (%v), want 2", n, err)
	}
}

func TestWedgedAgentIsRestartedByTheWatchdog(t *testing.T) {
	t.Parallel()
	h := install(t)
	w := h.writes(oneLog)
	h.configure(fmt.Sprintf(shipsOneLog, ""))
	w.arrives(logGroup, "s")
	before := h.pid()
	h.run(fmt.Sprintf("kill -STOP %d", before))
	h.until("systemd has started it again", func() bool { now := h.pid(); return now != 0 && now != before })
	if said := h.run("journalctl --no-pager -o cat -u " + unit); !contains(said, "atchdog timeout") {
		t.Errorf("it was not the watchdog:\n%s", said)
	}
	w.account(logGroup, "s").clean(t, true)
}
