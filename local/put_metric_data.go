package local

import (
	"context"
	"fmt"
)

// putMetricData checks a whole request and stores it: one datum in the wrong and none is taken.
func (s *Server) putMetricData(ctx context.Context, c *call, in *putMetricDataInput) (*nothing, error) {
	if c.posted > maxMetricRequestBytes {
		return nil, requestTooLarge(c.posted, maxMetricRequestBytes)
	}
	if err := checkNamespace(in.Namespace); err != nil {
		return nil, err
	}
	if in.MetricData == nil && in.EntityMetricData == nil {
		return nil, missingParameter("MetricData")
	}
	if len(in.EntityMetricData) > maxEntityMetricData {
		return nil, tooMany("EntityMetricData", maxEntityMetricData)
	}
	if len(in.EntityMetricData) > 0 && in.StrictEntityValidation == nil {
		return nil, missingParameter("StrictEntityValidation")
	}
	all := []listedData{{"MetricData", in.MetricData}}
	count := len(in.MetricData)
	for i, e := range in.EntityMetricData {
		all = append(all, listedData{fmt.Sprintf("EntityMetricData.member.%d.MetricData", i+1), e.MetricData})
		count += len(e.MetricData)
	}
	if count > maxMetricData {
		return nil, tooMany("MetricData", maxMetricData)
	}

	checker := datumChecker{now: s.now()}
	rows := make([]datumRow, 0, count)
	for _, list := range all {
		for i := range list.data {
			row := checker.check(&list.data[i], fmt.Sprintf("%s.member.%d", list.path, i+1))
			rows = append(rows, row)
		}
	}
	if err := checker.err(); err != nil {
		return nil, err
	}
	if err := s.store.putData(ctx, *in.Namespace, rows); err != nil {
		return nil, err
	}
	c.data = count
	return &nothing{}, nil
}

// listedData are the data of one list in a request, with the list's path for messages.
type listedData struct {
	path string
	data []metricDatum
}

func tooMany(collection string, most int) *apiError {
	return invalidValue("The collection %s must not have a size greater than %d.", collection, most)
}
