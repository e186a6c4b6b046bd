package collectors

import "testing"

func TestMemUsedIsWhatTheOriginalCallsUsed(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 200 kB\nMemAvailable: 500 kB\nBuffers: 50 kB\nCached: 250 kB\nSReclaimable: 100 kB\n")
	c := mustBuild(t, measuring("mem", "used", "used_percent", "available_percent", "cached"), m.Host)
	expect(t, collect(t, c), map[string]float64{
		"mem_used{}": 400 * 1024, "mem_used_percent{}": 40, "mem_available_percent{}": 50, "mem_cached{}": 350 * 1024,
	})
}

func TestEmptyMeminfo(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "garbage\n", "MemTotal: 0 kB\n", "MemTotal: many kB\n", "\x00\xff:\n"} {
		m := newMachine(t)
		m.write("proc/meminfo", text)
		for _, plugin := range []string{"mem", "swap"} {
			c := mustBuild(t, everything(plugin), m.Host)
			if got, err := collectSome(t, c); err == nil || len(got) > 0 {
				t.Errorf("%s of %q: %v, %v", plugin, text, got, err)
			}
		}
	}
}

func TestMeminfoThatDoesNotAddUpGivesNoUsed(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.write("proc/meminfo", "MemTotal: 100 kB\nMemFree: 90 kB\nMemAvailable: 900 kB\nCached: 50 kB\nBuffers: 0 kB\nSReclaimable: 0 kB\n")
	c := mustBuild(t, measuring("mem", "used", "used_percent", "available", "available_percent", "free"), m.Host)
	expect(t, collect(t, c), map[string]float64{"mem_free{}": 90 * 1024})
}

func TestSwap(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	c := mustBuild(t, everything("swap"), m.Host)
	m.write("proc/meminfo", "MemTotal: 1000 kB\nSwapTotal: 400 kB\nSwapFree: 300 kB\n")
	expect(t, collect(t, c), map[string]float64{"swap_free{}": 300 * 1024, "swap_used{}": 100 * 1024, "swap_used_percent{}": 25})
	m.write("proc/meminfo", "MemTotal: 1000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n")
	expect(t, collect(t, c), map[string]float64{"swap_free{}": 0, "swap_used{}": 0, "swap_used_percent{}": 0})
}
