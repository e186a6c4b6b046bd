package config

// tracesShape is "traces".
func tracesShape() *shape {
	address := func() *shape { return str(4, 2048) }
	return strictly(
		key{name: "traces_collected", shape: strictly(
			key{name: "xray", shape: strictly(
				key{name: "bind_address", shape: address(), preset: "127.0.0.1:2000", says: "the UDP address to listen on"},
				key{name: "tcp_proxy", shape: strictly(key{name: "bind_address", shape: address(), preset: "127.0.0.1:2000", says: "the TCP address that answers about sampling rules"})},
			), says: "listens for X-Ray segments"},
			key{name: "otlp", shape: oneOrMany(otlpShape()), says: "listens for OTLP traces"},
			key{name: "application_signals", shape: openly(), says: "traces of Application Signals"},
			key{name: "app_signals", shape: openly(), says: "the former name of `application_signals`"},
			key{name: "apm", shape: openly(), says: "an early name of `application_signals`"},
		).atLeast(1, `name what to collect, such as "xray"`).joined(), needed: "it says which traces to collect"},
		key{name: "concurrency", shape: whole(1, 0), preset: 8, says: "how many requests are made at once"},
		key{name: "buffer_size_mb", shape: whole(3, 0), absent: "none", says: "memory for traces"},
		key{name: "resource_arn", shape: str(0, 0), absent: "none", says: "the resource that the agent runs on"},
		key{name: "local_mode", shape: toggle(), preset: false, says: "does not ask EC2"},
		key{name: "insecure", shape: toggle(), preset: false, says: "does not verify certificates"},
		key{name: "credentials", shape: credentialsShape("the role for traces", "the agent's")},
		key{name: "endpoint_override", shape: address(), absent: "none", says: "where to send traces"},
		key{name: "proxy_override", shape: address(), absent: "none", says: "the proxy"},
		key{name: "region_override", shape: str(0, 0), absent: "the agent's", says: "the region"},
		key{name: "transit_spans_in_otlp_format", shape: toggle(), preset: false, says: "sends spans as OTLP"},
	).joined()
}

// profilesShape is "profiles".
func profilesShape() *shape {
	return strictly(
		key{name: "service_name", shape: str(1, 255), needed: "it says which service profiles are of", says: "the service that profiles are of"},
		key{name: "otlp", shape: strictly(key{name: "http_endpoint", shape: str(1, 255), preset: "127.0.0.1:4318", says: "the address to listen on"})},
		key{name: "endpoint_override", shape: str(1, 255), absent: "none", says: "where to send profiles"},
	).joined()
}

// openTelemetryShape is "opentelemetry".
func openTelemetryShape() *shape {
	return strictly(
		key{name: "cluster_name", shape: str(0, 0).judged((*reading).clusterName, "shop"), absent: "none", says: "the Kubernetes cluster"},
		key{name: "resource_attributes", shape: mapOf(str(1, 1024), 30).judged((*reading).resourceAttributes, ""), absent: "none", says: "attributes of everything that is sent"},
		key{name: "collect", shape: strictly(
			key{name: "host_metrics", shape: strictly(
				key{name: "collection_interval", shape: interval(), preset: 30, says: "how often it collects"},
			).with(early(interval(), "metrics_collection_interval")...), says: "metrics of the host"},
			key{name: "host_insights", shape: strictly(early(interval(), "metrics_collection_interval")...), says: "an early name of `host_metrics`"},
			key{name: "otlp", shape: strictly(
				key{name: "grpc_endpoint", shape: str(0, 0), preset: "127.0.0.1:4317", says: "the address to listen on for gRPC"},
				key{name: "http_endpoint", shape: str(0, 0), preset: "127.0.0.1:4318", says: "the address to listen on for HTTP"},
				key{name: "span_metrics_enabled", shape: toggle(), preset: false, says: "metrics made of spans"},
			), says: "listens for OTLP"},
			key{name: "prometheus", shape: strictly(key{name: "config_path", shape: str(0, 0), needed: "it names the scrape configuration", says: "the scrape configuration"}).with(early(str(0, 0), "cluster_name")...), says: "scrapes Prometheus exporters"},
			key{name: "files", shape: otelList(otelFileShape(), "it lists the files"), says: "log files"},
			key{name: "windows_events", shape: otelList(otelWindowsEventShape(), "it lists the event logs"), says: "event logs of Windows"},
			key{name: "container_insights", shape: containerInsightsShape(), says: "Container Insights of Kubernetes"},
			key{name: "database_insights", shape: strictly(
				key{name: "postgresql", shape: databaseList(), absent: "none", says: "servers of PostgreSQL"},
				key{name: "mysql", shape: databaseList(), absent: "none", says: "servers of MySQL"},
				key{name: "sqlserver", shape: databaseList(), absent: "none", says: "servers of SQL Server"},
			), says: "Database Insights"},
			key{name: "watch_replicaset", shape: toggle(), preset: true, says: "finds out the deployments that pods are of"},
		)},
	).joined()
}

