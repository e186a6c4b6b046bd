package explain

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

// Prometheus is what would be scraped. What exporters have to say, and what it costs, is known to them alone.
type Prometheus struct {
	config.Prometheus
	Place   config.Place `json:"place"`
	Program string       `json:"program"` // that scrapes; "": it is not installed, or not to be started
	missing string       // why
}

func prometheusReport(c *config.Config) *Prometheus {
	p := scrapedOf(c)
	if p == nil {
		return nil
	}
	program, err := agent.FindScraper()
	r := &Prometheus{Prometheus: *p, Place: c.At("logs.metrics_collected.prometheus"), Program: program}
	if errors.Is(err, fs.ErrNotExist) {
		r.missing = "the package " + agent.ScraperProgram + " is not installed"
	} else if err != nil {
		r.missing = err.Error()
	}
	return r
}

func scrapedOf(c *config.Config) *config.Prometheus {
	if c.Logs == nil {
		return nil
	}
	return c.Logs.Prometheus
}

func (r *Prometheus) write(p *printer) {
	p.heading("Prometheus")
	p.wrapped("  ", "scrapes what "+r.ConfigPath+" names")
	if r.Program == "" {
		p.wrapped("  ", "but not yet: "+r.missing)
	}
	p.wrapped("  ", fmt.Sprintf("→ log group %s, a log stream for each job", r.LogGroup))
	if r.NoExtraction || len(r.Declarations) == 0 {
		p.wrapped("  ", "as log events; nothing becomes a metric")
		return
	}
	p.wrapped("  ", "→ metrics in namespace "+r.Namespace+", by CloudWatch, of what these declarations select:")
	for _, declaration := range declared(&r.Prometheus) {
		p.wrapped("    ", declaration)
	}
	p.wrapped("  ", "how many series and events that is, is up to the exporters: it is not in the bill. nephoscope-prometheus scrape --once says")
}

// dimensionSets are sets of labels for people.
func dimensionSets(sets [][]string) string {
	var all []string
	for _, set := range sets {
		if len(set) == 0 {
			all = append(all, "nothing")
		} else {
			all = append(all, strings.Join(set, "+"))
		}
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, ", ")
}

// prometheus compares what is scraped.
func (d *Difference) prometheus(before, after *config.Config) {
	const what, section = "the scraper of Prometheus exporters", "logs.metrics_collected.prometheus"
	old, now := scrapedOf(before), scrapedOf(after)
	switch {
	case old != nil && now != nil:
		var l differing
		differs(&l, "prometheus_config_path", old.ConfigPath, now.ConfigPath)
		differs(&l, "the log group", old.LogGroup, now.LogGroup)
		differs(&l, "the namespace", old.Namespace, now.Namespace)
		differs(&l, "the cluster", old.ClusterName, now.ClusterName)
		l.list("metric_declaration", declared(old), declared(now))
		l.pairs("metric_unit", old.Units, now.Units)
		l.flag("metric_declaration_dedup", old.Dedup, now.Dedup)
		l.flag("disable_metric_extraction", old.NoExtraction, now.NoExtraction)
		differs(&l, "prometheus_series", old.MaxSeries, now.MaxSeries)
		d.change(what, after.At(section), l)
	case now != nil:
		d.add(starts, what, after.At(section), now.ConfigPath+" → "+now.LogGroup)
	case old != nil:
		d.add(stops, what, before.At(section), old.ConfigPath+" → "+old.LogGroup)
	}
}

// declared are the declarations for people.
func declared(p *config.Prometheus) (all []string) {
	for _, d := range p.Declarations {
		said := strings.Join(d.MetricSelectors, ", ")
		if d.LabelMatcher != "" {
			said += fmt.Sprintf(" where %s matches %s", strings.Join(d.SourceLabels, d.LabelSeparator), d.LabelMatcher)
		}
		all = append(all, said+" by "+dimensionSets(d.Dimensions))
	}
	return all
}
