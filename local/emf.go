package local

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// The limits of the embedded metric format, from its specification, as of October 2026.
const (
	// "This array MUST NOT contain more than 100 MetricDefinition objects."
	maxMetricDefinitions = 100
	// "Numeric array metric targets MUST NOT have more than 100 members."
	maxMetricTargets = 100
)

// A metricDirective "instructs downstream services that the LogEvent contains metrics that will be extracted and published".
type metricDirective struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metricDefinition
}

type metricDefinition struct {
	Name              string
	Unit              string
	StorageResolution int
}

// embeddedData are the data that one event holds, by namespace.
type embeddedData struct {
	namespace string
	rows      []datumRow
}

// extractMetrics makes metrics of the events that are documents in the embedded metric format, as the service does behind
// PutLogEvents, for groups of the standard class. Nobody is told of one that is not valid: it stays a log event.
func (s *Server) extractMetrics(ctx context.Context, events []inputLogEvent) error {
	for i := range events {
		message := []byte(*events[i].Message)
		if !bytes.HasPrefix(message, []byte{'{'}) || !bytes.Contains(message, []byte(`"CloudWatchMetrics"`)) {
			continue
		}
		for _, d := range readEmbedded(message, s.now()) {
			if err := s.store.putData(ctx, d.namespace, d.rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// readEmbedded reads the data of a document; none when it is not valid. Of _aws "the value MUST be an object and MUST contain"
// CloudWatchMetrics and Timestamp, by exactly these names: a logger's own timestamp is neither.
func readEmbedded(message []byte, now time.Time) (all []embeddedData) {
	var root map[string]json.RawMessage
	if json.Unmarshal(message, &root) != nil {
		return nil
	}
	meta := root // version 0 has the same beside its values
	if about, current := root["_aws"]; current {
		if meta = nil; json.Unmarshal(about, &meta) != nil || meta["Timestamp"] == nil {
			return nil
		}
	}
	var directives []metricDirective
	if json.Unmarshal(meta["CloudWatchMetrics"], &directives) != nil {
		return nil
	}
	at := now.Unix()
	if stamp := meta["Timestamp"]; stamp != nil {
		millis, err := strconv.ParseFloat(strings.Trim(string(stamp), `"`), 64)
		said := time.UnixMilli(int64(millis))
		if err != nil || said.Before(now.Add(-maxDatumAge)) || said.After(now.Add(maxDatumAhead)) {
			return nil
		}
		at = said.Unix()
	}
	for i := range directives {
		d := &directives[i]
		if checkNamespace(&d.Namespace) != nil || len(d.Metrics) > maxMetricDefinitions {
			return nil
		}
		all = append(all, embeddedData{d.Namespace, d.rows(root, at, now)})
	}
	return all
}

// rows makes a datum of each metric in each set of dimensions. A reference to what is not there leaves that metric out.
func (d *metricDirective) rows(root map[string]json.RawMessage, at int64, now time.Time) (rows []datumRow) {
	for _, set := range d.Dimensions {
		dimensions, ok := targetDimensions(set, root)
		if !ok {
			continue
		}
		for _, m := range d.Metrics {
			if row, ok := m.row(root[m.Name], dimensions, now); ok {
				row.at = at
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func targetDimensions(set []string, root map[string]json.RawMessage) ([]Dimension, bool) {
	var given []dimensionInput
	for _, name := range set {
		var value string
		if json.Unmarshal(root[name], &value) != nil {
			return nil, false // "A dimension target MUST have a string value"
		}
		given = append(given, dimensionInput{Name: &name, Value: &value})
	}
	dimensions, err := checkDimensions(given, "Dimensions")
	return dimensions, err == nil
}

// row: "A metric target MUST be a numeric value or an array of numeric values." Units and resolutions that are none have a default.
func (m *metricDefinition) row(target json.RawMessage, dimensions []Dimension, now time.Time) (datumRow, bool) {
	var values []float64
	var one float64
	switch {
	case len(target) == 0:
		return datumRow{}, false
	case target[0] == '[':
		if json.Unmarshal(target, &values) != nil || len(values) == 0 || len(values) > maxMetricTargets {
			return datumRow{}, false
		}
	case json.Unmarshal(target, &one) != nil || string(target) == "null":
		return datumRow{}, false
	default:
		values = []float64{one}
	}
	d := metricDatum{MetricName: &m.Name}
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return datumRow{}, false
		}
		d.Values = append(d.Values, Double(v))
	}
	if checkUnit(&m.Unit, "Unit") == nil {
		d.Unit = &m.Unit
	}
	if m.StorageResolution == 1 {
		d.StorageResolution = &m.StorageResolution
	}
	k := datumChecker{now: now}
	row := k.check(&d, "MetricData.member.1")
	row.metric.Dimensions = dimensions
	return row, k.err() == nil
}
