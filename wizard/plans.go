package wizard

import "slices"

// plugin is one of metrics_collected as a plan wants it.
type plugin struct {
	name         string
	measurements []string
	everything   bool // of its resources: "*"
}

// The words of the choices that decide about metrics.
const (
	ec2, onPremises                = "EC2", "On-Premises"
	basic, standard, advanced, own = "Basic", "Standard", "Advanced", "None"
)

func cpu(measurements ...string) plugin { return plugin{name: "cpu", measurements: measurements} }

func disk(measurements ...string) plugin { return plugin{"disk", measurements, true} }

func diskio(measurements ...string) plugin { return plugin{"diskio", measurements, true} }

func mem() plugin {
	return plugin{name: "mem", measurements: []string{"mem_used_percent"}}
}

func swap() plugin {
	return plugin{name: "swap", measurements: []string{"swap_used_percent"}}
}

func network() plugin {
	return plugin{"net", []string{"bytes_sent", "bytes_recv", "packets_sent", "packets_recv"}, true}
}

func netstat() plugin {
	return plugin{name: "netstat", measurements: []string{"tcp_established", "tcp_time_wait"}}
}

func traffic() plugin {
	return diskio("write_bytes", "read_bytes", "writes", "reads")
}

func allIO() plugin {
	return diskio("io_time", "write_bytes", "read_bytes", "writes", "reads")
}

func allCPU() plugin {
	return cpu("cpu_usage_idle", "cpu_usage_iowait", "cpu_usage_steal", "cpu_usage_guest", "cpu_usage_user", "cpu_usage_system")
}

// planOf returns what a plan collects on Linux and macOS. The original leaves the CPU out of Standard and Advanced on EC2
// unless it is wanted per core; here it is there in any case.
func planOf(plan, host string) []plugin {
	onEC2 := host == ec2
	switch {
	case plan == basic && onEC2:
		return []plugin{mem(), disk("used_percent")}
	case plan == standard && onEC2:
		return []plugin{
			cpu("cpu_usage_idle", "cpu_usage_iowait", "cpu_usage_user", "cpu_usage_system"),
			disk("used_percent", "inodes_free"), diskio("io_time"), mem(), swap(),
		}
	case plan == advanced && onEC2:
		return []plugin{
			cpu("cpu_usage_idle", "cpu_usage_iowait", "cpu_usage_user", "cpu_usage_system"),
			disk("used_percent", "inodes_free"), allIO(), mem(), netstat(), swap(),
		}
	case plan == basic:
		return []plugin{cpu("cpu_usage_idle"), disk("used_percent"), traffic(), mem(), network(), swap()}
	case plan == standard:
		return []plugin{cpu("cpu_usage_idle", "cpu_usage_iowait"), disk("used_percent"), allIO(), mem(), network(), swap()}
	case plan == advanced:
		return []plugin{allCPU(), disk("used_percent"), allIO(), mem(), network(), netstat(), swap()}
	}
	return nil
}

// winMemory and what follows are named after the performance objects of Windows.
func winMemory() plugin {
	return plugin{name: "Memory", measurements: []string{"% Committed Bytes In Use"}}
}

func winDisk() plugin {
	return plugin{"LogicalDisk", []string{"% Free Space"}, true}
}

func winPaging() plugin {
	return plugin{"Paging File", []string{"% Usage"}, true}
}

func winNetwork() plugin {
	return plugin{"Network Interface", []string{"Bytes Sent/sec", "Bytes Received/sec", "Packets Sent/sec", "Packets Received/sec"}, true}
}

func winTCPv4() plugin {
	return plugin{name: "TCPv4", measurements: []string{"Connections Established"}}
}

func winTCPv6() plugin {
	return plugin{name: "TCPv6", measurements: []string{"Connections Established"}}
}

func winTraffic() plugin {
	return physicalDisk("Disk Write Bytes/sec", "Disk Read Bytes/sec", "Disk Writes/sec", "Disk Reads/sec")
}