func otelList(items *shape, lists string) *shape {
	return strictly(key{name: "collect_list", shape: listOf(items, 1, 0), needed: lists, says: "what to collect"})
}

func otelFileShape() *shape {
	return strictly(
		key{name: "file_path", shape: str(1, 4096), needed: "it says which file to read", says: "a file, or a pattern"},
		key{name: "log_group_name", shape: groupShape(), absent: "the original's", says: saysGroup},
		key{name: "log_stream_name", shape: streamShape(), absent: "the original's", says: saysStream},
		key{name: "multi_line_start_pattern", shape: str(0, 0), absent: "none", says: "which lines begin an event"},
		key{name: "timestamp_format", shape: str(0, 0), absent: "none", says: "how to find an event's time"},
		key{name: "timezone", shape: timezoneShape(), preset: "Local", says: "of times that do not name their zone"},
		key{name: "encoding", shape: str(0, 0), preset: "utf-8", says: "how text is encoded"},
	)
}

func otelWindowsEventShape() *shape {
	return strictly(
		key{name: "event_name", shape: str(1, 255), needed: "it says which event log to read", says: "the event log"},
		key{name: "event_levels", shape: listOf(eventLevels(), 1, 0).unique(), absent: "all", says: "events of which levels"},
		key{name: "event_ids", shape: listOf(whole(0, 65535), 1, 0).unique(), absent: "all", says: "events of which ids"},
		key{name: "event_format", shape: oneOf("text", "xml"), absent: "the original's", says: "what is sent of an event"},
		key{name: "log_group_name", shape: groupShape(), absent: "the original's", says: saysGroup},
		key{name: "log_stream_name", shape: streamShape(), absent: "the original's", says: saysStream},
	)
}

func containerInsightsShape() *shape {
	solution := func(namespace string) *shape {
		return strictly(
			key{name: "enabled", shape: toggle(), preset: true, says: "whether it is"},
			key{name: "namespace", shape: str(0, 0), preset: namespace, says: "where it runs"},
		)
	}
	return strictly(
		key{name: "collection_interval", shape: interval(), absent: "the original's", says: "how often it collects"},
		key{name: "role", shape: oneOf("node", "cluster"), absent: "what the environment says", says: "of a node, or of the cluster"},
		key{name: "watch_replicaset", shape: toggle(), preset: true, says: "finds out the deployments that pods are of"},
		key{name: "logs", shape: strictly(key{name: "enabled", shape: toggle(), absent: "the original's", says: "logs of containers and hosts too"})},
		key{name: "solutions", shape: strictly(
			key{name: "enabled", shape: toggle(), preset: true, says: "false: none of them"},
			key{name: "karpenter", shape: solution("kube-system"), says: "metrics of Karpenter"},
			key{name: "keda", shape: solution("keda"), says: "metrics of KEDA"},
		)},
	).with(early(str(0, 0), "cluster_name")...).with(early(oneOf("node", "cluster"), "mode")...)
}

// databaseList lists servers of one kind.
func databaseList() *shape {
	return listOf(strictly(
		key{name: "endpoint", shape: str(0, 0), needed: "host and port of the server", says: "host and port of the server"},
		key{name: "instance_name", shape: str(0, 0), needed: "a name for the server", says: "a name for the server"},
		key{name: "username", shape: str(0, 0), needed: "who signs in", says: "who signs in"},
		key{name: "password_file", shape: str(0, 0), needed: "the file with the password", says: "the file with the password"},
		key{name: "ca_file", shape: str(0, 0), absent: "none", says: "the certificates to trust"},
		key{name: "per_resource_collection_interval", shape: whole(0, 0), preset: 60, says: "how often tables and indexes are looked at, in seconds"},
		key{name: "logs", shape: strictly(key{name: "file_path", shape: str(0, 0), absent: "none", says: "the server's log"})},
	), 0, 0)
}
