package config

// The plugins that do not have the basic form.

// dropKey is drop_original_metrics where the original checks it.
func dropKey() key {
	return key{name: "drop_original_metrics", shape: listOf(str(0, 0), 1, 0).unique(), absent: "none",
		says: "of these metrics only the roll-ups of `aggregation_dimensions` are sent"}
}

func efaShape() *shape {
	return openly(
		measurementKey("efa", efaNames()),
		key{name: "metrics_collection_interval", shape: interval(), absent: "the agent's", says: "how often it collects"},
		key{name: "append_dimensions", shape: staticDimensionsShape(), absent: "none", says: "fixed dimensions"},
		dropKey(),
	)
}

func nvidiaSMIShape() *shape {
	m := plainMeasurementKey(nvidiaNames("nvidia_smi"))
	m.shape.distinct, m.needed = false, ""
	return openly(m,
		key{name: "metrics_collection_interval", shape: interval(), absent: "the agent's", says: "how often it collects"},
		key{name: "append_dimensions", shape: staticDimensionsShape(), absent: "none", says: "fixed dimensions"},
		dropKey(),
	)
}

func procstatList() *shape {
	s := listOf(procstatShape(), 1, 255).joined()
	s.judge = (*reading).sameProcesses
	return s
}

func procstatShape() *shape {
	pattern := func() *shape { return str(1, 255).judged((*reading).regex, "^nginx") }
	s := openly(
		key{name: "pid_file", shape: str(1, 255), absent: "none", says: "a file that holds the process id; goes before `exe` and `pattern`"},
		key{name: "exe", shape: pattern(), absent: "none", says: "a regular expression that the path of the program matches; goes before `pattern`"},
		key{name: "pattern", shape: pattern(), absent: "none", says: "a regular expression that the whole command line matches"},
		plainMeasurementKey(procstatNames()),
		key{name: "metrics_collection_interval", shape: interval(), absent: "the agent's", says: "how often it collects"},
		key{name: "append_dimensions", shape: staticDimensionsShape(), absent: "none", says: "fixed dimensions"},
		key{name: "drop_original_metrics", shape: anything(), state: idle, why: "the original does not have it for procstat", says: "roll-ups alone"},
	).needs("it says which processes to watch", "pid_file", "exe", "pattern")
	s.judge = (*reading).oneSelector
	return s
}

func ethtoolShape() *shape {
	names := func() *shape { return listOf(str(1, 255), 0, 0) }
	return strictly(
		key{name: "interface_include", shape: names(), absent: "all", says: "which interfaces, by name; patterns"},
		key{name: "interface_exclude", shape: names(), absent: "none", says: "which interfaces not"},
		key{name: "metrics_include", shape: names(), absent: "all", says: "which counters of the driver"},
		key{name: "append_dimensions", shape: staticDimensionsShape(), absent: "none", says: "fixed dimensions"},
		dropKey(),
	)
}

func dpdkShape() *shape {
	names := func(most int64) *shape { return listOf(str(1, most), 0, 0) }
	return strictly(
		key{name: "socket_path", shape: str(1, 4096), absent: "the original's", says: "the application's telemetry socket"},
		key{name: "device_types", shape: listOf(oneOf("ethdev", "rawdev"), 0, 0), absent: "the original's", says: "devices of which kinds"},
		key{name: "additional_commands", shape: names(1024), absent: "none", says: "what else to ask the application"},
		key{name: "ethdev_exclude_commands", shape: names(255), absent: "none", says: "what not to ask of ethdev devices"},
		key{name: "metrics_include", shape: names(255), absent: "all", says: "which counters"},
		key{name: "append_dimensions", shape: staticDimensionsShape(), absent: "none", says: "fixed dimensions"},
		dropKey(),
	)
}

// winServicesShape does without measurement.
func winServicesShape() *shape {
	keys := basicKeys("", nil)
	keys[0].needed = ""
	return openly(append(keys,
		key{name: "service_names", shape: anything(), shared: true, says: "which services, by name; patterns"},
		key{name: "excluded_service_names", shape: anything(), shared: true, says: "which services not"},
	)...)
}

func intervalOrNone() *shape { return &shape{kind: number, most: 172800, unit: "seconds"} }

func statsdShape() *shape {
	return strictly(
		key{name: "service_address", shape: str(1, 255).judged((*reading).datagramAddress, "127.0.0.1:8125"), preset: "127.0.0.1:8125",
			says: "where to listen: a UDP address, or a socket such as `unixgram:///run/statsd/statsd.sock` (ours). `:8125`, the original's default, listens on all interfaces, and you are warned"},
		key{name: "metrics_collection_interval", shape: interval(), preset: 10, says: "how often what came is summed up"},
		key{name: "metrics_aggregation_interval", shape: intervalOrNone(), preset: 60, says: "over how long; 0: sent as it came"},
		key{name: "metric_separator", shape: str(1, 255), preset: "_", says: "what replaces the dots in names"},
		key{name: "allowed_pending_messages", shape: whole(1, 1<<31-1), preset: 10000, says: "how many small packets may wait in the socket, as far as the host allows (`net.core.rmem_max`)"},
		dropKey(),
		key{name: "service.name", shape: str(1, 4096), absent: "the section's", says: "the service that they are of"},
		key{name: "deployment.environment", shape: str(1, 4096), absent: "the section's", says: "the environment that they are of"},
	).with(early(toggle(), "parse_data_dog_tags", "delete_gauges", "delete_counters", "delete_sets")...).
		with(early(listOf(str(0, 0), 0, 0), "templates")...)
}

