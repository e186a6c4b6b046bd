package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// fields are what an input of Telegraf sends by default and this agent measures, in the order of the original's documentation
// ("Metrics collected by the CloudWatch agent", https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/metrics-collected-by-CloudWatch-agent.html).
// The original's collectors are Telegraf's, so the names are the same: cpu_usage_idle is cpu_usage_idle.
func fields(input string) []string {
	names := map[string]string{
		"cpu":        "usage_idle usage_user usage_system usage_nice usage_iowait usage_irq usage_softirq usage_steal usage_guest usage_guest_nice",
		"mem":        "active available available_percent buffered cached free inactive shared total used used_percent",
		"disk":       "free total used used_percent inodes_free inodes_total inodes_used",
		"diskio":     "reads writes read_bytes write_bytes read_time write_time io_time iops_in_progress",
		"swap":       "free used used_percent",
		"net":        "bytes_sent bytes_recv packets_sent packets_recv err_in err_out drop_in drop_out",
		"netstat":    "tcp_close tcp_close_wait tcp_closing tcp_established tcp_fin_wait1 tcp_fin_wait2 tcp_last_ack tcp_listen tcp_none tcp_syn_sent tcp_syn_recv tcp_time_wait udp_socket",
		"processes":  "blocked dead idle paging running sleeping stopped total total_threads zombies",
		"nvidia_smi": "utilization_gpu utilization_memory temperature_gpu power_draw fan_speed memory_total memory_used memory_free pcie_link_gen_current pcie_link_width_current encoder_stats_session_count encoder_stats_average_fps encoder_stats_average_latency clocks_current_graphics clocks_current_sm clocks_current_memory clocks_current_video",
		"procstat":   "cpu_time cpu_time_iowait cpu_time_system cpu_time_user cpu_usage involuntary_context_switches memory_data memory_locked memory_rss memory_stack memory_swap memory_vms nice_priority num_fds num_threads pid pid_count read_bytes read_count realtime_priority signals_pending voluntary_context_switches write_bytes write_count",
	}
	return strings.Fields(names[input])
}

// others are fields of an input that this agent does not measure: for a note, when nothing has been selected.
func others(input string) string {
	return map[string]string{
		"mem": "commit_limit, dirty, slab, swap_total, vmalloc_total and the like", "diskio": "weighted_io_time, merged_reads and merged_writes",
		"swap": "total, in and out", "net": "the sums of /proc/net/snmp (icmp_…, tcp_…, udp_…)", "processes": "unknown and parked",
		"nvidia_smi": "fbc_stats_…, utilization_encoder, driver_version and the like",
		"procstat":   "rlimit_… (name them in measurement if they are needed), major_faults and the like",
	}[input]
}

// inputs takes over what is measured and what is read.
func (t *telegrafFiles) inputs() {
	t.plugins("inputs", func(name string, in *table) {
		switch {
		case name == "tail":
			t.tail(in)
		case len(fields(name)) == 0 && name != "statsd" && name != "ethtool":
			t.note(in.near, fmt.Sprintf("the input %q is not taken over%s", name, cmp.Or(elsewhere[name].why, ": this agent does not measure that")), elsewhere[name].hint)
		case t.metrics == nil:
			t.note(in.near, fmt.Sprintf("the input %q is not taken over: there is no output cloudwatch that it would go to", name), "")
		case !passes(t.metrics, measured(name, in)):
			t.note(in.near, fmt.Sprintf("the input %q is not taken over: namepass or namedrop of the output keeps it away from CloudWatch", name), "")
		case name == "statsd":
			t.statsd(in)
		case name == "ethtool":
			t.ethtool(in)
		default:
			t.measure(name, in)
		}
	})
}

// elsewhere is what this agent has in place of inputs that it does not take over, as it has it under other names.
var elsewhere = map[string]struct{ why, hint string }{
	"prometheus": {": exporters are scraped from a scrape configuration of Prometheus's own",
		`write one, with its urls as targets of static_configs, and name it as logs.metrics_collected.prometheus.prometheus_config_path; each series that is to become a metric takes an emf_processor.metric_declaration`},
	"system":          {": its metrics have other names here", `"loadavg" and "uptime" in metrics_collected measure the load averages and the uptime`},
	"systemd_units":   {": its metrics are others here", `"systemd" in metrics_collected measures which units are active or failed, and how many`},
	"conntrack":       {": its metrics have other names here", `"conntrack" in metrics_collected measures how many connections are tracked`},
	"linux_sysctl_fs": {": its metrics have other names here", `"filefd" in metrics_collected measures how many files are open`},
	"nstat":           {": its metrics have other names here", `"tcp" in metrics_collected measures retransmitted segments and refused connections`},
}

