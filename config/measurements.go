package config

import (
	"fmt"
	"slices"
	"strings"
)

// What the plugins can measure: the original's names, without the plugin's.

func cpuNames() *metricNames {
	n := &metricNames{plugin: "cpu"}
	for _, of := range []string{"time", "usage"} {
		for _, what := range []string{"active", "guest", "guest_nice", "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"} {
			n.names = append(n.names, of+"_"+what)
		}
	}
	return n
}

func diskNames() *metricNames {
	return &metricNames{plugin: "disk", names: []string{"free", "total", "used", "used_percent", "inodes_free", "inodes_total", "inodes_used"}}
}

func diskioNames() *metricNames {
	return &metricNames{plugin: "diskio", names: append([]string{"reads", "writes", "read_bytes", "write_bytes", "read_time", "write_time", "io_time",
		"iops_in_progress"}, nvmeNames()...)}
}

// nvmeNames are what diskio measures of Amazon's NVMe devices.
func nvmeNames() []string {
	return []string{
		"ebs_total_read_ops", "ebs_total_write_ops", "ebs_total_read_bytes", "ebs_total_write_bytes", "ebs_total_read_time", "ebs_total_write_time",
		"ebs_volume_performance_exceeded_iops", "ebs_volume_performance_exceeded_tp",
		"ebs_ec2_instance_performance_exceeded_iops", "ebs_ec2_instance_performance_exceeded_tp", "ebs_volume_queue_length",
		"instance_store_total_read_ops", "instance_store_total_write_ops", "instance_store_total_read_bytes", "instance_store_total_write_bytes",
		"instance_store_total_read_time", "instance_store_total_write_time",
		"instance_store_performance_exceeded_iops", "instance_store_performance_exceeded_tp", "instance_store_volume_queue_length",
	}
}

// AsksNVMe tells whether the plugin measures what only the controllers of Amazon's NVMe devices know.
func (p Plugin) AsksNVMe() bool {
	return p.Name == "diskio" && slices.ContainsFunc(p.Measurements, func(m Measurement) bool { return slices.Contains(nvmeNames(), m.Name) })
}

// LooksIntoProcesses tells whether the plugin measures what the kernel tells of a process to CAP_SYS_PTRACE, and else to its own
// user alone: which program it is, and what it reads and writes.
func (p Plugin) LooksIntoProcesses() bool {
	return p.Name == "procstat" && (p.Exe != "" && p.PidFile == "" || slices.ContainsFunc(p.Measurements, func(m Measurement) bool {
		return strings.HasPrefix(m.Name, "read_") || strings.HasPrefix(m.Name, "write_")
	}))
}

func memNames() *metricNames {
	return &metricNames{plugin: "mem", names: []string{"active", "available", "available_percent", "buffered", "cached", "free", "inactive", "shared",
		"total", "used", "used_percent"}}
}

func swapNames() *metricNames {
	return &metricNames{plugin: "swap", names: []string{"free", "used", "used_percent"}}
}

func netNames() *metricNames {
	return &metricNames{plugin: "net", names: []string{"bytes_sent", "bytes_recv", "drop_in", "drop_out", "err_in", "err_out", "packets_sent", "packets_recv"}}
}

func netstatNames() *metricNames {
	return &metricNames{plugin: "netstat", names: []string{"tcp_close", "tcp_close_wait", "tcp_closing", "tcp_established", "tcp_fin_wait1", "tcp_fin_wait2",
		"tcp_last_ack", "tcp_listen", "tcp_none", "tcp_syn_sent", "tcp_syn_recv", "tcp_time_wait", "udp_socket"}}
}

func processesNames() *metricNames {
	return &metricNames{plugin: "processes", names: []string{"blocked", "dead", "idle", "paging", "running", "sleeping", "stopped", "total", "total_threads",
		"wait", "zombies"}}
}

func loadavgNames() *metricNames {
	return &metricNames{plugin: "loadavg", names: []string{"1m", "5m", "15m"}}
}

func pressureNames() *metricNames {
	return &metricNames{plugin: "pressure", names: []string{"cpu_some", "cpu_full", "io_some", "io_full", "memory_some", "memory_full"}}
}

func filefdNames() *metricNames {
	return &metricNames{plugin: "filefd", names: []string{"allocated", "max", "used_percent"}}
}

func conntrackNames() *metricNames {
	return &metricNames{plugin: "conntrack", names: []string{"count", "max", "used_percent"}}
}

func uptimeNames() *metricNames {
	return &metricNames{plugin: "uptime", names: []string{"seconds"}}
}

func tcpNames() *metricNames {
	return &metricNames{plugin: "tcp", names: []string{"segments_sent", "segments_retransmitted", "retransmitted_percent", "listen_overflows", "listen_drops"}}
}

func oomNames() *metricNames {
	return &metricNames{plugin: "oom", names: []string{"kills"}}
}

func systemdNames() *metricNames {
	return &metricNames{plugin: "systemd", names: []string{"running", "degraded", "units_active", "units_failed", "units_inactive", "units_activating",
		"units_deactivating", "units_reloading", "unit_active", "unit_failed", "unit_restarts"}}
}

func nvidiaNames(plugin string) *metricNames {
	return &metricNames{plugin: plugin, names: []string{"utilization_gpu", "temperature_gpu", "power_draw", "utilization_memory", "fan_speed",
		"memory_total", "memory_used", "memory_free", "pcie_link_gen_current", "pcie_link_width_current",
		"encoder_stats_session_count", "encoder_stats_average_fps", "encoder_stats_average_latency",
		"clocks_current_graphics", "clocks_current_sm", "clocks_current_memory", "clocks_current_video"}}
}

