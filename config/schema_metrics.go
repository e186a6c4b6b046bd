package config

// metricsShape is "metrics".
func metricsShape() *shape {
	s := strictly(
		key{name: "namespace", shape: str(1, 255), preset: "CWAgent", says: "the namespace of all metrics"},
		key{name: "metrics_collected", shape: pluginsShape(), needed: "it says which metrics to collect", says: "the plugins that collect, by name"},
		key{name: "append_dimensions", shape: mapOf(str(1, 1024), 30).judged((*reading).ec2Dimensions, ""), absent: "none",
			says: "EC2 dimensions on every metric. Exactly these four pairs do something, in any selection: `\"ImageId\": \"${aws:ImageId}\"`, `\"InstanceId\": \"${aws:InstanceId}\"`, `\"InstanceType\": \"${aws:InstanceType}\"`, `\"AutoScalingGroupName\": \"${aws:AutoScalingGroupName}\"`. Others are ignored with a warning. **Its mere presence, even empty, removes the dimension `host`**"},
		key{name: "aggregation_dimensions", shape: listOf(listOf(str(1, 1024), 0, 30).unique(), 1, 1024).unique(), absent: "none",
			says: "for each list, every metric that has all of these dimensions and more is sent a second time with just them; `[]` is a roll-up without dimensions. Order in a list means nothing"},
		key{name: "force_flush_interval", shape: interval(), preset: 60, says: "how often metrics are sent"},
		key{name: "endpoint_override", shape: str(4, 2048), absent: "none", says: "where to send them"},
		key{name: "credentials", shape: credentialsShape("the role for metrics", "the agent's")},
		key{name: "metrics_destinations", shape: destinationsShape()},
		key{name: "service.name", shape: str(1, 4096), absent: "the agent's", state: later, says: "the service that metrics are of"},
		key{name: "deployment.environment", shape: str(1, 4096), absent: "the agent's", state: later, says: "the environment that metrics are of"},
	).joined()
	s.judge = (*reading).volumeAlone
	return s
}

func destinationsShape() *shape {
	return strictly(
		key{name: "cloudwatch", shape: anything(), says: "metrics go to CloudWatch, which they do anyhow"},
		key{name: "amp", shape: strictly(key{name: "workspace_id", shape: str(1, 255), needed: "it says which workspace", says: "the workspace"}),
			state: later, why: "metrics go to CloudWatch only", says: "metrics go to a workspace of Amazon Managed Service for Prometheus"},
		key{name: "otlp", shape: strictly(key{name: "endpoint", shape: str(1, 2048), absent: "the original's choice", says: "the endpoint"}),
			state: later, why: "metrics go to CloudWatch only", says: "metrics go to an OTLP endpoint"},
	).atLeast(1, "leave it out: metrics go to CloudWatch")
}

// pluginsShape is "metrics_collected". A name that is not known has to have the basic form of a plugin all the same.
func pluginsShape() *shape {
	resources := func() *shape { return listOf(str(1, 4096), 0, 256) }
	s := openly(
		plugin("cpu", cpuNames(), done,
			key{name: "resources", shape: listOf(oneOf("*").hinting("cpu measures all cores or none"), 0, 1), absent: "none",
				says: "`[\"*\"]`: every core by itself. **With `totalcpu` false and no `resources` nothing is collected**; you are warned"},
			key{name: "totalcpu", shape: toggle(), preset: true, says: "the sum of all cores, with the dimension `cpu` = `cpu-total`"},
		),
		plugin("disk", diskNames(), done,
			key{name: "resources", shape: resources(), absent: "all", says: "which mount points; `*` is all"},
			key{name: "ignore_file_system_types", shape: resources(), absent: "none",
				says: "leaves out mounts of these types. Without it snap, tmpfs and overlay mounts are metrics, and cost like metrics"},
			key{name: "drop_device", shape: toggle(), preset: false, says: "no dimension `device`"},
			key{name: "ignore_pseudo_file_systems", shape: toggle(), preset: false, ours: true,
				says: "leaves out mounts that no disk stands behind (tmpfs, overlay, squashfs, …). The original ignores the key"},
		),
		plugin("diskio", diskioNames(), done, key{name: "resources", shape: resources(), absent: "all", says: "which devices, by name; patterns"}),
		plugin("mem", memNames(), done),
		plugin("swap", swapNames(), done),
		plugin("net", netNames(), done, key{name: "resources", shape: resources(), absent: "those that are up, but not loopback", says: "which interfaces, by name; patterns"}),
		plugin("netstat", netstatNames(), done),
		plugin("processes", processesNames(), done),
		ours(plugin("loadavg", loadavgNames(), done), "load averages"),
		ours(plugin("pressure", pressureNames(), done), "for how much of the time tasks waited for processors, memory or disks (PSI)"),
		ours(plugin("filefd", filefdNames(), done), "open files of the whole host"),
		ours(plugin("conntrack", conntrackNames(), done), "connections that netfilter tracks"),
		ours(plugin("uptime", uptimeNames(), done), "how long the host has been up"),
		ours(plugin("tcp", tcpNames(), done), "retransmitted segments, and connections that no program accepted in time"),
		ours(plugin("oom", oomNames(), done), "processes that were killed for want of memory"),
		ours(plugin("systemd", systemdNames(), done,
			key{name: "resources", shape: resources(), absent: "none",
				says: "which units have `unit_…`, by name or by pattern, such as `nginx.service` or `app@*.service`; `*` is all that are loaded"},
		), "the state of systemd, and of its units"),
		plugin("nvidia_gpu", nvidiaNames("nvidia_gpu"), done),
		plugin("load", nil, later),
		key{name: "nvidia_smi", shape: nvidiaSMIShape(), says: "another name of `nvidia_gpu`: the original's schema has this one, and its code the other. Ignored beside it"},
		key{name: "efa", shape: efaShape(), says: "Elastic Fabric Adapters"},
		key{name: "procstat", shape: procstatList(), says: "processes, by pid file, name or command line"},
		key{name: "ethtool", shape: ethtoolShape(), says: "what drivers of network interfaces count"},
		key{name: "dpdk", shape: dpdkShape(), state: later, says: "what DPDK applications count"},
		key{name: "statsd", shape: statsdShape(), says: "listens for StatsD"},
		key{name: "collectd", shape: collectdShape(), says: "listens for collectd"},
		key{name: "prometheus", shape: prometheusShape(), state: later, says: "scrapes Prometheus exporters, for `amp`"},
		key{name: "jmx", shape: oneOrMany(jmxShape()), state: later, says: "Java processes, over JMX"},
		key{name: "otlp", shape: oneOrMany(otlpShape()), state: later, says: "listens for OTLP metrics"},
	)
	for _, name := range []string{"Processor", "LogicalDisk", "PhysicalDisk", "Memory", "Network Interface", "Paging File", "System",
		"TCPv4", "TCPv6", "UDPv4", "UDPv6"} {
		k := plugin(name, nil, foreign, key{name: "resources", shape: anything(), shared: true, says: "which instances"})
		s.keys = append(s.keys, k)
	}
	s.keys = append(s.keys, key{name: "win_services", shape: winServicesShape(), state: foreign})
	s.others = openly(basicKeys("", nil)...)
	s.stranger = strangePlugin
	s.judge = (*reading).oneNvidia
	return s.atLeast(1, `name at least one plugin, such as "mem": {"measurement": ["used_percent"]}`).joined()
}

