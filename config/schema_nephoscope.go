package config

// nephoscopeShape is "nephoscope": what the original does not have. The original ignores the key, so a file that has it can
// be given to both. What is said here is read where the struct that holds it is read.
func nephoscopeShape() *shape {
	return strictly(
		key{name: "status_address", shape: str(1, 64).judged((*reading).loopback, "127.0.0.1:4587"), absent: "none", ours: true,
			says: "a loopback address and port, such as `127.0.0.1:4587` or `[::1]:4587`, that answers `/healthz` and `/metrics` ([status](status.md))"},
		key{name: "spool_mib", shape: whole(1, 1<<20), preset: 64, ours: true,
			says: "how much disk metrics may take while they cannot be sent. Beyond that, or after two weeks, the oldest are given up and counted"},
		key{name: "read_back", shape: toggle(), preset: false, ours: true,
			says: "when no answer came to a batch of log events, or the agent was killed while one was on its way, look it up in its stream before sending it again. Needs `logs:GetLogEvents`; where that is denied, the log says so and the batch is sent again; so it is when it cannot be told, because other files or hosts write to the same stream at the same time. While it is on, each batch costs one write to disk more"},
		key{name: "memory_budget_mib", shape: whole(4, 1<<20), preset: 64, ours: true,
			says: "what batches of log events may take of memory, of all files together. Each 4 MiB let one stream more be sent at once"},
		key{name: "deleted_files_mib", shape: whole(0, 1<<30), preset: 1024, ours: true,
			says: "how much disk deleted log files may hold because they have not been acknowledged yet. Beyond that the oldest is given up: counted, logged, and told in its stream"},
		key{name: "events_mib", shape: whole(1, 1<<20), preset: 64, ours: true,
			says: "how much disk events that programs send (`emf`) may take until they have been acknowledged. Beyond that new ones are refused and counted"},
		key{name: "series_budget", shape: whole(0, 1_000_000), preset: 5000, ours: true,
			says: "how many series (a namespace, a name and dimensions: what is billed) this host may send, roll-ups included. Beyond that new ones are refused, counted, and the plugin that brings them is named in [status](status.md#the-series-budget); those that are known go on. 0: no bound"},
		key{name: "prometheus_series", shape: whole(1, 10_000_000), preset: 100_000, ours: true,
			says: "how many series the scraper of `logs.metrics_collected.prometheus` remembers, for the differences of counters. Samples of more are left out and counted"},
		key{name: "self_metrics", shape: selfMetricsShape(), absent: "none are sent", ours: true,
			says: "sends metrics about the agent itself, also where there is no section `metrics` ([which](metrics.md#self_metrics)). They cost like others; `{}` is enough"},
	).joined()
}

func selfMetricsShape() *shape {
	return strictly(
		key{name: "namespace", shape: str(1, 255), preset: "Nephoscope", ours: true, says: "where they go. The agent has to be allowed to write there, too"},
		key{name: "interval", shape: interval(), preset: 60, ours: true, says: "how often they are taken"},
	)
}