func efaNames() *metricNames {
	return &metricNames{plugin: "efa", names: []string{"impaired_remote_conn_events", "rdma_read_bytes", "rdma_write_bytes", "rdma_write_recv_bytes",
		"retrans_bytes", "retrans_pkts", "retrans_timeout_events", "rx_bytes", "rx_dropped", "tx_bytes", "unresponsive_remote_events",
		// These have come with later versions of the original.
		"rdma_read_resp_bytes", "rdma_read_wr_err", "rdma_read_wrs", "rdma_write_wr_err", "rdma_write_wrs", "recv_bytes", "recv_wrs",
		"rx_pkts", "send_bytes", "send_wrs", "tx_pkts"}}
}

func procstatNames() *metricNames {
	n := &metricNames{plugin: "procstat", names: []string{"cpu_time", "cpu_usage", "involuntary_context_switches", "voluntary_context_switches",
		"memory_data", "memory_locked", "memory_rss", "memory_stack", "memory_swap", "memory_vms", "nice_priority", "realtime_priority",
		"num_fds", "num_threads", "pid", "pid_count", "read_bytes", "write_bytes", "read_count", "write_count", "signals_pending"}}
	for _, of := range []string{"guest", "guest_nice", "idle", "iowait", "irq", "nice", "soft_irq", "steal", "stolen", "system", "user"} {
		n.names = append(n.names, "cpu_time_"+of)
	}
	for _, of := range []string{"cpu_time", "file_locks", "memory_data", "memory_locked", "memory_rss", "memory_stack", "memory_vms",
		"nice_priority", "num_fds", "realtime_priority", "signals_pending"} {
		n.names = append(n.names, "rlimit_"+of+"_hard", "rlimit_"+of+"_soft")
	}
	return n
}

// Measurements lists what a plugin can measure in this version, by short name; nil for a plugin whose names are not fixed.
func Measurements(plugin string) []string {
	s := configShape().under("metrics").under("metrics_collected").under(plugin)
	if s.kind == list {
		s = s.items
	}
	if m := s.under("measurement"); m != nil {
		return m.items.measures.names
	}
	return nil
}

// short is a name as the original reads it: without blanks around it and without the plugin's name before it.
func (n *metricNames) short(written string) string {
	name := strings.TrimSpace(written)
	for _, prefix := range n.prefixes() {
		if after, ok := strings.CutPrefix(name, prefix); ok {
			return after
		}
	}
	return name
}

// prefixes are what may stand before a name; nvidia_gpu is nvidia_smi on the wire.
func (n *metricNames) prefixes() []string {
	switch n.plugin {
	case "":
		return nil
	case "nvidia_gpu", "nvidia_smi":
		return []string{"nvidia_gpu_", "nvidia_smi_"}
	}
	return []string{n.plugin + "_"}
}

// judge looks at a measurement list: empty, a name twice, a name that there is not.
func (n *metricNames) judge(r *reading, of *node) {
	if len(of.items) == 0 {
		r.warn(of.at, strings.TrimSpace(fmt.Sprintf("the list is empty: %s collects nothing", n.plugin)), "")
	}
	first := map[string]*node{}
	for _, item := range of.items {
		raw := item
		if item.kind == object {
			raw = item.child("name")
		}
		if raw == nil || raw.kind == broken || item.kind == broken {
			continue
		}
		name := n.short(raw.text)
		switch other := first[name]; {
		case name == "":
			r.refuse(raw, "must be the name of a metric, not blank", "")
		case r.untold(n.plugin, name):
			r.warn(raw.at, fmt.Sprintf("%s is not measured on %s; it is ignored", n.plugin+"_"+name, systems[r.options.system]), "")
			item.kind = broken
		case n.names != nil && !slices.Contains(n.names, name):
			r.refuse(raw, fmt.Sprintf("%s has no measurement %q", n.plugin, strings.TrimSpace(raw.text)), measurementHint(name, n.names))
		case other != nil:
			r.warn(item.at, fmt.Sprintf("%q is measured already, at %d:%d", name, other.at.Line, other.at.Column), "remove one of them")
		default:
			first[name] = item
		}
	}
}

// measurementHint is the name that was most likely meant, or all of them when none is near.
func measurementHint(name string, names []string) string {
	best, least := "", len(name)/4+2
	for _, n := range names {
		if d := distance(name, n); d < least && !opposite(name, n) {
			best, least = n, d
		}
	}
	for _, n := range names { // idle for usage_idle, percent for used_percent
		if best == "" && (n == "usage_"+name || n == "used_"+name) {
			best = n
		}
	}
	if best == "" {
		return "there are " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// opposite tells names that differ in little and mean the contrary: free_percent and used_percent.
func opposite(a, b string) bool {
	pairs := [][2]string{{"free", "used"}, {"available", "used"}, {"read", "write"}, {"reads", "writes"}, {"active", "inactive"}, {"active", "idle"}}
	x, y := strings.Split(a, "_"), strings.Split(b, "_")
	return slices.ContainsFunc(pairs, func(p [2]string) bool {
		return slices.Contains(x, p[0]) && slices.Contains(y, p[1]) || slices.Contains(x, p[1]) && slices.Contains(y, p[0])
	})
}
