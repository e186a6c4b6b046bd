package config

// logsShape is "logs".
func logsShape() *shape {
	return strictly(
		key{name: "log_stream_name", shape: streamShape(), absent: "on EC2 the instance id, elsewhere the host name", says: "the stream of files that name none; may hold placeholders"},
		key{name: "force_flush_interval", shape: interval(), preset: 5, says: "how long events wait at most for a full batch"},
		key{name: "endpoint_override", shape: str(4, 2048), absent: "none", says: "where to send events"},
		key{name: "credentials", shape: credentialsShape("the role for logs", "the agent's")},
		key{name: "concurrency", shape: whole(1, 0), preset: 1,
			says: "above 1: how many streams are sent at once at most. 1 is as for the original: no bound but the memory budget. Within a stream order is kept"},
		key{name: "logs_collected", shape: logsCollectedShape(), absent: "none"},
		key{name: "metrics_collected", shape: embeddedShape(), absent: "none"},
		key{name: "service.name", shape: str(1, 255), absent: "the agent's", state: later, says: "the service that events are of"},
		key{name: "deployment.environment", shape: str(1, 259), absent: "the agent's", state: later, says: "the environment that events are of"},
	).needs("it says what to collect", "logs_collected", "metrics_collected").joined()
}

func logsCollectedShape() *shape {
	collect := func(items *shape, lists string) *shape {
		return strictly(key{name: "collect_list", shape: listOf(items, 1, 16384).unique().judged((*reading).sameGroups, "").joined(), needed: lists, says: "what to collect"}).joined()
	}
	journald := collect(journaldShape(), "it lists what to collect of the journal")
	journald.joins, journald.under("collect_list").joins = false, false // as for the original
	return strictly(
		key{name: "files", shape: collect(fileShape(), "it lists the files"), says: "log files"},
		key{name: "journald", shape: journald, state: later, says: "the journal of systemd"},
		key{name: "windows_events", shape: collect(windowsEventShape(), "it lists the event logs"), state: later, says: "event logs of Windows"},
		key{name: "syslog", shape: oneOrMany(syslogShape()), state: later, says: "listens for syslog messages"},
		key{name: "application_signals", shape: openly(
			key{name: "log_group_name", shape: groupShape(), absent: "the original's", says: "the log group"},
			key{name: "log_stream_name", shape: streamShape(), absent: "the original's", says: "the log stream"},
			key{name: "disabled", shape: toggle(), preset: false, says: "no logs of Application Signals"},
		), state: later, says: "logs of Application Signals"},
	).atLeast(1, `name what to collect, such as "files"`).joined()
}

func groupShape() *shape  { return str(1, 512).judged((*reading).groupName, "/shop/{hostname}") }
func streamShape() *shape { return str(1, 512).judged((*reading).streamName, "{instance_id}") }
func classShape() *shape  { return str(1, 512).judged((*reading).logGroupClass, "STANDARD") }

func retentionShape() *shape {
	return &shape{kind: number, among: []int64{-1, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}}
}

func filtersShape() *shape {
	return listOf(strictly(
		key{name: "type", shape: oneOf("include", "exclude"), needed: `"include" or "exclude"`, says: "whether events that match are kept or left out"},
		key{name: "expression", shape: str(0, 0).judged((*reading).regex, "ERROR|WARN"), needed: "a regular expression", says: "the regular expression"},
	), 0, 0)
}

func timezoneShape() *shape { return oneOf("UTC", "Local", "LOCAL") }

const (
	saysGroup     = "the log group; may hold placeholders. A warning if the service will refuse it: letters, digits and `_ / . # -` are allowed"
	saysStream    = "the log stream; may hold placeholders. The service refuses `:` and `*`"
	saysClass     = "`STANDARD` or `INFREQUENT_ACCESS`, in any case; only when the group is created. Others are ignored with a warning"
	saysRetention = "-1 leaves the group as it is"
)