func winAllIO() plugin {
	return physicalDisk(slices.Concat([]string{"% Disk Time"}, winTraffic().measurements)...)
}

func winProcessor() plugin {
	return processor("% Processor Time", "% User Time", "% Idle Time", "% Interrupt Time")
}

func processor(measurements ...string) plugin {
	return plugin{name: "Processor", measurements: measurements}
}

func physicalDisk(measurements ...string) plugin { return plugin{"PhysicalDisk", measurements, true} }

// windowsPlanOf returns what a plan collects on Windows.
func windowsPlanOf(plan, host string) []plugin {
	onEC2 := host == ec2
	switch {
	case plan == basic && onEC2:
		return []plugin{winMemory(), winDisk()}
	case plan == standard && onEC2:
		return []plugin{winMemory(), winDisk(), processor("% User Time", "% Idle Time", "% Interrupt Time"), physicalDisk("% Disk Time"), winPaging()}
	case plan == advanced && onEC2:
		return []plugin{winMemory(), winDisk(), processor("% User Time", "% Idle Time", "% Interrupt Time"), winAllIO(), winPaging(), winTCPv4(), winTCPv6()}
	case plan == basic:
		return []plugin{processor("% Processor Time"), winDisk(), winTraffic(), winMemory(), winNetwork(), winPaging()}
	case plan == standard:
		return []plugin{processor("% Processor Time", "% Idle Time", "% Interrupt Time"), winDisk(), winAllIO(), winMemory(), winNetwork(), winPaging()}
	case plan == advanced:
		return []plugin{winProcessor(), winDisk(), winAllIO(), winMemory(), winNetwork(), winPaging(), winTCPv4(), winTCPv6()}
	}
	return nil
}

// status is a question of the plan None, and what yes to it collects.
type status struct {
	id, what string
	plugins  []plugin
}

func ownPlan() []status {
	return []status{
		{"status.cpu", "the CPU", []plugin{allCPU()}},
		{"status.memory", "memory", []plugin{mem()}},
		{"status.disk", "disks", []plugin{disk("used_percent", "inodes_free"), allIO()}},
		{"status.network", "the network", []plugin{network(), netstat()}},
		{"status.swap", "swap", []plugin{swap()}},
	}
}

func windowsOwnPlan() []status {
	return []status{
		{"status.processor", "processors", []plugin{winProcessor()}},
		{"status.memory", "memory", []plugin{winMemory()}},
		{"status.disk", "disks", []plugin{winDisk(), winAllIO()}},
		{"status.network", "the network", []plugin{winNetwork(), winTCPv4(), winTCPv6()}},
		{"status.paging", "the paging file", []plugin{winPaging()}},
	}
}

// wanted is what the answers collect of the host.
func (v view) wanted() []plugin {
	if !v.yes("metrics") {
		return nil
	}
	plan, host, statuses := planOf, v.get("host"), ownPlan()
	if v.windows() {
		plan, statuses = windowsPlanOf, windowsOwnPlan()
	}
	if v.get("plan") != own {
		return plan(v.get("plan"), host)
	}
	var all []plugin
	for _, s := range statuses {
		if v.yes(s.id) {
			all = append(all, s.plugins...)
		}
	}
	return all
}

// section is the plugin as config.json has it.
func (p plugin) section(v view, interval int) map[string]any {
	s := map[string]any{"measurement": p.measurements}
	if interval > 0 {
		s["metrics_collection_interval"] = interval
	}
	if p.everything {
		s["resources"] = []string{"*"}
	}
	switch p.name {
	case "cpu":
		// Without per-core metrics the total is all there is; with false, as the original writes it, nothing would be collected.
		sumToo := v.get("host") != ec2 || v.get("plan") == own
		s["totalcpu"] = !v.yes("per-core") || sumToo
		if v.yes("per-core") {
			s["resources"] = []string{"*"}
		}
	case "Processor":
		s["resources"] = []string{"_Total"}
		if v.yes("per-core") {
			s["resources"] = []string{"*"}
		}
	}
	return s
}
