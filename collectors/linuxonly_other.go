//go:build !linux

package collectors

import (
	"fmt"

	"github.com/nephoscope/nephoscope/config"
)

// onLinux is a kind of collector that reads what Linux alone has: elsewhere its configuration is judged, and it collects nothing.
func onLinux[R any](table []row[R]) func(config.Plugin, Host) (Collector, config.Problems) {
	return func(p config.Plugin, _ Host) (Collector, config.Problems) {
		_, problems := choose(p, table)
		return nil, append(problems, config.Suspicion(p.Place, fmt.Sprintf("%s collects nothing here: it reads what Linux alone has", p.Name), ""))
	}
}

var (
	buildEFA       = onLinux(efaTable)
	buildEthtool   = onLinux(ethtoolTable)
	buildNvidia    = onLinux(nvidiaTable)
	buildNetstat   = onLinux(netstatTable)
	buildProcesses = onLinux(processesTable)
	buildProcstat  = onLinux(procstatTable)
	buildLoadavg   = onLinux(loadavgTable)
	buildPressure  = onLinux(pressureTable)
	buildFilefd    = onLinux(filefdTable)
	buildConntrack = onLinux(conntrackTable)
	buildUptime    = onLinux(uptimeTable)
	buildTCP       = onLinux(tcpTable)
	buildOOM       = onLinux(oomTable)
)

// buildSystemd judges the table of the host alone: it is the one that refuses what there is not.
func buildSystemd(p config.Plugin, h Host) (Collector, config.Problems) {
	return onLinux(systemdTable)(rest(p, rowsOf(unitTable)), h)
}

// processTable is nothing here.
type processTable struct{}

func newProcessTable(Host) *processTable { return nil }
