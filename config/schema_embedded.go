package config

// embeddedShape is "metrics_collected" of "logs": what becomes metrics by way of log events.
func embeddedShape() *shape {
	emf, signals := emfShape(), applicationSignalsShape()
	return openly(
		key{name: "emf", shape: emf, says: "listens for documents in the embedded metric format ([EMF](emf.md))"},
		key{name: "structuredlog", shape: emf, says: "the former name of `emf`, which counts if both are there"},
		key{name: "prometheus", shape: prometheusLogsShape(), says: "scrapes Prometheus exporters ([Prometheus](prometheus.md)). Takes the package `nephoscope-prometheus`"},
		key{name: "ecs", shape: strictly(
			key{name: "metrics_collection_interval", shape: interval(), absent: "the agent's", says: "how often it collects"},
			key{name: "disable_metric_extraction", shape: toggle(), preset: false, says: "events without metrics"},
		).joined(), state: later, says: "Container Insights of an ECS instance"},
		key{name: "kubernetes", shape: kubernetesShape(), state: later, says: "Container Insights of a Kubernetes node"},
		key{name: "application_signals", shape: signals, state: later, says: "metrics of Application Signals"},
		key{name: "app_signals", shape: signals, state: later, says: "the former name of `application_signals`"},
		key{name: "apm", shape: openly(), state: later, says: "an early name of `application_signals`"},
		key{name: "otlp", shape: oneOrMany(otlpShape().with(
			key{name: "log_group_name", shape: str(0, 0), absent: "the original's", says: "the log group"},
			key{name: "emf_processor", shape: emfProcessorShape()},
		)), state: later, says: "listens for OTLP metrics"},
	).joined()
}

func emfShape() *shape {
	return openly(key{name: "service_address", shape: str(0, 0).judged((*reading).emfAddress, "udp://127.0.0.1:25888"),
		absent: "TCP and UDP on `127.0.0.1:25888` (the original: on all interfaces)",
		says:   "the address to listen on: `tcp://host:port`, `udp://host:port`, or `host:port` for both. Without a host it is all interfaces"})
}

func kubernetesShape() *shape {
	return openly(
		key{name: "cluster_name", shape: str(1, 512), absent: "found out", says: "the cluster"},
		key{name: "metrics_collection_interval", shape: interval(), absent: "the agent's", says: "how often it collects"},
		key{name: "jmx_container_insights", shape: toggle(), preset: false, says: "metrics of Java processes too"},
		key{name: "disable_metric_extraction", shape: toggle(), preset: false, says: "events without metrics"},
		key{name: "enhanced_container_insights", shape: anything(), says: "more, and finer, metrics"},
		key{name: "accelerated_compute_metrics", shape: anything(), says: "metrics of accelerators"},
		key{name: "accelerated_compute_gpu_metrics_collection_interval", shape: anything(), says: "how often those of GPUs are collected"},
		key{name: "aws_neuron_metrics", shape: anything(), says: "metrics of Neuron"},
		key{name: "kueue_container_insights", shape: anything(), says: "metrics of Kueue"},
		key{name: "jmx", shape: anything(), says: "which metrics of Java processes"},
		key{name: "prefer_full_pod_name", shape: anything(), says: "whole names of pods"},
		key{name: "tag_service", shape: anything(), says: "the dimension `Service`"},
		key{name: "kube_config_path", shape: anything(), says: "how to reach the cluster"},
		key{name: "host_ip", shape: anything(), says: "the node's address"},
		key{name: "host_name", shape: anything(), says: "the node's name"},
	).joined()
}

func applicationSignalsShape() *shape {
	selector := openly(
		key{name: "dimension", shape: str(1, 0), needed: "it says what is compared", says: "the dimension"},
		key{name: "match", shape: str(1, 0), needed: "it says what the dimension has to be", says: "what it has to be; `*` stands for any characters"},
	)
	replacement := openly(
		key{name: "target_dimension", shape: str(1, 0), needed: "it says what is replaced", says: "the dimension"},
		key{name: "value", shape: str(0, 0), needed: "it says what it becomes", says: "its new value"},
	)
	rule := openly(
		key{name: "selectors", shape: listOf(selector, 0, 0), needed: "they say what the rule is about", says: "what the rule is about"},
		key{name: "action", shape: oneOf("keep", "drop", "replace"), needed: `"keep", "drop" or "replace"`, says: "what is done with it"},
		key{name: "replacements", shape: listOf(replacement, 0, 0), absent: "none", says: "what is replaced"},
		key{name: "rule_name", shape: str(1, 0), absent: "none", says: "a name for the rule"},
	)
	return openly(
		key{name: "hosted_in", shape: str(1, 1024), absent: "found out", says: "the cluster or environment"},
		key{name: "rules", shape: listOf(rule, 0, 0), absent: "none", says: "what is kept, dropped and replaced"},
		key{name: "tls", shape: anything(), says: "certificate and key of the listener"},
		key{name: "limiter", shape: anything(), says: "how many series there may be"},
		key{name: "jmx", shape: anything(), says: "metrics of Java processes"},
	)
}

