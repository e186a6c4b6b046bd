package agent

import (
	"context"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// maxSelfCollectors bounds the collectors that have metrics of their own; there is one for each entry of procstat.
const maxSelfCollectors = 100

// selfMetric is one metric about the agent. docs/metrics.md lists them.
type selfMetric struct {
	name      string
	unit      cloudwatch.Unit
	dimension string // "": none
	counts    bool   // it is told as what was added since the last time
	// of gives a value for each value of the dimension, "" where there is none; what is left out is not known.
	of func(s *Status, put func(value string, v float64))
}

var selfMetrics = []selfMetric{
	{"nephoscope_collect_seconds", cloudwatch.Seconds, "collector", false, perCollector(func(c CollectorLedger) (float64, bool) { return c.LastSeconds, c.Runs > 0 })},
	{"nephoscope_collect_errors", cloudwatch.Count, "collector", true, perCollector(func(c CollectorLedger) (float64, bool) { return float64(c.Errors), true })},
	{"nephoscope_data_sent", cloudwatch.Count, "", true, ofMetrics(func(m *MetricsLedger) float64 { return float64(m.Sent) })},
	{"nephoscope_data_refused", cloudwatch.Count, "reason", true, func(s *Status, put func(string, float64)) {
		if m := s.Metrics; m != nil {
			put("series_budget", float64(m.OverBudget))
			put("no_value", float64(m.Empty))
			put("invalid", float64(m.Invalid))
			put("given_up", float64(m.GivenUp+m.Lost))
		}
	}},
	{"nephoscope_data_pending", cloudwatch.Count, "", false, ofMetrics(func(m *MetricsLedger) float64 { return float64(m.Gathered + m.SpooledData) })},
	{"nephoscope_events_sent", cloudwatch.Count, "", true, ofLogs(func(s *Status) float64 { return float64(s.Total.Sent.Events) })},
	{"nephoscope_events_pending", cloudwatch.Count, "", false, ofLogs(func(s *Status) float64 { return float64(s.Total.Pending.Events) })},
	{"nephoscope_events_rejected", cloudwatch.Count, "", true, ofLogs(func(s *Status) float64 { r := s.Total.Rejected.Sum(); return float64(r.Events) })},
	{"nephoscope_lost_bytes", cloudwatch.Bytes, "", true, ofLogs(func(s *Status) float64 { return float64(s.Total.Lost.Bytes()) })},
	{"nephoscope_lag_bytes", cloudwatch.Bytes, "", false, ofLogs(func(s *Status) float64 { return float64(s.Total.LagBytes) })},
	{"nephoscope_memory_bytes", cloudwatch.Bytes, "", false, func(s *Status, put func(string, float64)) {
		if s.Memory.Resident > 0 {
			put("", float64(s.Memory.Resident))
		}
	}},
	{"nephoscope_cpu_seconds", cloudwatch.Seconds, "", true, func(s *Status, put func(string, float64)) {
		if s.processor > 0 {
			put("", s.processor.Seconds())
		}
	}},
	{"nephoscope_spool_bytes", cloudwatch.Bytes, "", false, ofMetrics(func(m *MetricsLedger) float64 { return float64(m.SpooledBytes) })},
	{"nephoscope_series_known", cloudwatch.Count, "", false, ofMetrics(func(m *MetricsLedger) float64 { return float64(m.Series.Known) })},
}

func perCollector(of func(CollectorLedger) (float64, bool)) func(*Status, func(string, float64)) {
	return func(s *Status, put func(string, float64)) {
		if s.Metrics == nil {
			return
		}
		for _, c := range s.Metrics.Collectors[:min(len(s.Metrics.Collectors), maxSelfCollectors)] {
			if v, known := of(c); known {
				put(c.Name, v)
			}
		}
	}
}

func ofMetrics(of func(*MetricsLedger) float64) func(*Status, func(string, float64)) {
	return func(s *Status, put func(string, float64)) {
		if s.Metrics != nil {
			put("", of(s.Metrics))
		}
	}
}

func ofLogs(of func(*Status) float64) func(*Status, func(string, float64)) {
	return func(s *Status, put func(string, float64)) { put("", of(s)) }
}

// self is the collector of what the agent says of itself: the numbers of its status, which it has anyhow.
type self struct {
	look       func() Status
	processor  func() time.Duration // that the process has used; 0: this system does not tell
	resolution time.Duration
	before     map[string]float64 // of what is a difference, by metric and dimension
}

func newSelf(p config.Plugin, look func() Status, processor func() time.Duration) *self {
	return &self{look, processor, cloudwatch.ResolutionOf(p.Interval), map[string]float64{}}
}

// Collect tells differences from the second time on, and none of what has begun anew.
func (c *self) Collect(_ context.Context, now time.Time) (data []cloudwatch.Datum, err error) {
	s := c.look()
	s.processor = c.processor()
	after := make(map[string]float64, len(c.before))
	for _, m := range selfMetrics {
		m.of(&s, func(value string, v float64) {
			d := cloudwatch.Datum{Name: m.name, Time: now, Unit: m.unit, Resolution: c.resolution}
			if m.dimension != "" {
				d.Dimensions = cloudwatch.Dimensions(m.dimension, value)
			}
			if m.counts {
				key := m.name + " " + value
				was, known := c.before[key]
				after[key] = v
				if !known || v < was {
					return
				}
				v -= was
			}
			d.Values = []float64{v}
			data = append(data, d)
		})
	}
	c.before = after
	return data, nil
}

// ownStatus is what self-metrics are made of: Status without what has to be asked of others, and without a judgement.
func (a *Agent) ownStatus() Status {
	s := Status{Memory: memoryUse()}
	a.tasks.show(&s)
	s.budget(a.budget, time.Now())
	s.sort()
	s.sum()
	return s
}
