package local

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"
)

// getMetricStatistics answers statistics of one metric, a datapoint for each period that has data.
func (s *Server) getMetricStatistics(ctx context.Context, _ *call, in *getMetricStatisticsInput) (*getMetricStatisticsOutput, error) {
	metric, err := checkMetric(in.Namespace, in.MetricName, in.Dimensions, "")
	if err != nil {
		return nil, err
	}
	if err := checkStatistics(in.Statistics, in.ExtendedStatistics); err != nil {
		return nil, err
	}
	if err := checkUnit(in.Unit, "Unit"); err != nil {
		return nil, err
	}
	if in.Period == nil {
		return nil, missingParameter("Period")
	}
	during, err := s.span(in.StartTime, in.EndTime, *in.Period, "Period")
	if err != nil {
		return nil, err
	}
	if points := (during.to - during.from + during.period - 1) / during.period; points > maxStatisticsPoints {
		return nil, invalidCombination("You have requested up to %d datapoints, which exceeds the limit of %d. You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
			points, maxStatisticsPoints)
	}

	out := &getMetricStatisticsOutput{Label: *in.MetricName, Datapoints: []datapoint{}}
	id, err := s.store.metricIdentity(ctx, *in.Namespace, metric)
	if errors.Is(err, sql.ErrNoRows) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	buckets, err := s.buckets(ctx, id, during, text(in.Unit), true)
	if err != nil {
		return nil, err
	}
	for _, b := range buckets {
		out.Datapoints = append(out.Datapoints, datapointOf(b, in))
	}
	return out, nil
}

func datapointOf(b *bucket, in *getMetricStatisticsInput) datapoint {
	p := datapoint{Timestamp: Timestamp{time.Unix(b.at, 0).UTC()}, Unit: b.unit}
	members := map[string]**float64{"SampleCount": &p.SampleCount, "Average": &p.Average, "Sum": &p.Sum,
		"Minimum": &p.Minimum, "Maximum": &p.Maximum}
	for _, name := range in.Statistics {
		read, _ := statisticNamed(name)
		if value, ok := read(b); ok {
			*members[name] = &value
		}
	}
	for _, name := range in.ExtendedStatistics {
		read, _ := statisticNamed(name)
		if value, ok := read(b); ok {
			if p.ExtendedStatistics == nil {
				p.ExtendedStatistics = make(map[string]float64)
			}
			p.ExtendedStatistics[name] = value
		}
	}
	return p
}

// checkMetric reads the identity of the metric that is asked about.
func checkMetric(namespace, name *string, dimensions []dimensionInput, prefix string) (metricKey, error) {
	if namespace == nil || *namespace == "" {
		return metricKey{}, missingParameter(prefix + "Namespace")
	}
	if name == nil || *name == "" {
		return metricKey{}, missingParameter(prefix + "MetricName")
	}
	sorted, refused := checkDimensions(dimensions, prefix+"Dimensions")
	if refused != nil {
		return metricKey{}, refused
	}
	return metricKey{*name, sorted}, nil
}

// checkStatistics: "you must specify either Statistics or ExtendedStatistics, but not both."
func checkStatistics(plain, extended []string) error {
	switch {
	case len(plain) == 0 && len(extended) == 0:
		return &apiError{400, "MissingRequiredParameterException", "MissingParameter",
			"At least one of the parameters Statistics and ExtendedStatistics must be specified."}
	case len(plain) > 0 && len(extended) > 0:
		return invalidCombination("The parameters Statistics and ExtendedStatistics are mutually exclusive and you have specified both.")
	case len(extended) > maxExtendedStatistics:
		return tooMany("ExtendedStatistics", maxExtendedStatistics)
	}
	for _, name := range plain {
		if !slices.Contains([]string{"SampleCount", "Average", "Sum", "Minimum", "Maximum"}, name) {
			return invalidValue("The value %s for parameter Statistics is invalid.", printable(name))
		}
	}
	for _, name := range extended {
		if _, ok := percentileRank(name); !ok {
			return invalidValue("The value %s for parameter ExtendedStatistics is invalid.", printable(name))
		}
	}
	return nil
}

// span checks a time range and rounds its beginning as the service does: "Start time less than 15
// days ago - Round down to the nearest whole minute. Between 15 and 63 days ago - Round down to the
// nearest 5-minute clock interval. Greater than 63 days ago - 1-hour. If you set Period to 5, 10,
// 20, or 30, the start time of your request is rounded down to the nearest time that corresponds to
// even 5-, 10-, 20-, or 30-second divisions of a minute."
func (s *Server) span(start, end *Timestamp, period int, name string) (span, error) {
	if start == nil {
		return span{}, missingParameter("StartTime")
	}
	if end == nil {
		return span{}, missingParameter("EndTime")
	}
	// "the period can be 1, 5, 10, 20, 30, 60, or any multiple of 60"
	short := slices.Contains([]int{1, 5, 10, 20, 30}, period)
	if period < 1 || (!short && period%60 != 0) {
		return span{}, invalidValue("The parameter %s must be 1, 5, 10, 20, 30, or a multiple of 60.", name)
	}
	switch {
	case start.Equal(end.Time):
		return span{}, invalidValue("The parameter StartTime must not equal parameter EndTime.")
	case start.After(end.Time):
		return span{}, invalidValue("The parameter StartTime must be less than the parameter EndTime.")
	}
	step := int64(60)
	age := s.now().Sub(start.Time)
	switch {
	case age > 63*24*time.Hour:
		step = 3600
	case age > datumRetention:
		step = 300
	case short:
		step = int64(period)
	}
	from := start.Unix()
	from -= ((from % step) + step) % step
	to := end.Unix()
	if end.Nanosecond() > 0 {
		to++
	}
	return span{from, to, int64(period)}, nil
}