func prometheusLogsShape() *shape {
	return strictly(
		key{name: "cluster_name", shape: str(0, 0), absent: "none", says: "the cluster: the label `ClusterName` of what is sent"},
		key{name: "log_group_name", shape: str(0, 512).judged((*reading).plainGroup, "/web/prometheus"),
			absent: "with a cluster_name `/aws/containerinsights/CLUSTER/prometheus`, in a container of ECS `/aws/ecs/containerinsights/CLUSTER/prometheus`; else `prometheus/logs/default`, with a warning",
			says:   "the log group. Its streams are called after the jobs"},
		key{name: "prometheus_config_path", shape: str(0, 0).judged((*reading).scrapeConfig, "/etc/prometheus.yaml"), preset: defaultScrapeConfig,
			says: "the scrape configuration, in Prometheus's own YAML. `file:` may stand before the path; `env:NAME` is that environment variable, with the YAML in it"},
		key{name: "emf_processor", shape: emfProcessorShape()},
		key{name: "ecs_service_discovery", shape: ecsDiscoveryShape(), state: later, why: "tasks of ECS are not looked for. A file of targets that something else keeps can be read: file_sd_configs"},
		key{name: "disable_metric_extraction", shape: toggle(), preset: false, says: "events without metrics"},
	).judged((*reading).scraping, "").joined()
}

func emfProcessorShape() *shape {
	labels := func() *shape { return listOf(str(0, 0), 0, 0) }
	declaration := strictly(
		key{name: "source_labels", shape: labels(), absent: "none: the declaration has no effect", says: "labels whose values are joined and matched"},
		key{name: "label_matcher", shape: str(0, 0).judged((*reading).regex, "^web$"), absent: "`.*`", says: "a regular expression for them"},
		key{name: "label_separator", shape: str(0, 0), preset: ";", says: "what they are joined with"},
		key{name: "metric_selectors", shape: listOf(str(0, 0).judged((*reading).regex, "^http_"), 0, 0), absent: "none: the declaration has no effect", says: "regular expressions for the names of metrics"},
		key{name: "dimensions", shape: listOf(labels(), 0, 0), absent: "none", says: "lists of labels that become dimensions"},
		key{name: "metric_namespace", shape: str(0, 0), state: idle, why: "there is one namespace for all declarations, the processor's, as for the original", says: "the namespace"},
		key{name: "regex", shape: anything(), state: idle, why: `it is called "label_matcher"`, says: "an early name of `label_matcher`"},
	)
	return strictly(
		key{name: "metric_declaration_dedup", shape: toggle(), preset: false, says: "the same metric once"},
		key{name: "metric_namespace", shape: str(0, 0), absent: "`CWAgent/Prometheus`; in a container `ContainerInsights/Prometheus`, in one of ECS `ECS/ContainerInsights/Prometheus`", says: "the namespace"},
		key{name: "metric_unit", shape: mapOf(str(1, 256), 0), absent: "none", says: "units by name of metric"},
		key{name: "metric_declaration", shape: listOf(declaration, 0, 0), absent: "none: events without metrics", says: "which metrics, with which dimensions"},
	)
}

func ecsDiscoveryShape() *shape {
	common := func(own ...key) *shape {
		return listOf(openly(append([]key{
			{name: "sd_container_name_pattern", shape: str(0, 0), absent: "all", says: "a regular expression for names of containers"},
			{name: "sd_job_name", shape: str(0, 0), absent: "none", says: "the job's name"},
			{name: "sd_metrics_path", shape: str(0, 0), preset: "/metrics", says: "the path to scrape"},
			{name: "sd_metrics_ports", shape: str(0, 0), absent: "none", says: "the ports to scrape"},
		}, own...)...), 0, 0)
	}
	return strictly(
		key{name: "docker_label", shape: openly(
			key{name: "sd_job_name_label", shape: str(0, 0), preset: "job", says: "the label with the job's name"},
			key{name: "sd_metrics_path_label", shape: str(0, 0), preset: "ECS_PROMETHEUS_METRICS_PATH", says: "the label with the path"},
			key{name: "sd_port_label", shape: str(0, 0), preset: "ECS_PROMETHEUS_EXPORTER_PORT", says: "the label with the port"},
		)},
		key{name: "task_definition_list", shape: common(key{name: "sd_task_definition_arn_pattern", shape: str(0, 0), absent: "none", says: "a regular expression for task definitions"}), absent: "none", says: "tasks, by their definition"},
		key{name: "service_name_list_for_tasks", shape: common(key{name: "sd_service_name_pattern", shape: str(0, 0), absent: "none", says: "a regular expression for names of services"}), absent: "none", says: "tasks, by their service"},
		key{name: "sd_cluster_region", shape: str(0, 0), absent: "found out", says: "the cluster's region"},
		key{name: "sd_frequency", shape: str(0, 0), preset: "1m", says: "how often to look"},
		key{name: "sd_result_file", shape: str(0, 0), preset: "/tmp/cwagent_ecs_auto_sd.yaml", says: "where what was found is written"},
		key{name: "sd_target_cluster", shape: str(0, 0), absent: "found out", says: "the cluster to look in"},
	)
}
