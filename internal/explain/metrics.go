package explain

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/config"
)

// Metrics is what the metrics section would send.
type Metrics struct {
	Namespace    string   `json:"namespace"`
	FlushSeconds float64  `json:"flush_seconds"`
	Endpoint     string   `json:"endpoint,omitempty"` // endpoint_override
	RoleARN      string   `json:"role_arn,omitempty"`
	Requests     float64  `json:"requests_per_month"` // of PutMetricData
	Plugins      []Plugin `json:"plugins"`
	Series       []Series `json:"series"` // each once, in the order of the plugins
}

// Plugin sums up one plugin.
type Plugin struct {
	Name            string       `json:"name"`
	Namespace       string       `json:"namespace,omitempty"` // that it sends to; "": the one of all metrics
	IntervalSeconds float64      `json:"interval_seconds"`
	Series          int          `json:"series"`
	RollUps         int          `json:"rollups"` // of them
	Place           config.Place `json:"place"`
	Problem         string       `json:"problem,omitempty"` // what it could not read
	notice          bool         // the problem is that there is nothing to read
}

// problemText is the problem in words.
func (p Plugin) problemText() string {
	if p.notice {
		return strings.TrimPrefix(p.Problem, p.Name+": ")
	}
	return "not all could be read: " + p.Problem
}

// Series is one metric as CloudWatch would keep it, and bill it.
type Series struct {
	Plugin            string      `json:"plugin"`
	Namespace         string      `json:"namespace,omitempty"` // "": the one of all metrics
	Name              string      `json:"name"`
	Dimensions        []Dimension `json:"dimensions"` // by name
	Unit              string      `json:"unit"`
	ResolutionSeconds float64     `json:"resolution_seconds"` // 1: high resolution
	IntervalSeconds   float64     `json:"interval_seconds"`
	RollUp            bool        `json:"rollup"` // it comes from aggregation_dimensions
}

// Dimension is one name and value. A value such as ${aws:InstanceId} is not known before the instance is asked.
type Dimension struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func metricsOf(c *config.Config, plan *agent.Plan) *Metrics {
	m := &Metrics{
		Namespace: c.Metrics.Namespace, FlushSeconds: c.Metrics.ForceFlushInterval.Seconds(), Endpoint: c.Metrics.EndpointOverride, RoleARN: c.Metrics.RoleARN,
		Requests: requestsFor(c.Metrics, plan.Plugins, 0, c.Metrics.ForceFlushInterval),
		Plugins:  []Plugin{}, Series: []Series{},
	}
	var known cloudwatch.Series // two plugins may send one series, if metrics are renamed
	for _, p := range plan.Plugins {
		own := Plugin{Name: p.Plugin.Called(), IntervalSeconds: p.Plugin.Interval.Seconds(), Place: p.Plugin.Place, Namespace: p.Plugin.Namespace}
		if p.Err != nil {
			own.Problem = p.Err.Error()
			_, own.notice = errors.AsType[collectors.Notice](p.Err)
		}
		for i := range p.Data {
			d := &p.Data[i]
			before := len(known.All())
			if known.Of(d) < before {
				continue
			}
			rollUp := i >= len(p.Data)-p.RollUps
			m.Series = append(m.Series, seriesOf(p.Plugin, d, rollUp))
			if own.Series++; rollUp {
				own.RollUps++
			}
		}
		m.Plugins = append(m.Plugins, own)
	}
	return m
}

func seriesOf(p config.Plugin, d *cloudwatch.Datum, rollUp bool) Series {
	unit := d.Unit
	if unit == "" {
		unit = cloudwatch.None
	}
	s := Series{
		Plugin: p.Called(), Namespace: p.Namespace, Name: d.Name, Dimensions: []Dimension{}, Unit: string(unit), ResolutionSeconds: d.Resolution.Seconds(),
		IntervalSeconds: p.Interval.Seconds(), RollUp: rollUp,
	}
	for _, x := range d.Dimensions {
		s.Dimensions = append(s.Dimensions, Dimension{x.Name, x.Value})
	}
	return s
}

// value of a dimension; "" if the series has none of that name.
func (s Series) value(name string) string {
	i := slices.IndexFunc(s.Dimensions, func(d Dimension) bool { return d.Name == name })
	if i < 0 {
		return ""
	}
	return s.Dimensions[i].Value
}

// highResolution tells whether any of a plugin's series is.
func (m *Metrics) highResolution(plugin string) (n int) {
	for _, s := range m.Series {
		if s.Plugin == plugin && s.ResolutionSeconds < time.Minute.Seconds() {
			n++
		}
	}
	return n
}
