package config

// Prometheus is logs.metrics_collected.prometheus, read and with its defaults;
// its JSON is what the scraper (nephoscope-prometheus) is given on standard
// input.
type Prometheus struct {
	// ConfigPath is the scrape configuration, Prometheus's own YAML.
	ConfigPath string `json:"config_path"`
	// ClusterName is added to each event as the label ClusterName; empty, none is.
	ClusterName string `json:"cluster_name,omitempty"`
	// LogGroup is where the events go, after defaults.
	LogGroup string `json:"log_group"`
	// Namespace is that of the metrics in the events, after defaults.
	Namespace string `json:"namespace"`
	// Declarations say which samples become metrics, and with which dimensions.
	Declarations []PrometheusDeclaration `json:"declarations,omitempty"`
	// Dedup names a metric once where several declarations name it with the same
	// dimensions.
	Dedup bool `json:"dedup,omitempty"`
	// Units are the CloudWatch units of metrics, by name.
	Units map[string]string `json:"units,omitempty"`
	// NoExtraction sends the events as logs only.
	NoExtraction bool `json:"no_extraction,omitempty"`
	// MaxSeries is how many series one scraper remembers, for their deltas.
	MaxSeries int `json:"max_series"`
}

// PrometheusDeclaration is one element of emf_processor.metric_declaration.
type PrometheusDeclaration struct {
	// SourceLabels are the labels whose values, joined, LabelMatcher is tried on.
	SourceLabels []string `json:"source_labels,omitempty"`
	// LabelMatcher is a regular expression.
	LabelMatcher string `json:"label_matcher,omitempty"`
	// LabelSeparator joins the values; empty is ";".
	LabelSeparator string `json:"label_separator,omitempty"`
	// MetricSelectors are regular expressions of names of metrics.
	MetricSelectors []string `json:"metric_selectors,omitempty"`
	// Dimensions are sets of labels.
	Dimensions [][]string `json:"dimensions,omitempty"`
}
