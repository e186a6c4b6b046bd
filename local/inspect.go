package local

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"
)

// A Metric is a known metric. Dimensions are sorted by name.
type Metric struct {
	Namespace  string
	Name       string
	Dimensions []Dimension
	Unit       string    // of its newest datum
	Last       time.Time // of its newest datum
}

// An Event is a stored log event.
type Event struct {
	Timestamp time.Time
	Ingested  time.Time
	Message   string
}

// Metrics lists every stored metric in the order of first appearance.
func (s *Server) Metrics() ([]Metric, error) {
	if err := s.Open(); err != nil {
		return nil, err
	}
	rows, err := s.store.metrics(context.Background(), "", "", 0, math.MinInt64, -1)
	metrics := make([]Metric, len(rows))
	for i, r := range rows {
		metrics[i] = Metric{r.namespace, r.MetricName, r.Dimensions, r.unit, time.Unix(r.last, 0).UTC()}
	}
	return metrics, err
}

// Data lists a metric's stored data, oldest first; none for an unknown metric. Dimensions may be in any order.
func (s *Server) Data(namespace, name string, dimensions ...Dimension) ([]Datum, error) {
	if err := s.Open(); err != nil {
		return nil, err
	}
	given := make([]dimensionInput, len(dimensions))
	for i := range dimensions {
		given[i] = dimensionInput{&dimensions[i].Name, &dimensions[i].Value}
	}
	sorted, refused := checkDimensions(given, "Dimensions")
	if refused != nil {
		return nil, refused
	}
	ctx := context.Background()
	id, err := s.store.metricIdentity(ctx, namespace, metricKey{name, sorted})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var data []Datum
	err = s.store.data(ctx, id, math.MinInt64, math.MaxInt64, "", func(r *datumRow) {
		data = append(data, Datum{time.Unix(r.at, 0).UTC(), r.unit, time.Duration(r.resolution) * time.Second,
			r.count, r.sum, r.min, r.max, r.values, r.counts})
	})
	return data, err
}

// Events lists a stream's stored events by time, equal times in the order of arrival; none for an
// unknown group or stream. What has expired is included until it is swept.
func (s *Server) Events(group, stream string) ([]Event, error) {
	if err := s.Open(); err != nil {
		return nil, err
	}
	ctx := context.Background()
	g, found, err := s.store.group(ctx, group)
	if err != nil || !found {
		return nil, err
	}
	f, found, err := s.store.stream(ctx, g.id, stream)
	if err != nil || !found {
		return nil, err
	}
	var events []Event
	q := eventQuery{group: g.id, streams: []int64{f.id}, from: math.MinInt64 / 2, to: math.MaxInt64 / 2}
	err = s.store.scan(ctx, q, func(e storedEvent) bool {
		events = append(events, Event{time.UnixMilli(e.at).UTC(), time.UnixMilli(e.ingested).UTC(), string(e.message)})
		return true
	})
	return events, err
}

// Groups lists the log groups' names in order, each with its retention in days (0: for ever).
func (s *Server) Groups() (names []string, retention map[string]int, err error) {
	if err := s.Open(); err != nil {
		return nil, nil, err
	}
	groups, err := s.store.groups(context.Background(), groupFilter{limit: -1})
	retention = make(map[string]int)
	for _, g := range groups {
		names = append(names, g.name)
		retention[g.name] = g.retention
	}
	return names, retention, err
}

// Streams lists the names of a group's log streams in order; none for an unknown group.
func (s *Server) Streams(group string) ([]string, error) {
	if err := s.Open(); err != nil {
		return nil, err
	}
	ctx := context.Background()
	g, found, err := s.store.group(ctx, group)
	if err != nil || !found {
		return nil, err
	}
	streams, err := s.store.streams(ctx, streamFilter{group: g.id})
	names := make([]string, len(streams))
	for i, f := range streams {
		names[i] = f.name
	}
	return names, err
}

// Requests counts the API calls so far by operation, whatever was answered.
func (s *Server) Requests() map[string]int64 {
	if s.Open() != nil {
		return nil
	}
	s.agents.mu.Lock()
	defer s.agents.mu.Unlock()
	return copied(s.agents.requests)
}

// Errors counts the errors answered so far by code, such as "InvalidParameterException".
func (s *Server) Errors() map[string]int64 {
	if s.Open() != nil {
		return nil
	}
	s.agents.mu.Lock()
	defer s.agents.mu.Unlock()
	return copied(s.agents.errors)
}

// Clients lists who has called, the most recent first.
func (s *Server) Clients() []Client {
	if s.Open() != nil {
		return nil
	}
	clients, _ := s.agents.seen()
	return clients
}