// measured is the name under which an input sends.
func measured(name string, in *table) string {
	if override := in.text("name_override"); override != "" {
		name = override
	}
	return in.text("name_prefix") + name + in.text("name_suffix")
}

// measure makes a plugin of metrics_collected.
func (t *telegrafFiles) measure(name string, in *table) {
	collected := t.root.within("metrics", "metrics_collected")
	section := name
	if name == "nvidia_smi" {
		section = "nvidia_gpu" // its metrics are nvidia_smi_… all the same
	}
	if name != "procstat" && collected.keys[section] != nil {
		t.note(in.near, fmt.Sprintf("is not taken over: there is one section %q, and the first counts", section), "")
		return
	}
	d := object(in.near)
	for _, field := range t.selected(name, in) {
		t.measurement(d, name, field, in)
	}
	if d.keys["measurement"] == nil {
		t.note(in.near, fmt.Sprintf("the input %q is not taken over: this agent measures none of the fields that it selects", name), "")
		return
	}
	if every, ok := t.duration(in, "interval"); ok {
		d.set("metrics_collection_interval", in.at("interval"), t.seconds(every, in.at("interval")))
	}
	t.tags(d, name, in)
	d.was = fmt.Sprintf("namespace %s: %s_… by %s", t.metrics.text("namespace"), measured(name, in), strings.Join(t.dimensionsOf(d, name, in), ", "))
	switch name {
	case "cpu":
		t.cpu(d, in)
	case "disk":
		t.disk(d, in)
	case "diskio":
		t.resources(d, in, "devices")
		t.difference(in)
	case "net":
		t.resources(d, in, "interfaces")
		t.difference(in)
	case "nvidia_smi":
		t.nvidia(in)
	case "procstat":
		if !t.procstat(d, in) {
			return
		}
		collected.add(name, in.near, d)
		return
	}
	collected.set(section, in.near, d)
}

func (t *telegrafFiles) difference(in *table) {
	t.note(in.near, "counters since boot become differences from one collection to the next, as the CloudWatch agent sends them", "dashboards that take the rate of these metrics need it no more")
}

// selected are the fields that an input sends: all, without what fieldpass and fielddrop (fieldinclude and fieldexclude since
// 1.29) keep away.
func (t *telegrafFiles) selected(name string, in *table) (all []string) {
	known := fields(name)
	if name == "cpu" {
		if in.flag("report_active", false) {
			known = append(known, "usage_active")
		}
		if in.flag("collect_cpu_time", false) {
			for _, f := range known {
				known = append(known, strings.Replace(f, "usage", "time", 1))
			}
		}
	}
	pass := slices.Concat(in.texts("fieldpass"), in.texts("fieldinclude"))
	drop := slices.Concat(in.texts("fielddrop"), in.texts("fieldexclude"))
	matches := func(patterns []string, field string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return wildcard(p, field) })
	}
	for _, field := range known {
		if (len(pass) == 0 || matches(pass, field)) && !matches(drop, field) {
			all = append(all, field)
		}
	}
	for _, p := range pass {
		if !slices.ContainsFunc(known, func(field string) bool { return wildcard(p, field) }) {
			t.note(in.at(present(in, "fieldpass", "fieldinclude")), fmt.Sprintf("the field %q is not measured by this agent", p), "")
		}
	}
	if len(pass) == 0 && others(name) != "" {
		t.note(in.near, "fields that this agent does not measure: "+others(name), "")
	}
	return all
}

// present is the first of two keys that is there.
func present(in *table, first, second string) string {
	if in.has(first) {
		return first
	}
	return second
}

// measurement adds one field, under the name that it had.
func (t *telegrafFiles) measurement(d *draft, name, field string, in *table) {
	at := in.near
	if in.has("fieldpass") || in.has("fieldinclude") {
		at = in.at(present(in, "fieldpass", "fieldinclude"))
	}
	before := measured(name, in) + "_" + field
	if name == "procstat" && in.text("prefix") != "" {
		before = name + "_" + in.text("prefix") + "_" + field
	}
	if before == name+"_"+field {
		d.add("measurement", at, field)
		return
	}
	if name == "procstat" {
		t.note(in.near, "names cannot be changed for procstat: its metrics are procstat_… here", "")
		d.add("measurement", at, field)
		return
	}
	one := object(at)
	one.set("name", at, field)
	one.set("rename", at, before)
	d.add("measurement", at, one)
}

