package config

import (
	"encoding/json"
	"strings"
	"testing"
)

// inEnvironment are the variables of a container, say.
func inEnvironment(all ...string) Option {
	return Environment(func(name string) (string, bool) {
		for _, v := range all {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value, true
			}
		}
		return "", false
	})
}

func TestScrapingIsReadWithTheOriginalsDefaults(t *testing.T) {
	f := func(section, want string, with ...string) {
		t.Helper()
		c, err := Parse("f", []byte(`{"logs": {"metrics_collected": {"prometheus": `+section+`}}}`), inEnvironment(with...))
		if err != nil {
			t.Errorf("%s: %v", section, err)
			return
		}
		if got, _ := json.Marshal(c.Logs.Prometheus); string(got) != want {
			t.Errorf("%s: got\n%s, want\n%s", section, got, want)
		}
	}
	const usual = `"config_path":"/etc/cwagentconfig/prometheus.yaml"`
	const container, ecs = "RUN_IN_CONTAINER=True", "ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4"
	f(`{}`, `{`+usual+`,"log_group":"prometheus/logs/default","namespace":"CWAgent/Prometheus","max_series":100000}`)
	f(`{"log_group_name": "g", "cluster_name": "c"}`, `{`+usual+`,"cluster_name":"c","log_group":"g","namespace":"CWAgent/Prometheus","max_series":100000}`)
	f(`{"cluster_name": "c"}`, `{`+usual+`,"cluster_name":"c","log_group":"/aws/containerinsights/c/prometheus","namespace":"ContainerInsights/Prometheus","max_series":100000}`, container)
	f(`{"cluster_name": "c"}`, `{`+usual+`,"cluster_name":"c","log_group":"/aws/ecs/containerinsights/c/prometheus","namespace":"ECS/ContainerInsights/Prometheus","max_series":100000}`, container, ecs)
	f(`{"prometheus_config_path": "file:/p.yaml", "disable_metric_extraction": true}`, `{"config_path":"/p.yaml","log_group":"prometheus/logs/default","namespace":"CWAgent/Prometheus","no_extraction":true,"max_series":100000}`)
	f(`{"log_group_name": "g", "prometheus_config_path": "env:P", "emf_processor": {"metric_namespace": "n", "metric_declaration_dedup": true, "metric_unit": {"b": "Bytes"},
		"metric_declaration": [{"source_labels": ["job"], "label_matcher": "^w", "metric_selectors": ["^a$"], "dimensions": [["job"], []]}]}}`,
		`{"config_path":"env:P","log_group":"g","namespace":"n","declarations":[{"source_labels":["job"],"label_matcher":"^w","label_separator":";","metric_selectors":["^a$"],"dimensions":[["job"],[]]}],`+
			`"dedup":true,"units":{"b":"Bytes"},"max_series":100000}`, "P=scrape_configs: []")
}

func TestBoundOfScrapedSeries(t *testing.T) {
	c, err := Parse("f", []byte(`{"nephoscope": {"prometheus_series": 7}, "logs": {"metrics_collected": {"prometheus": {}}}}`))
	if err != nil || c.Logs.Prometheus.MaxSeries != 7 {
		t.Errorf("got %+v, %v", c.Logs.Prometheus, err)
	}
}

func TestWhatIsScrapedForNothingIsTold(t *testing.T) {
	f := func(section string, want ...string) {
		t.Helper()
		c, err := Parse("f", []byte(`{"logs": {"metrics_collected": {"prometheus": `+section+`}}}`), inEnvironment())
		if err != nil {
			t.Errorf("%s: %v", section, err)
		}
		if len(c.Warnings) != len(want) {
			t.Errorf("%s: got %d warnings: %v", section, len(c.Warnings), c.Warnings)
			return
		}
		for i, w := range c.Warnings {
			if !strings.Contains(w.Error(), want[i]) {
				t.Errorf("%s: got %v, want %q", section, w, want[i])
			}
		}
	}
	const one = `"emf_processor": {"metric_declaration": [{"source_labels": ["job"], "metric_selectors": [".*"], "dimensions": [["job"]]}]}`
	f(`{"log_group_name": "g", ` + one + `}`)
	f(`{"cluster_name": "g", ` + one + `}`)
	f(`{`+one+`}`, "it goes to prometheus/logs/default")
	f(`{"log_group_name": "g-{hostname}", `+one+`}`, "does not accept '{'")
	f(`{"log_group_name": "g"}`, "log events and no metrics")
	f(`{"log_group_name": "g", "disable_metric_extraction": true}`)
	f(`{"log_group_name": "g", "prometheus_config_path": "env:NONE", `+one+`}`, "the environment variable NONE is not set")
	f(`{"log_group_name": "g", "emf_processor": {"metric_declaration": [{"metric_selectors": ["a"]}, {"source_labels": ["job"], "metric_selectors": []}]}}`, `"source_labels" is missing`, `"metric_selectors" is missing`)
	f(`{"log_group_name": "g", `+one+`, "ecs_service_discovery": {}}`, "file_sd_configs")
}

func TestScrapeConfigurationThatNamesNothing(t *testing.T) {
	for path, want := range map[string]string{"env:": "name of an environment variable", "file:": "names no file", "env:A=B": "name of an environment variable"} {
		_, err := Parse("f", []byte(`{"logs": {"metrics_collected": {"prometheus": {"prometheus_config_path": "`+path+`"}}}}`))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}
