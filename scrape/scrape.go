// Package scrape reads what Prometheus exporters say and turns it into documents in the embedded metric format: what
// logs.metrics_collected.prometheus asks for. It is linked into nephoscope-prometheus alone.
//
// What a scrape configuration means is Prometheus's (its libraries parse expositions and relabel); what becomes of a sample
// is the original agent's, and its source is named beside each rule:
//
//	agent     github.com/aws/amazon-cloudwatch-agent
//	exporter  github.com/open-telemetry/opentelemetry-collector-contrib, exporter/awsemfexporter
package scrape

import (
	"time"

	"github.com/prometheus/common/model"
)

// What Prometheus fills in (prometheus config/config.go, DefaultGlobalConfig and DefaultScrapeConfig).
const (
	defaultInterval    = time.Minute
	defaultTimeout     = 10 * time.Second
	defaultMetricsPath = "/metrics"
	defaultRefresh     = 5 * time.Minute // discovery/file/file.go, DefaultSDConfig
)

// Our own bounds: what a target says must not fill this process.
const (
	// defaultBody is the largest body of a target whose configuration has no body_size_limit: 50,000 series are about 8 MB.
	defaultBody = 32 << 20
	// allBodies is the most that all bodies in memory may take at once.
	allBodies = 48 << 20
	// maxRedirects is net/http's own.
	maxRedirects = 10
	// maxTargets is how many targets one configuration may have.
	maxTargets = 10_000
)

// The names that Prometheus gives to what it knows of a target.
const (
	addressLabel  = model.AddressLabel
	jobLabel      = model.JobLabel
	instanceLabel = model.InstanceLabel
)

// Suffixes that tell the parts of a metric (agent plugins/inputs/prometheus/metrics_type_handler.go).
const (
	countSuffix  = "_count"
	sumSuffix    = "_sum"
	bucketSuffix = "_bucket"
	totalSuffix  = "_total"
)

// Labels that are added (the same file, and agent plugins/inputs/prometheus/metrics_handler.go).
const (
	typeLabel    = "prom_metric_type"
	clusterLabel = "ClusterName"
	noJobLabel   = "JobName" // added, as noJob, to what has no job
	noJob        = "default"
)
