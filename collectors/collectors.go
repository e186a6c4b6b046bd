// Package collectors is what the host says: one file per collector, each a table of measurements over one reading.
//
// Names, units, dimensions and formulas are the original agent's, so that dashboards and alarms made for it keep working;
// docs/metrics.md lists them. Reading is split from parsing, and what a collector cannot say truly it does not say at all:
// a counter that went backwards gives no datum, and neither does the first look at anything that is a difference.
package collectors

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// Collector is one plugin of metrics_collected at work. Data returned together with an error still count.
//
// Differences are taken between one Collect and the next, so a collector belongs to one goroutine at a time. The dimension
// lists of its data are shared between data and must not be written to; the slice itself is good until the next Collect.
type Collector interface {
	Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error)
}

// Adviser is a collector that knows of a trap on this host. It is asked once, at start, and may be asked while the
// collector collects.
type Adviser interface {
	Advise(ctx context.Context) []config.Problem
}

// Notice is an error of Collect that is no failure: what the collector looks for is not there, and that is what it says.
type Notice struct{ Text string }

func (n Notice) Error() string { return n.Text }

// Row is one measurement that a plugin has: its short name and the unit it has unless the configuration says otherwise.
type Row struct {
	Name string
	Unit cloudwatch.Unit
}

// kind is one sort of collector.
type kind struct {
	name  string
	rows  []Row
	build func(config.Plugin, Host) (Collector, config.Problems)
}

func kinds() []kind {
	return []kind{
		{"conntrack", rowsOf(conntrackTable), buildConntrack},
		{"cpu", rowsOf(cpuTable), buildCPU},
		{"disk", rowsOf(diskTable), buildDisk},
		{"diskio", slices.Concat(rowsOf(diskioTable), rowsOf(ebsTable), rowsOf(storeTable)), buildDiskIO},
		{"efa", rowsOf(efaTable), buildEFA},
		{"ethtool", rowsOf(ethtoolTable), buildEthtool},
		{"filefd", rowsOf(filefdTable), buildFilefd},
		{"loadavg", rowsOf(loadavgTable), buildLoadavg},
		{"mem", rowsOf(memTable), buildMem},
		{"net", rowsOf(netTable), buildNet},
		{"netstat", rowsOf(netstatTable), buildNetstat},
		{"nvidia_gpu", rowsOf(nvidiaTable), buildNvidia},
		{"oom", rowsOf(oomTable), buildOOM},
		{"pressure", rowsOf(pressureTable), buildPressure},
		{"processes", rowsOf(processesTable), buildProcesses},
		{"procstat", rowsOf(procstatTable), buildProcstat},
		{"swap", rowsOf(swapTable), buildSwap},
		{"systemd", slices.Concat(rowsOf(systemdTable), rowsOf(unitTable)), buildSystemd},
		{"tcp", rowsOf(tcpTable), buildTCP},
		{"uptime", rowsOf(uptimeTable), buildUptime},
	}
}

// Names lists the plugins there are, sorted.
func Names() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// Measurements lists what a plugin can measure, in the order of its table; nil for a plugin that does not exist.
func Measurements(plugin string) []Row {
	for _, k := range kinds() {
		if k.name == plugin {
			return k.rows
		}
	}
	return nil
}

// Build makes the collector of a plugin and reads nothing from the host. The problems may be warnings and mistakes; a nil
// Collector without a mistake has nothing to collect.
func Build(p config.Plugin, h Host) (Collector, config.Problems) {
	for _, k := range kinds() {
		if k.name == p.Name {
			return k.build(p, h)
		}
	}
	return nil, config.Problems{config.Mistake(p.Place, fmt.Sprintf("there is no collector %q", p.Name), "there are "+strings.Join(Names(), ", "))}
}

// short takes the plugin's name off a measurement's long name: mem_used and used are the same.
func short(plugin, name string) string {
	name = strings.TrimSpace(name)
	if plugin == "nvidia_gpu" { // which is nvidia_smi on the wire
		name = strings.TrimPrefix(name, "nvidia_smi_")
	}
	return strings.TrimPrefix(name, plugin+"_")
}