// fileShape is an entry of logs_collected.files.collect_list.
func fileShape() *shape {
	s := strictly(
		key{name: "file_path", shape: str(0, 4096).judged((*reading).filePath, "/var/log/app/*.log"), needed: "it says which file to read",
			says: "a file, or a pattern, see below. A relative path and a folder are a warning. Patterns pass over compressed files: `.gz`, `.zst`, `.bz2`, `.xz`, `.zip`, `.tar`, `.rar`"},
		key{name: "log_group_name", shape: groupShape(), absent: "the path without its last extension; with `publish_multi_logs` the whole path", says: saysGroup},
		key{name: "log_stream_name", shape: streamShape(), absent: "`logs.log_stream_name`", says: saysStream},
		key{name: "log_group_class", shape: classShape(), absent: "none", says: saysClass},
		key{name: "retention_in_days", shape: retentionShape(), preset: -1, says: saysRetention},
		key{name: "timestamp_format", shape: str(1, 4096).judged((*reading).directives, "%Y-%m-%d %H:%M:%S"), absent: "none",
			says: "how to find an event's time, see below. Without it events carry the time at which they were found in the file, as near as looks once a second tell (seldomer while nothing can be sent), and not that at which they were sent"},
		key{name: "timezone", shape: timezoneShape(), preset: "Local", says: "of times that do not name their zone"},
		key{name: "trim_timestamp", shape: toggle(), preset: false, says: "takes the time out of the message"},
		key{name: "multi_line_start_pattern", shape: str(1, 4096), absent: "`^[\\S]`",
			says: "a regular expression, or `{timestamp_format}`: which lines begin an event; the default joins lines that begin with white space to the event before. `{timestamp_format}` stands for the time format and only as the whole pattern; without a `timestamp_format` it counts as absent, with a warning (the original glues all lines together). With a pattern of your own an event is held until the next one begins, or the file was quiet for 5 s or for the flush interval, whichever is longer"},
		key{name: "publish_multi_logs", shape: toggle(), preset: false, says: "false: of all files that match, only the newest. true: all of them"},
		key{name: "auto_removal", shape: toggle(), preset: false,
			says: "removes a file when a newer one matches the pattern and all of this one has been acknowledged: this very file, not one that has taken its name. Without effect, with a warning, together with `publish_multi_logs` and without a pattern"},
		key{name: "blacklist", shape: str(1, 4096).judged((*reading).regex, `\.gz$`), absent: "none", says: "a regular expression; files whose base name matches are left out"},
		key{name: "filters", shape: filtersShape(), absent: "none", says: "an event is sent if it matches every `include` and no `exclude`"},
		key{name: "encoding", shape: str(1, 4096), preset: "utf-8",
			says: "how the bytes of the file are text: a name of the Encoding Standard, such as `shift_jis`, `windows-1252` or `utf-16le`. What is no text in it becomes U+FFFD, counted as `not_utf8`"},
		key{name: "backpressure_mode", shape: oneOf("fd_release"), absent: "none", state: idle, why: "files that nobody writes to are closed anyway, and what cannot be sent is not held in memory", says: "`fd_release`: the original closes a file while what was read of it cannot be sent"},
		key{name: "service.name", shape: str(1, 255), absent: "`logs`'s", state: later, says: "the service that events are of"},
		key{name: "deployment.environment", shape: str(1, 259), absent: "`logs`'s", state: later, says: "the environment that events are of"},
		key{name: "ignore_symlinks", shape: anything(), state: later, says: "passes over symbolic links"},
		key{name: "kms_key_id", shape: anything(), state: later, says: "the key that a new log group is encrypted with"},
	)
	s.judge = (*reading).file
	return s
}