// plugin is a plugin of the basic form.
func plugin(name string, names *metricNames, s state, own ...key) key {
	shape := openly(append(basicKeys(name, names), own...)...)
	shape.stranger = func(r *reading, m member) { r.strangeOption(name, shape, m) }
	if name == "cpu" {
		shape.judge = (*reading).cpu
	}
	return key{name: name, shape: shape, state: s}
}

// ours marks a plugin that the original does not have; it tolerates the name.
func ours(k key, says string) key {
	k.ours, k.says = true, says
	return k
}

// basicKeys are what every plugin of the basic form has.
func basicKeys(name string, names *metricNames) []key {
	return []key{
		measurementKey(name, names),
		{name: "metrics_collection_interval", shape: interval(), absent: "the agent's", shared: true, says: "how often this plugin collects"},
		{name: "append_dimensions", shape: staticDimensionsShape(), absent: "none", shared: true,
			says: "fixed dimensions of this plugin. A value may be one of the four `${aws:…}` above. `aws:StorageResolution` and `aws:AggregationInterval` are reserved and ignored"},
		{name: "drop_original_metrics", shape: anything().judged((*reading).dropOriginal, ""), absent: "none", shared: true,
			says: "a list of names, short or long, or `[\"*\"]` for all: of these only the roll-ups of `aggregation_dimensions` are sent"},
		{name: "report_deltas", shape: anything(), state: idle, why: "counters are always reported as differences", shared: true, says: "differences instead of totals"},
	}
}

func staticDimensionsShape() *shape {
	return mapOf(str(1, 1024), 30).judged((*reading).staticDimensions, "")
}

func measurementKey(name string, names *metricNames) key {
	if names == nil {
		names = &metricNames{plugin: name}
	}
	item := names.shape()
	item.or = openly(
		key{name: "name", shape: names.shape(), needed: "it says which metric", says: "short or long: `used_percent` and `mem_used_percent` are the same for `mem`; blanks around it are dropped. On the wire it is `<plugin>_<short name>`"},
		key{name: "rename", shape: str(1, 255), absent: "none", says: "replaces the whole name on the wire"},
		key{name: "unit", shape: str(1, 256), absent: "the metric's own", says: "replaces the unit"},
	)
	s := listOf(item, 0, 0).unique()
	s.judge = names.judge
	return key{name: "measurement", shape: s, needed: "list the metrics to collect; there is no default", shared: true,
		says: "the metrics to collect. An item is a name, or `{\"name\", \"rename\", \"unit\"}`. An empty list collects nothing, with a warning"}
}

// plainMeasurementKey is measurement for the plugins whose items are names alone.
func plainMeasurementKey(names *metricNames) key {
	s := listOf(names.shape(), 0, 0).unique()
	s.judge = names.judge
	return key{name: "measurement", shape: s, needed: "list the metrics to collect; there is no default", says: "the metrics to collect, by name"}
}
