package config

import (
	"cmp"
	"fmt"
	"strings"
)

// defaultScrapeConfig is where the original looks for a scrape configuration unless it is told otherwise.
const defaultScrapeConfig = "/etc/cwagentconfig/prometheus.yaml"

// DefaultScrapeGroup is the log group of what is scraped where neither a group nor a cluster is named; the original does not
// start without one.
const DefaultScrapeGroup = "prometheus/logs/default"

// readPrometheus reads logs.metrics_collected.prometheus; nil: it is not there. with has the variables of the environment.
func readPrometheus(s, ours section, with func(name string) string) *Prometheus {
	if !s.there() {
		return nil
	}
	processor := s.section("emf_processor")
	p := &Prometheus{
		ConfigPath:   strings.TrimPrefix(cmp.Or(s.text("prometheus_config_path"), defaultScrapeConfig), "file:"),
		ClusterName:  s.text("cluster_name"),
		Namespace:    cmp.Or(processor.text("metric_namespace"), scrapeNamespace(with)),
		Dedup:        processor.flag("metric_declaration_dedup"),
		NoExtraction: s.flag("disable_metric_extraction"),
		MaxSeries:    ours.number("prometheus_series"),
	}
	p.LogGroup = cmp.Or(s.text("log_group_name"), scrapeGroup(p.ClusterName, with))
	for _, d := range processor.items("metric_declaration") {
		p.Declarations = append(p.Declarations, PrometheusDeclaration{
			SourceLabels: d.texts("source_labels"), LabelMatcher: d.text("label_matcher"), LabelSeparator: d.text("label_separator"),
			MetricSelectors: d.texts("metric_selectors"), Dimensions: readDimensions(d.value("dimensions")),
		})
	}
	if units := processor.value("metric_unit"); units != nil {
		p.Units = map[string]string{}
		for _, m := range units.members {
			if m.value.kind == text {
				p.Units[m.key] = m.value.text
			}
		}
	}
	return p
}

// readDimensions reads a list of lists of labels; one that is empty is a metric without dimensions.
func readDimensions(n *node) (all [][]string) {
	if n == nil {
		return nil
	}
	for _, item := range n.items {
		set := []string{}
		for _, label := range item.items {
			if label.kind == text {
				set = append(set, label.text)
			}
		}
		if item.kind == list {
			all = append(all, set)
		}
	}
	return all
}

// onECS tells whether the environment is one that ECS gives to a container.
func onECS(with func(name string) string) bool {
	return with("ECS_CONTAINER_METADATA_URI_V4") != "" || with("ECS_CONTAINER_METADATA_URI") != ""
}

func scrapeNamespace(with func(name string) string) string {
	switch {
	case !InContainer(with):
		return "CWAgent/Prometheus"
	case onECS(with):
		return "ECS/ContainerInsights/Prometheus"
	}
	return "ContainerInsights/Prometheus"
}

func scrapeGroup(cluster string, with func(name string) string) string {
	switch {
	case cluster == "":
		return DefaultScrapeGroup
	case InContainer(with) && onECS(with):
		return "/aws/ecs/containerinsights/" + cluster + "/prometheus"
	}
	return "/aws/containerinsights/" + cluster + "/prometheus"
}

// ScrapeVariable is the environment variable with the scrape configuration in it; false: that is a file.
func (p *Prometheus) ScrapeVariable() (name string, ok bool) {
	return strings.CutPrefix(p.ConfigPath, FromEnvironment)
}

// scrapeConfig judges prometheus_config_path.
func (r *reading) scrapeConfig(n *node) {
	name, variable := strings.CutPrefix(n.text, FromEnvironment)
	switch {
	case variable && (name == "" || strings.ContainsAny(name, "=\x00")):
		r.refuse(n, fmt.Sprintf("%q cannot be the name of an environment variable", name), "such as env:PROMETHEUS_CONFIG_CONTENT")
	case variable && r.options.lookup != nil && r.options.getenv(name) == "":
		r.warn(n.at, fmt.Sprintf("the environment variable %s is not set: there is nothing to scrape", name), "set it where the agent is started")
	case strings.TrimPrefix(n.text, "file:") == "" && n.text != "":
		r.refuse(n, "names no file", "such as file:"+defaultScrapeConfig)
	}
}

// plainGroup warns of the name of a log group that CloudWatch Logs will refuse. It has no placeholders, as for the original.
func (r *reading) plainGroup(n *node) {
	if strings.Contains(n.text, "${") { // a variable that is not set was told of
		return
	}
	strange := func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_/.#-", c))
	}
	if at := strings.IndexFunc(n.text, strange); at >= 0 {
		r.warn(n.at, fmt.Sprintf("CloudWatch Logs does not accept %q in the name of a log group, and there are no placeholders here: all that is scraped will be refused", []rune(n.text[at:])[0]),
			"it may hold letters, digits and _ / . # -")
	}
}

// scraping judges the section as a whole: where what is scraped goes, and whether anything becomes a metric.
func (r *reading) scraping(n *node) {
	s := section{n, prometheusLogsShape()}
	if s.text("log_group_name") == "" && s.text("cluster_name") == "" {
		r.warn(n.at, fmt.Sprintf("there is no log group for what is scraped: it goes to %s. The original finds out the name of the cluster in a container, and does not start elsewhere", DefaultScrapeGroup),
			`name one with "log_group_name"`)
	}
	processor := s.section("emf_processor")
	all := processor.items("metric_declaration")
	if len(all) == 0 && !s.flag("disable_metric_extraction") {
		r.warn(n.at, "what is scraped becomes log events and no metrics: nothing says which metrics", `list them in "metric_declaration" of "emf_processor", or set "disable_metric_extraction" to true`)
	}
	for _, d := range all {
		for _, name := range []string{"source_labels", "metric_selectors"} {
			if list := d.node.child(name); list == nil || list.kind != broken && len(list.items) == 0 {
				r.warn(d.node.at, fmt.Sprintf("has no effect: %q is missing, or empty", name), "it takes both, source_labels and metric_selectors, such as [\"job\"] and [\".*\"]")
				break
			}
		}
	}
}
