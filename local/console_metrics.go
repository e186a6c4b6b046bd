package local

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

type consoleMetric struct {
	ID         int64       `json:"id"` // of this process's answers; links carry the names instead
	Namespace  string      `json:"namespace"`
	Name       string      `json:"name"`
	Dimensions []Dimension `json:"dimensions"`
	Unit       string      `json:"unit"`
	Resolution int         `json:"resolution"` // seconds
	First      int64       `json:"first"`      // datum, second
	Last       int64       `json:"last"`       // datum, second
}

// consoleMetrics lists every metric.
func (s *Server) consoleMetrics(r *http.Request) ([]consoleMetric, error) {
	rows, err := s.store.metrics(r.Context(), "", "", 0, math.MinInt64, 20_000)
	list := make([]consoleMetric, len(rows))
	for i, m := range rows {
		list[i] = consoleMetric{m.id, m.namespace, m.MetricName, m.Dimensions, m.unit, m.resolution, m.first, m.last}
	}
	return list, err
}

// A consoleSeries is one statistic of one metric; a point is a second and a value.
type consoleSeries struct {
	ID     int64        `json:"id"`
	Points [][2]float64 `json:"points"`
	Hidden bool         `json:"hidden"` // there are data that the statistic cannot be told from
}

type consoleChart struct {
	From   int64           `json:"from"`
	To     int64           `json:"to"`
	Period int64           `json:"period"`
	Series []consoleSeries `json:"series"`
}

const (
	maxChartSeries = 200
	maxChartPoints = 5000
)

// consoleSeries answers a statistic of several metrics: metric (repeated), stat, period, from and
// to in seconds.
func (s *Server) consoleSeries(r *http.Request) (*consoleChart, error) {
	form := r.URL.Query()
	read, ok := statisticNamed(form.Get("stat"))
	if !ok {
		return nil, fmt.Errorf("%w: stat is not a statistic", errBadRequest)
	}
	var numbers [3]int64
	for i, name := range []string{"from", "to", "period"} {
		n, err := strconv.ParseInt(form.Get(name), 10, 64)
		if err != nil || n < 0 || n > 1<<40 {
			return nil, fmt.Errorf("%w: %s is not a number of seconds", errBadRequest, name)
		}
		numbers[i] = n
	}
	during := span{numbers[0], numbers[1], numbers[2]}
	if during.period < 1 || during.to <= during.from || (during.to-during.from)/during.period > maxChartPoints {
		return nil, fmt.Errorf("%w: the range is empty or has too many periods", errBadRequest)
	}
	during.from -= during.from % during.period
	if len(form["metric"]) > maxChartSeries {
		return nil, fmt.Errorf("%w: at most %d metrics", errBadRequest, maxChartSeries)
	}
	chart := &consoleChart{From: during.from, To: during.to, Period: during.period, Series: []consoleSeries{}}
	for _, text := range form["metric"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: metric is not a number", errBadRequest)
		}
		buckets, err := s.buckets(r.Context(), id, during, "", false)
		if err != nil {
			return nil, err
		}
		one := consoleSeries{ID: id, Points: [][2]float64{}}
		for _, b := range buckets {
			if value, ok := read(b); ok {
				one.Points = append(one.Points, [2]float64{float64(b.at), value})
			} else {
				one.Hidden = true
			}
		}
		chart.Series = append(chart.Series, one)
	}
	return chart, nil
}

type consoleHealth struct {
	Now      int64            `json:"now"`
	Since    int64            `json:"since"`
	Clients  []consoleClient  `json:"clients"`
	Refusals []consoleRefusal `json:"refusals"`
}

type consoleClient struct {
	Host       string           `json:"host"`
	UserAgent  string           `json:"userAgent"`
	FirstSeen  int64            `json:"firstSeen"`
	LastSeen   int64            `json:"lastSeen"`
	LastData   int64            `json:"lastPutMetricData"`
	LastEvents int64            `json:"lastPutLogEvents"`
	Requests   map[string]int64 `json:"requests"`
	Errors     map[string]int64 `json:"errors"`
	Rejected   map[string]int64 `json:"rejected"`
	Events     int64            `json:"events"`
	Data       int64            `json:"data"`
	Bytes      int64            `json:"bytes"`
}

type consoleRefusal struct {
	At        int64  `json:"at"`
	Host      string `json:"host"`
	UserAgent string `json:"userAgent"`
	Operation string `json:"operation"`
	Code      string `json:"code"`
	Message   string `json:"message"`
}

// consoleAgents tells what the server has seen of its clients. Times are milliseconds, 0 for never.
func (s *Server) consoleAgents(*http.Request) (*consoleHealth, error) {
	clients, refusals := s.agents.seen()
	out := &consoleHealth{Now: s.now().UnixMilli(), Since: s.agents.since.UnixMilli(),
		Clients: []consoleClient{}, Refusals: []consoleRefusal{}}
	for _, c := range clients {
		out.Clients = append(out.Clients, consoleClient{c.Host, c.UserAgent, millis(c.FirstSeen), millis(c.LastSeen),
			millis(c.LastPutMetricData), millis(c.LastPutLogEvents), c.Requests, c.Errors, c.Rejected, c.Events, c.Data, c.Bytes})
	}
	for _, f := range refusals {
		out.Refusals = append(out.Refusals, consoleRefusal{millis(f.At), f.Host, f.UserAgent, f.Operation, f.Code, f.Message})
	}
	return out, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