func collectdShape() *shape {
	return strictly(
		key{name: "service_address", shape: str(1, 255).judged((*reading).udpAddress, "udp://127.0.0.1:25826"), preset: "udp://127.0.0.1:25826", says: "the UDP address to listen on"},
		key{name: "name_prefix", shape: str(1, 255), preset: "collectd_", says: "what all names begin with"},
		key{name: "collectd_auth_file", shape: str(1, 4096), preset: "/etc/collectd/auth_file", says: "who may send, a line `user: password` each; read again when it changes"},
		key{name: "collectd_security_level", shape: oneOf("none", "sign", "encrypt"), preset: "encrypt", says: "what packets have to be at least; others are refused and counted"},
		key{name: "collectd_typesdb", shape: listOf(str(1, 4096).judged((*reading).typesDB, "/usr/share/collectd/types.db"), 0, 10), absent: "`/usr/share/collectd/types.db`",
			says: "files that name the types of values; one that does not exist is a warning"},
		key{name: "metrics_aggregation_interval", shape: intervalOrNone(), preset: 60, says: "over how long what came is summed up; 0: sent as it came"},
		key{name: "append_dimensions", shape: staticDimensionsShape(), absent: "none", says: "fixed dimensions"},
		dropKey(),
		key{name: "service.name", shape: str(1, 4096), absent: "the section's", says: "the service that they are of"},
		key{name: "deployment.environment", shape: str(1, 4096), absent: "the section's", says: "the environment that they are of"},
	).judged((*reading).collectdUsers, "")
}

func prometheusShape() *shape {
	return strictly(key{name: "prometheus_config_path", shape: str(1, 255), needed: "it names the scrape configuration", says: "the scrape configuration, in Prometheus's own YAML"})
}

func jmxShape() *shape {
	targets := []string{"jvm", "kafka", "kafka-consumer", "kafka-producer", "tomcat"}
	s := strictly(
		key{name: "endpoint", shape: str(4, 2048), absent: "none", says: "host and port of the Java process's JMX"},
		key{name: "metrics_collection_interval", shape: interval(), absent: "the agent's", says: "how often it collects"},
		key{name: "username", shape: str(0, 0), absent: "none", says: "who signs in"},
		key{name: "password_file", shape: str(0, 0), absent: "none", says: "the file with the password"},
		key{name: "keystore_path", shape: str(0, 0), absent: "none", says: "the key store, for TLS"},
		key{name: "keystore_type", shape: str(0, 0), absent: "none", says: "its type"},
		key{name: "truststore_path", shape: str(0, 0), absent: "none", says: "the trust store, for TLS"},
		key{name: "truststore_type", shape: str(0, 0), absent: "none", says: "its type"},
		key{name: "registry_ssl_enabled", shape: toggle(), preset: false, says: "whether the RMI registry speaks TLS"},
		key{name: "remote_profile", shape: str(0, 0), absent: "none", says: "the SASL profile"},
		key{name: "realm", shape: str(0, 0), absent: "none", says: "the realm, for SASL/DIGEST-MD5"},
		key{name: "insecure", shape: toggle(), preset: false, says: "neither TLS nor a password"},
		key{name: "append_dimensions", shape: staticDimensionsShape(), absent: "none", says: "fixed dimensions"},
	)
	for _, t := range targets {
		s.keys = append(s.keys, key{name: t, shape: openly(measurementKey("", nil)), says: "what to collect of it"})
	}
	s.with(early(str(0, 0), "target_system")...)
	s.with(early(anything(), "jar_path", "password", "keystore_password", "truststore_password", "otlp", "resource_attributes")...)
	return s.needs("it says what kind of process to watch", append(targets, "target_system")...)
}

func otlpShape() *shape {
	return strictly(
		key{name: "grpc_endpoint", shape: str(4, 2048), preset: "127.0.0.1:4317", says: "the address to listen on for gRPC"},
		key{name: "http_endpoint", shape: str(4, 2048), preset: "127.0.0.1:4318", says: "the address to listen on for HTTP"},
		key{name: "tls", shape: tlsShape()},
		key{name: "service.name", shape: str(1, 255), absent: "the section's", says: "the service that they are of"},
		key{name: "deployment.environment", shape: str(1, 259), absent: "the section's", says: "the environment that they are of"},
	)
}

func tlsShape() *shape {
	return openly(
		key{name: "ca_file", shape: str(1, 255), absent: "none", says: "the certificates to trust"},
		key{name: "cert_file", shape: str(1, 255), absent: "none", says: "the certificate to show"},
		key{name: "key_file", shape: str(1, 255), absent: "none", says: "its key"},
		key{name: "insecure", shape: toggle(), preset: false, says: "no TLS"},
	)
}
