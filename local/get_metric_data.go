package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// getMetricData answers several statistics at once. Metric math and Metrics Insights are not
// answered; they are refused with a sentence that says so.
func (s *Server) getMetricData(ctx context.Context, _ *call, in *getMetricDataInput) (*getMetricDataOutput, error) {
	if len(in.MetricDataQueries) == 0 {
		return nil, missingParameter("MetricDataQueries")
	}
	if len(in.MetricDataQueries) > maxMetricDataQueries {
		return nil, validationError("The collection MetricDataQueries must not have a size greater than %d.", maxMetricDataQueries)
	}
	descending := in.ScanBy == nil || *in.ScanBy == "TimestampDescending"
	if !descending && *in.ScanBy != "TimestampAscending" {
		return nil, invalidValue("The value %s for parameter ScanBy is invalid.", printable(*in.ScanBy))
	}
	most := maxMetricDataPoints
	if in.MaxDatapoints != nil {
		if *in.MaxDatapoints < 1 || *in.MaxDatapoints > maxMetricDataPoints {
			return nil, validationError("The value %d for parameter MaxDatapoints is invalid.", *in.MaxDatapoints)
		}
		most = *in.MaxDatapoints
	}
	skip, err := readToken(in.NextToken)
	if err != nil {
		return nil, refuse(400, "InvalidNextToken", "The value for parameter NextToken is invalid.")
	}
	ids := make(map[string]bool)
	series := make([]metricDataResult, 0, len(in.MetricDataQueries))
	for i := range in.MetricDataQueries {
		q := &in.MetricDataQueries[i]
		if err := checkQuery(q, i, ids); err != nil {
			return nil, err
		}
		result, err := s.querySeries(ctx, in, q, i)
		if err != nil {
			return nil, err
		}
		if descending {
			slices.Reverse(result.Timestamps)
			slices.Reverse(result.Values)
		}
		if q.ReturnData == nil || *q.ReturnData {
			series = append(series, result)
		}
	}
	return pageOf(series, int(skip), most), nil
}

// checkQuery: Id: "The valid characters are letters, numbers, and underscore. The first character
// must be a lowercase letter." It "must be unique within a single call". "You must specify either
// Expression or MetricStat but not both."
func checkQuery(q *metricDataQuery, i int, ids map[string]bool) error {
	path := fmt.Sprintf("MetricDataQueries.member.%d", i+1)
	valid := regexp.MustCompile(`^[a-z][A-Za-z0-9_]{0,254}$`)
	switch {
	case q.Id == nil:
		return missingParameter(path + ".Id")
	case !valid.MatchString(*q.Id):
		return validationError("The value %s for parameter %s.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", printable(*q.Id), path)
	case ids[*q.Id]:
		return validationError("The values for parameter Id in MetricDataQueries are not unique.")
	case (q.MetricStat == nil) == (q.Expression == nil):
		return validationError("Exactly one of the parameters %s.MetricStat and %s.Expression must be specified.", path, path)
	case q.Expression != nil:
		return validationError("The parameter %s.Expression is not supported by this local CloudWatch: it answers MetricStat queries only.", path)
	}
	ids[*q.Id] = true
	return nil
}

func (s *Server) querySeries(ctx context.Context, in *getMetricDataInput, q *metricDataQuery, i int) (metricDataResult, error) {
	path := fmt.Sprintf("MetricDataQueries.member.%d.MetricStat.", i+1)
	result := metricDataResult{Id: *q.Id, Timestamps: []Timestamp{}, Values: []float64{}}
	stat := q.MetricStat
	switch {
	case stat.Metric == nil:
		return result, missingParameter(path + "Metric")
	case stat.Period == nil:
		return result, missingParameter(path + "Period")
	case stat.Stat == nil:
		return result, missingParameter(path + "Stat")
	}
	metric, err := checkMetric(stat.Metric.Namespace, stat.Metric.MetricName, stat.Metric.Dimensions, path+"Metric.")
	if err != nil {
		return result, err
	}
	read, ok := statisticNamed(*stat.Stat)
	if !ok {
		return result, validationError("The value %s for parameter %sStat is not supported by this local CloudWatch: it answers SampleCount, Average, Sum, Minimum, Maximum and percentiles such as p99.", printable(*stat.Stat), path)
	}
	if refused := checkUnit(stat.Unit, path+"Unit"); refused != nil {
		return result, refused
	}
	during, err := s.span(in.StartTime, in.EndTime, *stat.Period, path+"Period")
	if err != nil {
		return result, err
	}
	result.Label = metric.MetricName
	if q.Label != nil {
		result.Label = *q.Label
	}
	id, err := s.store.metricIdentity(ctx, *stat.Metric.Namespace, metric)
	if errors.Is(err, sql.ErrNoRows) {
		return result, nil
	}
	if err != nil {
		return result, err
	}
	buckets, err := s.buckets(ctx, id, during, text(stat.Unit), false)
	if err != nil {
		return result, err
	}
	for _, b := range buckets {
		if value, ok := read(b); ok {
			result.Timestamps = append(result.Timestamps, Timestamp{time.Unix(b.at, 0).UTC()})
			result.Values = append(result.Values, value)
		}
	}
	return result, nil
}

// pageOf leaves out the points that earlier pages had and those of later ones. The token is how
// many points have been answered.
func pageOf(series []metricDataResult, skip, most int) *getMetricDataOutput {
	out := &getMetricDataOutput{MetricDataResults: series}
	seen, end := 0, skip+most
	for i := range series {
		r := &series[i]
		first, total := seen, len(r.Values)
		from, to := clamp(skip-first, total), clamp(end-first, total)
		r.Timestamps, r.Values = r.Timestamps[from:to], r.Values[from:to]
		r.StatusCode = "Complete"
		if to < total {
			r.StatusCode = "PartialData"
		}
		seen += total
	}
	if seen > end {
		out.NextToken = strconv.FormatInt(int64(end), 36)
	}
	return out
}

func clamp(n, most int) int { return max(0, min(n, most)) }