// tags makes static dimensions of global_tags and of an input's own, which come before.
func (t *telegrafFiles) tags(d *draft, name string, in *table) {
	for _, key := range []string{"tagpass", "tagdrop", "taginclude"} {
		if in.has(key) {
			t.note(in.at(key), "is not taken over: series are selected by the options of the section alone, and dimensions not at all", "")
		}
	}
	for _, tag := range in.texts("tagexclude") {
		switch {
		case tag == "device" && name == "disk":
			d.set("drop_device", in.at("tagexclude"), true)
		case tag == "mode" && name == "disk", tag == "user" && name == "procstat": // not sent here
		case tag == "host":
			t.note(in.at("tagexclude"), "the dimension host can be left out for all metrics only", "agent.omit_hostname")
		default:
			t.note(in.at("tagexclude"), fmt.Sprintf("the dimension %q cannot be left out", tag), "")
		}
	}
	dimensions := object(in.near)
	for _, root := range t.roots {
		t.tagTable(dimensions, root.within("global_tags"))
	}
	t.tagTable(dimensions, in.within("tags"))
	if len(dimensions.keys) > 0 {
		d.set("append_dimensions", in.near, dimensions)
	}
}

func (t *telegrafFiles) tagTable(dimensions *draft, tags *table) {
	if tags == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(tags.values)) {
		if value := tags.text(key); value != "" && key != "" {
			dimensions.set(key, tags.at(key), value)
		}
	}
}

// dimensionsOf are the tags that an input's metrics had.
func (t *telegrafFiles) dimensionsOf(d *draft, name string, in *table) []string {
	all := strings.Fields("host " + map[string]string{"cpu": "cpu", "disk": "device fstype mode path", "diskio": "name", "net": "interface", "ethtool": "driver interface", "nvidia_smi": "arch compute_mode index name pstate uuid", "procstat": "process_name user"}[name])
	for _, selector := range []string{"exe", "pattern", "pid_file"} {
		if name == "procstat" && in.has(selector) {
			all = append(all, strings.ReplaceAll(selector, "_", ""))
			break
		}
	}
	if static := d.keys["append_dimensions"]; static != nil {
		all = slices.AppendSeq(all, maps.Keys(static.keys))
	}
	slices.Sort(all[1:])
	return slices.DeleteFunc(all, func(tag string) bool { return slices.Contains(in.texts("tagexclude"), tag) })
}

func (t *telegrafFiles) cpu(d *draft, in *table) {
	if in.flag("percpu", true) {
		d.add("resources", in.at("percpu"), "*")
	}
	d.set("totalcpu", in.at("totalcpu"), in.flag("totalcpu", true))
}

func (t *telegrafFiles) disk(d *draft, in *table) {
	t.resources(d, in, present(in, "mount_points", "mountpoints"))
	for _, fstype := range in.texts("ignore_fs") {
		d.add("ignore_file_system_types", in.at("ignore_fs"), fstype)
	}
	if in.has("ignore_mount_opts") {
		t.note(in.at("ignore_mount_opts"), "is not taken over: mounts are selected by path and type", "")
	}
	if !slices.Contains(in.texts("tagexclude"), "mode") {
		t.note(in.near, "the dimension mode (ro, rw) is not sent, so these are other series than before", "look at dashboards and alarms that use them")
	}
}

// resources takes over which devices, mounts or interfaces; without the key it is all, as for Telegraf.
func (t *telegrafFiles) resources(d *draft, in *table, key string) {
	for _, one := range in.texts(key) {
		d.add("resources", in.at(key), one)
	}
}

func (t *telegrafFiles) nvidia(in *table) {
	if path := in.text("bin_path"); path != "" && path != "/usr/bin/nvidia-smi" {
		t.note(in.at("bin_path"), "is not taken over: /usr/bin/nvidia-smi is what is started", "link the program there")
	}
	t.note(in.near, "the dimensions compute_mode, pstate and uuid are not sent, so these are other series than before", "look at dashboards and alarms that use them")
}

