package local

import (
	"context"
	"strconv"
	"strings"
)

// listMetrics pages through the metrics that have reported lately, in the order of their
// appearance.
func (s *Server) listMetrics(ctx context.Context, _ *call, in *listMetricsInput) (*listMetricsOutput, error) {
	if in.Namespace != nil && *in.Namespace == "" {
		return nil, invalidValue("The parameter Namespace must not be blank.")
	}
	if len(in.Dimensions) > maxDimensionFilters {
		return nil, tooMany("Dimensions", maxDimensionFilters)
	}
	for i, d := range in.Dimensions {
		if d.Name == nil || *d.Name == "" {
			return nil, missingParameter("Dimensions.member." + strconv.Itoa(i+1) + ".Name")
		}
	}
	age := listedMetricAge
	if in.RecentlyActive != nil {
		if *in.RecentlyActive != recentlyActive {
			return nil, invalidValue("The value %s for parameter RecentlyActive is invalid.", printable(*in.RecentlyActive))
		}
		age = recentlyActivePeriod
	}
	after, err := readToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	return s.listPage(ctx, in, after, s.now().Add(-age).Unix())
}

// listPage reads until a page is full and one more is known, or there are no more.
func (s *Server) listPage(ctx context.Context, in *listMetricsInput, after, since int64) (*listMetricsOutput, error) {
	out := &listMetricsOutput{Metrics: []metricShape{}}
	var last int64 // on the page
	for {
		rows, err := s.store.metrics(ctx, text(in.Namespace), text(in.MetricName), after, since, maxListedMetrics)
		if err != nil {
			return nil, err
		}
		for _, m := range rows {
			after = m.id
			if !hasDimensions(m.Dimensions, in.Dimensions) {
				continue
			}
			if len(out.Metrics) == maxListedMetrics {
				out.NextToken = strconv.FormatInt(last, 36)
				return out, nil
			}
			out.Metrics = append(out.Metrics, metricShape{m.namespace, m.MetricName, m.Dimensions})
			last = m.id
		}
		if len(rows) < maxListedMetrics {
			return out, nil
		}
	}
}

// hasDimensions: "If you specify one dimension name and a metric has that dimension and also other
// dimensions, it will be returned." A filter without a value matches any value.
func hasDimensions(has []Dimension, filters []dimensionInput) bool {
	for _, f := range filters {
		found := false
		for _, d := range has {
			if d.Name == *f.Name && (f.Value == nil || d.Value == *f.Value) {
				found = true
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// readToken reads a NextToken that holds a number; none is zero.
func readToken(token *string) (int64, error) {
	if token == nil || *token == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(*token, 36, 64)
	if err != nil || n < 0 || strings.HasPrefix(*token, "+") {
		return 0, invalidValue("The value %s for parameter NextToken is invalid.", printable(*token))
	}
	return n, nil
}

// text is a member's text, empty when it is absent.
func text(member *string) string {
	if member == nil {
		return ""
	}
	return *member
}
