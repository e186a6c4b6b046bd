package config

// rootShape is config.json as a whole. The original tolerates keys that it does not know at the root, which is where ours go.
func rootShape() *shape {
	return openly(
		key{name: "agent", shape: agentShape(), says: "what is about the agent itself and about all of its parts"},
		key{name: "metrics", shape: metricsShape(), says: "which metrics are collected, and where they go"},
		key{name: "logs", shape: logsShape(), says: "which logs are collected, and where they go"},
		key{name: "traces", shape: tracesShape(), state: later, says: "receives traces and sends them to X-Ray"},
		key{name: "opentelemetry", shape: openTelemetryShape(), state: later, says: "collects for the OTLP endpoints of AWS"},
		key{name: "profiles", shape: profilesShape(), state: later, says: "receives OTLP profiles and sends them to CloudWatch"},
		key{name: "csm", shape: anything().joined(), state: idle, why: "Client-Side Monitoring has been given up, by the original too", says: "Client-Side Monitoring of SDKs"},
		key{name: "nephoscope", shape: nephoscopeShape(), ours: true, says: "all that the original does not have"},
		key{name: "$schema", shape: anything(), says: "for editors: where the JSON Schema is"},
	).joined()
}

const (
	legacyHint  = "the original ignores it too"
	noUsageHint = "this agent sends no usage data"
)

// agentShape is "agent", in which the original tolerates keys that it does not know.
func agentShape() *shape {
	return openly(
		key{name: "metrics_collection_interval", shape: interval(), preset: 60,
			says: "how often every plugin collects, unless it says otherwise. Below 60 the data are high resolution (StorageResolution 1)"},
		key{name: "region", shape: str(1, 64), absent: "found out at start", says: "the region of all requests"},
		key{name: "debug", shape: toggle(), preset: false, says: "logs at debug level"},
		key{name: "logfile", shape: str(0, 4096).judged((*reading).logFile, "/var/log/nephoscope.log"), preset: "",
			says: "the agent's own log; `\"\"` is standard error. [More](#the-agents-own-log)"},
		key{name: "omit_hostname", shape: toggle(), preset: false, says: "no dimension `host`"},
		key{name: "hostname", shape: str(0, 255), absent: "the operating system's", says: "the value of `host`"},
		key{name: "credentials", shape: credentialsShape("the role of all requests; `metrics` and `logs` may have their own", "none")},
		key{name: "run_as_user", shape: str(0, 255), absent: "root",
			says: "whom `run` becomes when root starts it (Linux); it keeps the right to read any file ([more](status.md))"},
		key{name: "mode", shape: anything(), state: idle, why: "where the agent runs is found out at start", says: "where the agent runs"},
		key{name: "opamp", shape: anything(), state: later, why: "the agent is not managed from afar", says: "lets an OpAMP server manage the agent"},
		key{name: "aws_sdk_log_level", shape: anything(), state: idle, why: `requests that fail are logged as it is; "debug" logs more`,
			says: "what the AWS SDK logs: `LogDebug`, `LogDebugWithSigning`, `LogDebugWithHTTPBody`, `LogDebugWithRequestRetries`, `LogDebugWithRequestErrors`, `LogDebugWithEventStreamBody`, joined with `|`"},
		key{name: "user_agent", shape: str(0, 0).judged((*reading).headerValue, "fleet/7"), absent: "none", says: "is added to what requests give as their sender"},
		key{name: "use_dualstack_endpoint", shape: toggle(), preset: false, says: "endpoints that answer over IPv6 too"},
		key{name: "quiet", shape: anything(), state: idle, why: "set-log-level ERROR logs errors alone", says: "logs errors alone"},
		key{name: "service.name", shape: str(1, 255), absent: "none", state: later, says: "the service that all telemetry is of (an entity of CloudWatch)"},
		key{name: "deployment.environment", shape: str(1, 259), absent: "none", state: later, says: "the environment that all telemetry is of"},
		key{name: "system_metrics_enabled", shape: anything(), state: idle, why: "this version does not have it", says: "metrics of the original's own for AWS"},
		key{name: "self_telemetry", shape: selfTelemetryShape(), state: idle, why: `see "status_address" in "nephoscope"`, says: "the original's own metrics for Prometheus on a port"},
		key{name: "usage_data", shape: anything(), state: idle, why: noUsageHint, says: "tells AWS how the agent is used"},
		key{name: "usage_metadata", shape: anything().joined(), state: idle, why: noUsageHint, says: "what to add to that"},
		key{name: "internal", shape: anything(), state: idle, why: "batches are always as large as the service allows", says: "larger batches"},
		key{name: "collection_jitter", shape: anything(), state: idle, why: legacyHint},
		key{name: "flush_interval", shape: anything(), state: idle, why: legacyHint},
		key{name: "flush_jitter", shape: anything(), state: idle, why: legacyHint},
		key{name: "metric_batch_size", shape: anything(), state: idle, why: legacyHint},
		key{name: "metric_buffer_limit", shape: anything(), state: idle, why: legacyHint},
		key{name: "precision", shape: anything(), state: idle, why: legacyHint},
		key{name: "round_interval", shape: anything(), state: idle, why: legacyHint},
	).joined()
}

func credentialsShape(says, absent string) *shape {
	role := str(20, 2048)
	role.unless, role.example = `^\$\{.+\}$`, "arn:aws:iam::123456789012:role/agent"
	return strictly(
		key{name: "role_arn", shape: role, absent: absent, says: says},
		key{name: "oidc_auth", shape: openly(), state: later, why: "sign in with keys, a profile or a role", says: "signs in with a token of an OpenID Connect provider"},
	)
}

func selfTelemetryShape() *shape {
	return strictly(
		key{name: "enabled", shape: toggle(), needed: "true or false", says: "whether it does"},
		key{name: "port", shape: whole(1, 65535), absent: "the original's choice", says: "on which port of loopback"},
	)
}
