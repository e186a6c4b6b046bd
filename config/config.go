// Package config is what the operator wants: the original agent's config.json as Go values, with every default filled in
// and a place (file, line, column, JSON path) for whatever is wrong with it.
//
// It is pure: only source.go reads files. What a key means on the wire is decided by the packages that use it; here a key
// has a type, bounds and a default. Facts about keys come from the original's behaviour as documented in docs/configuration.md.
package config

import (
	"regexp"
	"time"
)

// Config is one merged configuration. Parse and Load fill in every default.
type Config struct {
	Agent   Agent
	Metrics *Metrics // nil: no metrics section
	Logs    *Logs    // nil: no logs section

	// Warnings are what was accepted but will not do what its author may expect, in file order.
	Warnings []Problem

	places map[string]Place // by JSON path
}

// Agent is the "agent" section.
type Agent struct {
	Interval     time.Duration // metrics_collection_interval; default 60 s
	Region       string        // "": found out at start
	Debug        bool
	LogFile      string // "": standard error
	OmitHostname bool
	Hostname     string // "": the operating system's
	RoleARN      string // credentials.role_arn
	RunAsUser    string // whom run becomes when root starts it; "": nobody else
	UserAgent    string // user_agent: added to ours
	DualStack    bool   // use_dualstack_endpoint
	// StatusAddress is nephoscope.status_address: the loopback address and port that answer /healthz and /metrics. "": none.
	StatusAddress string
}

// Metrics is the "metrics" section.
type Metrics struct {
	Namespace string // default CWAgent
	// AppendDimensions are the EC2 dimensions asked for, by name, sorted: any of AutoScalingGroupName, ImageId, InstanceId,
	// InstanceType. AppendsDimensions tells whether the key was there at all: its mere presence removes the dimension host.
	AppendDimensions      []string
	AppendsDimensions     bool
	AggregationDimensions [][]string    // each sorted; an empty list is a roll-up without dimensions
	ForceFlushInterval    time.Duration // default 60 s
	EndpointOverride      string
	RoleARN               string // its own, else the agent section's
	SpoolBytes            int64  // what the spool may take of the disk; default 64 MiB
	SeriesBudget          int    // how many series may be sent; 0: any number; default 5000
	Plugins               []Plugin
}

// Plugin is one entry of metrics_collected: which measurements of which collector, how often.
// Options that a plugin does not have keep their zero value.
type Plugin struct {
	Name             string        // cpu, mem, disk, …
	Interval         time.Duration // its own, else the agent section's
	Measurements     []Measurement
	Resources        []string          // nil: the key was absent
	AppendDimensions map[string]string // static dimensions of this plugin; values may be ${aws:InstanceId} and its three sisters
	DropOriginal     []string          // drop_original_metrics: measurement names, short or long, or "*"

	TotalCPU              bool     // cpu: totalcpu, default true
	IgnoreFileSystemTypes []string // disk: ignore_file_system_types
	DropDevice            bool     // disk: drop_device
	// IgnorePseudoFileSystems is disk's ignore_pseudo_file_systems, a key of ours: mounts that no disk of their own stands
	// behind (tmpfs, overlay, squashfs, …) are left out. Default false, as the original collects them all.
	IgnorePseudoFileSystems bool

	VolumeID bool // disk: the dimension VolumeId is asked for, in append_dimensions

	// ethtool, which has no Measurements: names or patterns of them.
	InterfaceInclude []string // interface_include; none: all
	InterfaceExclude []string // interface_exclude
	MetricsInclude   []string // metrics_include; none: all

	// procstat: which processes. Exactly one of them is not empty: of several in an entry the first goes before the others.
	PidFile string // pid_file
	Exe     string // exe, a regular expression that the path of the program matches
	Pattern string // pattern, a regular expression that the command line matches

	Namespace string // that its data go to; "": that of Metrics

	Listening

	Place Place
}

// SelfMetrics is the name of the plugin that nephoscope.self_metrics asks for: what the agent says of itself.
const SelfMetrics = "self_metrics"

// Measurement is one item of a measurement list.
type Measurement struct {
	Name    string // as written, trimmed, without the "<plugin>_" prefix
	Written string // as written, trimmed: for messages, no part of the Key
	Rename  string // replaces the whole metric name; "": none
	Unit    string // replaces the unit; "": none
	Place   Place
}

// Logs is the "logs" section.
type Logs struct {
	LogStreamName      string        // default stream of files; "": the instance id on EC2, else the host name
	ForceFlushInterval time.Duration // default 5 s
	EndpointOverride   string
	RoleARN            string
	Concurrency        int         // above 1: how many streams are sent at once at most; else as many as MemoryBudget holds
	ReadBack           bool        // nephoscope.read_back: look a batch up in its stream before sending it again
	MemoryBudget       int64       // bytes that batches may take, of all streams together
	DeletedBudget      int64       // bytes of disk that deleted files may hold until they are acknowledged
	Files              []File      // logs_collected.files.collect_list
	EMF                *EMF        // metrics_collected.emf; nil: nobody listens
	Prometheus         *Prometheus // metrics_collected.prometheus; nil: nothing is scraped
	EventsBytes        int64       // nephoscope.events_mib: what events of listeners may take of the disk; default 64 MiB
}

// DefaultMemoryBudget is Logs.MemoryBudget where it is not said; bytes.
const DefaultMemoryBudget = 64 << 20

// File is one entry of collect_list: which files go to which log group and stream, and how they are cut into events.
type File struct {
	Path             string // path or glob
	LogGroupName     string // "": made from the path; may hold placeholders
	LogStreamName    string // "": Logs.LogStreamName; may hold placeholders
	LogGroupClass    string // "", STANDARD or INFREQUENT_ACCESS
	RetentionDays    int    // -1: never touched
	TimestampFormat  string // "": events carry the time they were read at
	Timezone         *time.Location
	TrimTimestamp    bool
	PublishMultiLogs bool
	AutoRemoval      bool           // a file is removed when a newer one is there and all of it has been acknowledged
	Blacklist        *regexp.Regexp // nil: none; matches base names
	// MultiLineStart tells which lines begin an event. nil stands for the default `^[\S]`; StartsWithTimestamp for
	// the literal {timestamp_format}.
	MultiLineStart      *regexp.Regexp
	StartsWithTimestamp bool
	Filters             []Filter
	Encoding            string // a name of the Encoding Standard; default utf-8
	Place               Place
}

// Filter keeps (Include) or leaves out the events that match.
type Filter struct {
	Include    bool
	Expression *regexp.Regexp
}