// ethtool makes a section of what drivers count. Its fields are whatever the driver has: they are selected, and never listed.
func (t *telegrafFiles) ethtool(in *table) {
	collected := t.root.within("metrics", "metrics_collected")
	if collected.keys["ethtool"] != nil {
		t.note(in.near, `is not taken over: there is one section "ethtool", and the first counts`, "")
		return
	}
	d := object(in.near)
	for _, key := range []string{"interface_include", "interface_exclude"} {
		for _, one := range in.texts(key) {
			d.add(key, in.at(key), one)
		}
	}
	for _, key := range []string{"fieldpass", "fieldinclude"} {
		for _, one := range in.texts(key) {
			d.add("metrics_include", in.at(key), one)
		}
	}
	for _, key := range []string{"fielddrop", "fieldexclude", "down_interfaces", "dump_interfaces", "namespace_include", "namespace_exclude", "normalize_keys"} {
		if in.has(key) {
			t.note(in.at(key), "is not taken over: interface_include, interface_exclude and metrics_include are what selects", "")
		}
	}
	if every, ok := t.duration(in, "interval"); ok && every != t.interval {
		t.note(in.at("interval"), "is not taken over: ethtool is collected as often as the agent says", "agent.metrics_collection_interval")
	}
	if measured("ethtool", in) != "ethtool" {
		t.note(in.near, "names cannot be changed for ethtool: its metrics are ethtool_… here", "")
	}
	t.tags(d, "ethtool", in)
	d.was = fmt.Sprintf("namespace %s: %s_… by %s", t.metrics.text("namespace"), measured("ethtool", in), strings.Join(t.dimensionsOf(d, "ethtool", in), ", "))
	collected.set("ethtool", in.near, d)
}

// procstat takes over which processes. Of several selectors the original goes by the first of these.
func (t *telegrafFiles) procstat(d *draft, in *table) bool {
	for _, key := range []string{"user", "cgroup", "systemd_unit", "systemd_units", "win_service", "supervisor_unit", "supervisor_units", "filter"} {
		if in.has(key) {
			t.note(in.at(key), "is not taken over: processes are selected by pid_file, exe or pattern", "")
		}
	}
	for _, key := range []string{"pid_file", "exe", "pattern"} {
		if v := in.text(key); v != "" {
			d.set(key, in.at(key), v)
			return true
		}
	}
	t.note(in.near, `the input "procstat" is not taken over: it selects its processes in no way that is known here`, "pid_file, exe or pattern")
	return false
}

// statsd makes a section of the receiver. What aggregates and percentiles Telegraf made of timings CloudWatch makes itself.
func (t *telegrafFiles) statsd(in *table) {
	collected := t.root.within("metrics", "metrics_collected")
	if collected.keys["statsd"] != nil {
		t.note(in.near, `is not taken over: there is one section "statsd", and the first counts`, "")
		return
	}
	d := object(in.near)
	if address := in.text("service_address"); address != "" {
		d.set("service_address", in.at("service_address"), address)
	}
	every, at := t.interval, in.near
	if own, ok := t.duration(in, "interval"); ok {
		every, at = own, in.at("interval")
	}
	d.set("metrics_collection_interval", at, t.seconds(max(every, time.Second), at))
	if separator := in.text("metric_separator"); separator != "" {
		d.set("metric_separator", in.at("metric_separator"), separator)
	}
	if n, ok := in.values["allowed_pending_messages"].(int64); ok {
		d.set("allowed_pending_messages", in.at("allowed_pending_messages"), int(min(max(n, 0), 1<<30)))
	}
	d.was = fmt.Sprintf("namespace %s: what programs send to it, with _value, _mean, _upper and the like behind each name", t.metrics.text("namespace"))
	t.note(in.near, "metrics have the names that programs give them, without _value, _mean, _upper and the like; CloudWatch makes percentiles and means of timings itself", "look at dashboards and alarms that use them")
	if p := strings.ToLower(in.text("protocol")); p != "" && !strings.HasPrefix(p, "udp") {
		t.note(in.at("protocol"), "is not taken over: packets are received by UDP alone", "")
	}
	for _, key := range []string{"templates", "percentiles", "delete_gauges", "delete_counters", "delete_sets", "delete_timings"} {
		if in.has(key) {
			t.note(in.at(key), "is not taken over", "")
		}
	}
	collected.set("statsd", in.near, d)
}
