package publish

import (
	"cmp"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
)

// store spools data, which it changes: as the requests that will carry them or, while this host's dimensions are not known,
// as they are.
func (m *Metrics) store(data []cloudwatch.Datum, now time.Time) {
	for len(data) > 0 {
		namespace, own, rest := m.ofOneNamespace(data)
		n := MetricCounts{Gathered: -int64(len(own))}
		if bound, known := m.Bind(own); known {
			m.pack(namespace, m.rollUp(bound, &n), ready, now, n)
		} else {
			m.pack(namespace, own, waiting, now, n)
		}
		data = rest
	}
}

// ofOneNamespace parts data by the namespace they go to; nearly always there is one. That of Metrics comes last: others are the
// agent's own, which the series budget is to let in first.
func (m *Metrics) ofOneNamespace(data []cloudwatch.Datum) (namespace string, own, rest []cloudwatch.Datum) {
	of := func(d *cloudwatch.Datum) string {
		if d.Source == nil {
			return m.Namespace
		}
		return cmp.Or(d.Source.Namespace, m.Namespace)
	}
	other := slices.IndexFunc(data, func(d cloudwatch.Datum) bool { return of(&d) != m.Namespace })
	if other < 0 {
		return m.Namespace, data, nil
	}
	namespace = of(&data[other])
	for i := range data {
		if of(&data[i]) == namespace {
			own = append(own, data[i])
		} else {
			rest = append(rest, data[i])
		}
	}
	return namespace, own, rest
}

// rollUp adds roll-ups, and leaves out what was wanted for them alone.
func (m *Metrics) rollUp(data []cloudwatch.Datum, n *MetricCounts) []cloudwatch.Datum {
	before := int64(len(data))
	for i := range data {
		if data[i].RollUpOnly {
			n.Originals++
		}
	}
	all := cloudwatch.RollUp(data, m.RollUps)
	n.Added += int64(len(all)) - before + n.Originals
	return all
}

// pack spools data; n is what became of them so far. Only what is ready is what is billed: the host's dimensions and roll-ups
// are in it, and nothing that the service does not take.
func (m *Metrics) pack(namespace string, data []cloudwatch.Datum, in stage, now time.Time, n MetricCounts) {
	before := len(data)
	data = cloudwatch.Merge(data)
	n.Merged += int64(before - len(data))
	for i := range data {
		if !slices.ContainsFunc(data[i].Values, cloudwatch.Sendable) {
			n.Empty++
		}
	}
	whole := int64(len(data)) - n.Empty
	data, refused := cloudwatch.Fit(data)
	n.Refused = int64(refused)
	if refused > 0 {
		m.Log.Error("values that no request may hold are dropped", zap.Int("values", refused))
	}
	n.Added += int64(len(data)) - whole
	if in == ready {
		over := 0
		data, over = m.Budget.Admit(namespace, data, time.Now())
		n.OverBudget += int64(over)
	}
	n.Spooled += int64(len(data))
	batches := cloudwatch.Cut(namespace, data)
	m.ledger.note(func(c *MetricCounts) { c.add(n) })
	for _, b := range batches {
		m.spoolBatch(encode(b), len(b.Data), in, now)
	}
	if n.OverBudget > 0 {
		m.complain(time.Now())
	}
}

func (m *Metrics) spoolBatch(raw []byte, data int, in stage, now time.Time) {
	m.disk.note(m.Log, m.spool.put(raw, data, in, now), "the spool takes nothing; metrics are kept in memory until they are sent", "the spool takes metrics again")
	m.countGivenUp()
}

func (m *Metrics) countGivenUp() {
	gone := m.spool.given()
	if gone.data > 0 || gone.overflowed+gone.outdated > 0 {
		m.ledger.note(func(c *MetricCounts) {
			c.Dropped += int64(gone.overflowed + gone.outdated)
			c.GivenUp += gone.data
			c.Spooled -= gone.data
		})
	}
	if gone.overflowed+gone.outdated > 0 {
		m.Log.Error("the spool gave up its oldest metric batches", zap.Int("full", gone.overflowed), zap.Int("too_old", gone.outdated))
	}
}

// complain says once, and then once an hour at most, what the budget refuses.
func (m *Metrics) complain(now time.Time) {
	p, due := m.Budget.Complaint(now)
	if !due {
		return
	}
	r := p.Refused
	m.Log.Warn("the series budget is used up: new series are not sent, those that are known go on", zap.String("collector", p.Name), zap.Int("refused_series", r.Series),
		zap.String("most_values", cmp.Or(r.Dimension, "name of the metric")), zap.Int("values", r.Values), zap.String("example", r.Example),
		zap.String("hint", "leave out what nobody looks at, or raise nephoscope.series_budget; nephoscope explain tells what series cost"))
}