// journaldShape is an entry of logs_collected.journald.collect_list.
func journaldShape() *shape {
	return strictly(
		key{name: "log_group_name", shape: groupShape(), needed: "it says where to send the journal", says: saysGroup},
		key{name: "log_stream_name", shape: streamShape(), absent: "on EC2 the instance id, elsewhere the host name", says: saysStream},
		key{name: "log_group_class", shape: classShape(), absent: "none", says: saysClass},
		key{name: "retention_in_days", shape: retentionShape(), preset: -1, says: saysRetention},
		key{name: "units", shape: listOf(str(0, 256), 1, 0).unique(), absent: "all", says: "which units of systemd"},
		key{name: "priority", shape: oneOf("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "0", "1", "2", "3", "4", "5", "6", "7"), preset: "info", says: "entries of this priority and of graver ones"},
		key{name: "matches", shape: listOf(mapOf(str(0, 0), 0), 1, 0).unique(), absent: "all", says: "which entries: objects of journal fields and their values"},
		key{name: "filters", shape: filtersShape(), absent: "none", says: "what is kept or left out"},
		key{name: "mode", shape: oneOf("native", "journalctl"), absent: "the agent's choice", says: "how the journal is read"},
	)
}

// syslogShape is a listener of logs_collected.syslog.
func syslogShape() *shape {
	destination := func(needed string) []key {
		return []key{
			{name: "log_group_name", shape: groupShape(), needed: needed, says: saysGroup},
			{name: "log_stream_name", shape: streamShape(), absent: "`logs.log_stream_name`", says: saysStream},
			{name: "retention_in_days", shape: retentionShape(), preset: -1, says: saysRetention},
			{name: "filters", shape: filtersShape(), absent: "none", says: "what is kept or left out"},
		}
	}
	file := func() *shape { return str(1, 4096) }
	return strictly(
		key{name: "listen_address", shape: str(1, 255), needed: "it says where to listen, such as udp://0.0.0.0:514", says: "the address to listen on: `tcp://host:port` or `udp://host:port`"},
		key{name: "protocol", shape: oneOf("rfc5424", "rfc3164"), absent: "the original's choice", says: "the form of messages"},
		key{name: "tls", shape: strictly(
			key{name: "cert_file", shape: file(), absent: "none", says: "the certificate to show"},
			key{name: "key_file", shape: file(), absent: "none", says: "its key"},
			key{name: "ca_file", shape: file(), absent: "none", says: "the certificates to trust"},
			key{name: "client_ca_file", shape: file(), absent: "none", says: "the certificates that senders have to have theirs from"},
			key{name: "min_version", shape: oneOf("1.0", "1.1", "1.2", "1.3"), absent: "the original's choice", says: "the oldest TLS version that is spoken"},
		)},
		key{name: "routing", shape: listOf(strictly(
			key{name: "match", shape: strictly(
				key{name: "hostname", shape: str(1, 0), absent: "any", says: "of which hosts; patterns"},
				key{name: "facility", shape: whole(0, 23), absent: "any", says: "of which facility"},
				key{name: "app_name", shape: str(1, 0), absent: "any", says: "of which program"},
			).atLeast(1, "say which messages it is about"), needed: "it says which messages it is about", says: "which messages"},
		).with(destination("it says where to send them")...), 0, 0), absent: "none", says: "messages that go elsewhere"},
		key{name: "queue_size", shape: whole(1, 0), absent: "the original's", says: "how many messages may wait"},
	).with(destination("it says where to send messages")...)
}

func eventLevels() *shape { return oneOf("CRITICAL", "ERROR", "WARNING", "INFORMATION", "VERBOSE") }

// windowsEventShape is an entry of logs_collected.windows_events.collect_list.
func windowsEventShape() *shape {
	name := str(1, 255).hinting(`the log is called "ForwardedEvents"`)
	name.never = "Forwarded Events"
	return strictly(
		key{name: "event_name", shape: name, needed: "it says which event log to read", says: "the event log, such as `System`"},
		key{name: "event_levels", shape: listOf(eventLevels(), 0, 0), absent: "all", says: "events of which levels"},
		key{name: "event_ids", shape: listOf(whole(0, 65535), 1, 0).unique(), absent: "all", says: "events of which ids"},
		key{name: "filters", shape: filtersShape(), absent: "none", says: "what is kept or left out"},
		key{name: "event_format", shape: oneOf("text", "xml"), preset: "text", says: "what is sent of an event"},
		key{name: "timezone", shape: timezoneShape(), preset: "Local", says: "of the times in what is sent"},
		key{name: "log_group_name", shape: groupShape(), absent: "the event log's name", says: saysGroup},
		key{name: "log_stream_name", shape: streamShape(), absent: "`logs.log_stream_name`", says: saysStream},
		key{name: "log_group_class", shape: classShape(), absent: "none", says: saysClass},
		key{name: "retention_in_days", shape: retentionShape(), preset: -1, says: saysRetention},
	).needs("one of them says which events to send", "event_levels", "event_ids", "filters")
}
