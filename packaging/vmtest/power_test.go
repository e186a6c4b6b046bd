//go:build vm

package vmtest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The power goes while checkpoints are written. What was not flushed is gone, wholly or in parts; the agent starts by itself
// with what is left, every line that is in the files arrives, and only what was under way comes again.
func TestPowerCutWhileCheckpointsAreWritten(t *testing.T) {
	cloud, m := newCloud(t), newMachine(t)
	var cuts []time.Time
	m.on()
	for i, c := range []struct {
		at       moment
		after    int
		survives float64 // of the sectors that were not flushed
	}{
		{written, 20, 0},
		{flushing, 30, 0.5},
		{flushed, 40, 0},
		{written, 55, 0.5},
		{flushing, 3, 0},
	} {
		m.up()
		m.agentRuns()
		run := fmt.Sprintf("run%d", i)
		m.write(run, 1e6, 100, "0.2", "dsync")
		m.arrives(cloud, run)
		a := m.state.arm(c.at, c.after, m.kill)
		select {
		case <-a.struck:
		case <-time.After(2 * time.Minute):
			t.Fatalf("the disk was never where %s", c.at)
		}
		cuts = append(cuts, time.Now())
		lost, kept := m.off(c.survives)
		t.Logf("cut %d, %v after it was switched on: %s (number %d); the disk lost %d sectors and kept %d", i+1, time.Since(m.started).Round(time.Second), c.at, c.after, lost, kept)
		m.on()
	}
	m.up()
	m.agentRuns()
	if m.state.lostSectors == 0 {
		t.Error("the disk has forgotten nothing that was not flushed: this test shows nothing")
	}
	m.write("last", 1000, 100, "0.2", "dsync")
	m.arrives(cloud, "last")
	until(t, time.Minute, "the writers to end", m.nobodyWrites)

	written, repeated := 0, 0
	for _, a := range m.settle(cloud, 2*time.Minute) {
		a.whole(t)
		a.repeatsOnlyTheLastBatchBefore(t, cuts, events(t, cloud, a.stream))
		written, repeated = written+a.written, repeated+len(a.repeats)
	}
	s := m.balances()
	if lost := s.Total.Lost; lost.Bytes() > 0 || lost.Files > 0 {
		t.Errorf("the ledger says that there were losses: %+v", lost)
	}
	if restarts := m.property("NRestarts"); restarts != "0" {
		t.Errorf("after the last boot the agent needed %s more starts", restarts)
	}
	t.Logf("EVIDENCE %d power cuts, %d sectors lost with the power and %d kept, %d lines written, %d repeated; damaged lines of state put aside: %s", len(cuts), m.state.lostSectors,
		m.state.keptSectors, written, repeated, m.sh("ls /var/lib/nephoscope | grep -c damaged || true"))
}

// Programs do not sync their logs: what the agent had shipped of them is missing from the files after the cut, and before it is
// up again they have written more than was lost. None of that is skipped, and what was on the disk all along is not sent anew.
func TestPowerCutThatTakesTheEndOfTheLogs(t *testing.T) {
	cloud, m := newCloud(t), newMachine(t)
	m.on()
	m.up()
	m.agentRuns()
	m.write("early", 3000, 1000, "0", "dsync")
	m.arrives(cloud, "early")
	until(t, 2*time.Minute, "the writers to end", m.nobodyWrites)
	began := time.Now()
	until(t, 2*time.Minute, "more than a minute to pass, after which the agent remembers a place", func() bool { return time.Since(began) > 65*time.Second })
	m.sh("sync; systemctl disable --quiet %s; sync", unit) // at the next boot the programs are up first
	m.write("shipped", 3000, 500, "0.2", "")
	m.arrives(cloud, "shipped")
	m.off(0)
	m.on()
	m.up()
	m.write("after", 6000, 1000, "0", "")
	until(t, 2*time.Minute, "the writers to end", m.nobodyWrites)
	m.sh("systemctl enable --quiet --now %s", unit)
	m.agentRuns()
	m.arrives(cloud, "after")
	lines, ghosts, repeats := 0, 0, 0
	for _, a := range m.settle(cloud, 2*time.Minute) {
		a.whole(t)
		if a.ghosts == 0 {
			t.Errorf("%s: the file has all that arrived: this test shows nothing", a.stream)
		}
		for _, r := range a.repeats {
			if strings.HasPrefix(r.line, "early 00000") {
				t.Errorf("%s: %q came again: it was on the disk long before the power went", a.stream, r.line)
				break
			}
		}
		lines, ghosts, repeats = lines+a.written, ghosts+a.ghosts, repeats+len(a.repeats)
	}
	if s := m.balances(); s.Total.Lost.Bytes() > 0 || s.Total.Lost.Files > 0 {
		t.Errorf("the ledger says that there were losses: %+v", s.Total.Lost)
	}
	t.Logf("EVIDENCE the power took %d lines that had arrived; of the %d that are in the files now all arrived, and %d of them twice", ghosts, lines, repeats)
}
