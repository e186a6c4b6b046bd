package collectors

import "testing"

// Times of /proc/stat are hundredths of a second: user nice system idle iowait irq softirq steal guest guest_nice.

func TestCPUSharesExcludeGuests(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, measuring("cpu", "usage_user", "usage_nice", "usage_guest", "usage_guest_nice", "usage_idle", "usage_active", "time_user"), m.Host)
	m.write("proc/stat", "cpu  1000 100 0 9000 0 0 0 0 500 50\n")
	expect(t, collect(t, c), map[string]float64{"cpu_time_user{cpu=cpu-total}": 10})
	m.write("proc/stat", "cpu  1500 200 0 9400 0 0 0 0 600 70\n")
	expect(t, collect(t, c), map[string]float64{
		"cpu_time_user{cpu=cpu-total}":        15,
		"cpu_usage_user{cpu=cpu-total}":       40,
		"cpu_usage_guest{cpu=cpu-total}":      10,
		"cpu_usage_nice{cpu=cpu-total}":       8,
		"cpu_usage_guest_nice{cpu=cpu-total}": 2,
		"cpu_usage_idle{cpu=cpu-total}":       40,
		"cpu_usage_active{cpu=cpu-total}":     60,
	})
}

func TestCPUCounterGoingBackwardsGivesNoDatum(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, measuring("cpu", "usage_user", "usage_idle"), m.Host)
	m.write("proc/stat", "cpu  1000 0 0 9000 0 0 0 0 0 0\n")
	collect(t, c)
	m.write("proc/stat", "cpu  900 0 0 9900 0 0 0 0 0 0\n")
	expect(t, collect(t, c), nil)
	m.write("proc/stat", "cpu  950 0 0 9950 0 0 0 0 0 0\n")
	expect(t, collect(t, c), map[string]float64{"cpu_usage_user{cpu=cpu-total}": 50, "cpu_usage_idle{cpu=cpu-total}": 50})
}

func TestCPUIOWaitGivenBackToIdle(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, measuring("cpu", "usage_user", "usage_idle", "usage_iowait", "usage_active"), m.Host)
	m.write("proc/stat", "cpu  1000 0 0 9000 500 0 0 0 0 0\n")
	collect(t, c)
	m.write("proc/stat", "cpu  1050 0 0 9150 400 0 0 0 0 0\n")
	expect(t, collect(t, c), map[string]float64{
		"cpu_usage_user{cpu=cpu-total}": 50, "cpu_usage_idle{cpu=cpu-total}": 50, "cpu_usage_active{cpu=cpu-total}": 50,
	})
	m.write("proc/stat", "cpu  1100 0 0 9100 500 0 0 0 0 0\n") // and taken again
	expect(t, collect(t, c), map[string]float64{"cpu_usage_user{cpu=cpu-total}": 50, "cpu_usage_iowait{cpu=cpu-total}": 50})
}

func TestCPUCoreGoesOfflineAndReturns(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := measuring("cpu", "usage_user", "time_user")
	p.Resources, p.TotalCPU = []string{"*"}, false
	c := mustBuild(t, p, m.Host)
	m.write("proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 100 0 0 100 0 0 0 0 0 0\ncpu1 100 0 0 100 0 0 0 0 0 0\n")
	expect(t, collect(t, c), map[string]float64{"cpu_time_user{cpu=cpu0}": 1, "cpu_time_user{cpu=cpu1}": 1})
	m.write("proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 200 0 0 100 0 0 0 0 0 0\n")
	expect(t, collect(t, c), map[string]float64{"cpu_time_user{cpu=cpu0}": 2, "cpu_usage_user{cpu=cpu0}": 100})
	m.write("proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 200 0 0 200 0 0 0 0 0 0\ncpu1 300 0 0 100 0 0 0 0 0 0\n")
	expect(t, collect(t, c), map[string]float64{
		"cpu_time_user{cpu=cpu0}": 2, "cpu_usage_user{cpu=cpu0}": 0, "cpu_time_user{cpu=cpu1}": 3,
	})
	m.write("proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 300 0 0 300 0 0 0 0 0 0\ncpu1 400 0 0 400 0 0 0 0 0 0\n")
	expect(t, collect(t, c), map[string]float64{
		"cpu_time_user{cpu=cpu0}": 3, "cpu_usage_user{cpu=cpu0}": 50, "cpu_time_user{cpu=cpu1}": 4, "cpu_usage_user{cpu=cpu1}": 25,
	})
}

func TestCPUTwoLooksWithinOneTick(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, measuring("cpu", "usage_user", "usage_idle"), m.Host)
	m.write("proc/stat", "cpu  1000 0 0 9000 0 0 0 0 0 0\n")
	collect(t, c)
	expect(t, collect(t, c), nil)
}

func TestCPUWithoutStat(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, everything("cpu"), m.Host)
	if got, err := collectSome(t, c); err == nil || len(got) > 0 {
		t.Errorf("no stat file: %v, %v", got, err)
	}
	m.write("proc/stat", "cpu  1 2 three 4\ngarbage\n\x00\xff\n")
	if got, err := collectSome(t, c); err == nil || len(got) > 0 {
		t.Errorf("garbage: %v, %v", got, err)
	}
	m.write("proc/stat", "cpu  100 0 0 0 0 0 0 0 0 0\ncpu0 100 0 0 0 0 0 0 0 0 0\n") // and it recovers
	if got := collect(t, c); len(got) != 22 {
		t.Errorf("%d times, want 11 of the total and 11 of the core", len(got))
	}
}

func TestCPUWithoutTotalAndCoresHasNothingToCollect(t *testing.T) {
	p := measuring("cpu", "usage_idle")
	p.TotalCPU = false
	if c, problems := Build(p, Host{}); c != nil || len(problems) != 0 {
		t.Errorf("got %v, %v", c, problems)
	}
	p.Resources = []string{"*"}
	if c, problems := Build(p, Host{}); c == nil || len(problems) != 0 {
		t.Errorf("with cores: %v, %v", c, problems)
	}
}
