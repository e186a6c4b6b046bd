package collectors

import (
	"github.com/nephoscope/nephoscope/cloudwatch"
)

// systemdReading is the state of the manager and how many units are in which state.
type systemdReading struct {
	state string // SystemState: running, degraded, starting, …; "": not asked
	units map[string]int
}

// systemdTable is of the whole host. The states are those that systemctl calls ACTIVE.
var systemdTable = []row[systemdReading]{
	{"degraded", cloudwatch.None, func(r *systemdReading) float64 { return truth(r.state == "degraded") }},
	{"running", cloudwatch.None, func(r *systemdReading) float64 { return truth(r.state == "running") }},
	{"units_activating", cloudwatch.Count, unitsThatAre("activating")},
	{"units_active", cloudwatch.Count, unitsThatAre("active")},
	{"units_deactivating", cloudwatch.Count, unitsThatAre("deactivating")},
	{"units_failed", cloudwatch.Count, unitsThatAre("failed")},
	{"units_inactive", cloudwatch.Count, unitsThatAre("inactive")},
	{"units_reloading", cloudwatch.Count, unitsThatAre("reloading")},
}

func unitsThatAre(state string) func(*systemdReading) float64 {
	return func(r *systemdReading) float64 { return float64(r.units[state]) }
}

// unitReading is one unit.
type unitReading struct {
	active, failed bool
	restarts       float64 // since the last Collect; NaN: there is no telling
}

// unitTable is of each unit that the configuration names.
var unitTable = []row[unitReading]{
	{"unit_active", cloudwatch.None, func(r *unitReading) float64 { return truth(r.active) }},
	{"unit_failed", cloudwatch.None, func(r *unitReading) float64 { return truth(r.failed) }},
	{"unit_restarts", cloudwatch.Count, func(r *unitReading) float64 { return r.restarts }},
}

// truth is 1 or 0.
func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
