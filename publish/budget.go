package publish

import (
	"cmp"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// keepSeries is how long a series that is not sent keeps its place in the budget. CloudWatch bills a custom metric for each
// hour in which it is sent ("All custom metrics charges are prorated by the hour and metered only when you send metrics",
// aws.amazon.com/cloudwatch/pricing), so an hour would hold the bill down; with three, what is sent once an hour keeps its place.
const keepSeries = 3 * time.Hour

// Budget bounds how many series a host sends. A series is what is billed: a namespace, a name and dimensions. Those that are
// known go on; beyond the limit new ones are refused, counted, and the plugin that brings them is named. Of the known it holds
// a hash each. It is the agent's, not a configuration's: a reload changes its limit and forgets nothing.
//
// New series of one flush are let in in the order of Configure: what the configuration names first goes on. A plugin that has
// more than its share (the limit divided by the plugins) leaves the last tenth to those that have less, so that one that
// brings series without end does not shut out the next.
type Budget struct {
	mu      sync.Mutex
	seed    maphash.Seed
	known   map[uint64]place
	born    time.Time // minutes count from then on
	limit   int       // 0: none
	active  int       // plugins of the configuration
	plugins []pluginUse
	swept   int32 // minute of the last look for series that are gone
	said    time.Time
	news    []newSeries
}

// place is what is remembered of a series.
type place struct {
	seen int32  // minute
	of   uint16 // index of plugins
}

// pluginUse is one plugin's part of the budget.
type pluginUse struct {
	name  string
	rank  int // in the configuration
	known int
	refusal
}

// refusal is what became of a plugin's data that found no room.
type refusal struct {
	data        int64
	since, last time.Time
	series      sketch
	dimensions  []dimensionUse // that refused series have
}

type dimensionUse struct {
	name    string // "": the name of the metric
	values  sketch
	example string
}

// newSeries is a datum whose series is not known.
type newSeries struct {
	hash uint64
	at   int // in the data
	of   uint16
}

const (
	seriesBits = 1 << 16
	valueBits  = 1 << 13
	// maxDimensionUses bounds the dimensions of refused series that are told apart.
	maxDimensionUses = 40
	maxPlugins       = 1 << 15
)

// NewBudget has no limit.
func NewBudget() *Budget { return &Budget{seed: maphash.MakeSeed(), known: map[uint64]place{}} }

// Configure sets the limit (0: none) and names the plugins that bring data, those first that are to be let in first.
func (b *Budget) Configure(limit int, plugins []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed := limit != b.limit
	if changed {
		b.said = time.Time{}
	}
	b.limit, b.active = limit, len(plugins)
	for i := range b.plugins {
		u := &b.plugins[i]
		u.rank = len(plugins) // no longer in the configuration, or not yet
		if changed || !slices.Contains(plugins, u.name) {
			// What was refused may have room now, or will not come again.
			u.refusal = refusal{data: u.data}
		}
	}
	for rank, name := range plugins {
		b.plugins[b.plugin(name)].rank = rank
	}
}

// plugin finds the index of a plugin. There are as many as configurations have named; beyond a bound they share one.
func (b *Budget) plugin(name string) uint16 {
	at := slices.IndexFunc(b.plugins, func(u pluginUse) bool { return u.name == name })
	if at < 0 && len(b.plugins) >= maxPlugins {
		at = 0
	}
	if at < 0 {
		at = len(b.plugins)
		b.plugins = append(b.plugins, pluginUse{name: name, rank: b.active})
	}
	return uint16(at)
}

// Admit returns the data whose series are known or find room, and how many were refused. The data are given away. Where
// nothing is new it allocates nothing.
func (b *Budget) Admit(namespace string, data []cloudwatch.Datum, now time.Time) (admitted []cloudwatch.Datum, refused int) {
	if b == nil {
		return data, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit == 0 {
		return data, 0
	}
	minute := b.minute(now)
	b.news = b.news[:0]
	for i := range data {
		hash := b.hash(namespace, &data[i])
		if p, known := b.known[hash]; !known {
			b.news = append(b.news, newSeries{hash, i, b.sourceOf(&data[i])})
		} else if p.seen != minute {
			b.known[hash] = place{minute, p.of}
		}
	}
	if len(b.news) == 0 {
		return data, 0
	}
	slices.SortStableFunc(b.news, func(x, y newSeries) int { return cmp.Compare(b.plugins[x.of].rank, b.plugins[y.of].rank) })
	var out []bool // those that are refused
	for _, n := range b.news {
		if _, known := b.known[n.hash]; known { // by now: another datum of it
			continue
		}
		if b.room(n.of, now) {
			b.known[n.hash] = place{minute, n.of}
			b.plugins[n.of].known++
			continue
		}
		if out == nil {
			out = make([]bool, len(data))
		}
		out[n.at] = true
		refused++
		b.refuse(n, &data[n.at], now)
	}
	if cap(b.news) > 4*b.limit {
		b.news = nil // of a flood
	}
	if refused == 0 {
		return data, 0
	}
	kept := data[:0]
	for i := range out {
		if !out[i] {
			kept = append(kept, data[i])
		}
	}
	clear(data[len(kept):])
	return kept, refused
}

func (b *Budget) sourceOf(d *cloudwatch.Datum) uint16 {
	name := ""
	if d.Source != nil {
		name = d.Source.Name
	}
	return b.plugin(name)
}

// hash of what is billed. Series that share one, which is one pair in millions of hosts, count as one.
func (b *Budget) hash(namespace string, d *cloudwatch.Datum) uint64 {
	var h maphash.Hash
	h.SetSeed(b.seed)
	_, _ = h.WriteString(namespace)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(d.Name)
	for _, x := range d.Dimensions {
		_ = h.WriteByte(0)
		_, _ = h.WriteString(x.Name)
		_ = h.WriteByte(0)
		_, _ = h.WriteString(x.Value)
	}
	return h.Sum64()
}

// room tells whether a plugin may have one series more.
func (b *Budget) room(of uint16, now time.Time) bool {
	fits := func() bool {
		limit := b.limit
		if share := b.limit / max(b.active, 1); b.active > 1 && b.plugins[of].known >= share {
			limit -= b.limit / 10
		}
		return len(b.known) < limit
	}
	return fits() || b.sweep(now) && fits()
}

// minute counts minutes, as they pass: a clock that is set makes no series old.
func (b *Budget) minute(now time.Time) int32 {
	if b.born.IsZero() {
		b.born = now
	}
	return int32(now.Sub(b.born) / time.Minute)
}

// sweep forgets series that were not sent for long; false: it has looked within this minute.
func (b *Budget) sweep(now time.Time) bool {
	minute := b.minute(now)
	if minute == b.swept {
		return false
	}
	b.swept = minute
	for hash, p := range b.known {
		switch age := minute - p.seen; {
		case age > int32(keepSeries/time.Minute):
			delete(b.known, hash)
			b.plugins[p.of].known--
		case age < 0: // of moments without Go's monotonic clock: it was set back
			b.known[hash] = place{minute, p.of}
		}
	}
	return true
}

// refuse remembers what a datum that found no room is about.
func (b *Budget) refuse(n newSeries, d *cloudwatch.Datum, now time.Time) {
	u := &b.plugins[n.of]
	if u.series == nil || now.Sub(u.last) > keepSeries {
		u.refusal = refusal{data: u.data, since: now, series: newSketch(seriesBits)}
	}
	u.data++
	u.last = now
	u.series.add(n.hash)
	u.note("", d.Name, b.seed)
	for _, x := range d.Dimensions {
		u.note(x.Name, x.Value, b.seed)
	}
}

func (r *refusal) note(name, value string, seed maphash.Seed) {
	at := slices.IndexFunc(r.dimensions, func(u dimensionUse) bool { return u.name == name })
	if at < 0 {
		if len(r.dimensions) >= maxDimensionUses {
			return
		}
		at = len(r.dimensions)
		r.dimensions = append(r.dimensions, dimensionUse{name, newSketch(valueBits), value})
	}
	r.dimensions[at].values.add(maphash.String(seed, value))
}

// BudgetState is how a budget stands.
type BudgetState struct {
	Limit   int // 0: none, and nothing is counted
	Known   int // series
	Plugins []PluginSeries
}

// PluginSeries is one plugin's part of a budget: of each that has series or had some refused.
type PluginSeries struct {
	Name    string // "": it is not known whose they were
	Known   int
	Refused RefusedSeries
}

// RefusedSeries is what found no room. Series and Values are estimates.
type RefusedSeries struct {
	Data        int64     // since the agent started
	Since, Last time.Time // zero: nothing was for the last three hours
	Series      int
	Dimension   string // that has the most values among them; "": the metric's own name
	Values      int    // of it
	Example     string // one of them
}

// State tells how the budget stands, those plugins first of which the most is refused.
func (b *Budget) State(now time.Time) BudgetState {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep(now)
	s := BudgetState{Limit: b.limit}
	if b.limit > 0 {
		s.Known = len(b.known)
	}
	for i := range b.plugins {
		u := b.plugins[i]
		if b.limit == 0 { // what is remembered is for when there is one again
			u.known = 0
		}
		if u.known == 0 && u.data == 0 {
			continue
		}
		p := PluginSeries{Name: u.name, Known: u.known, Refused: RefusedSeries{Data: u.data}}
		if u.series != nil && now.Sub(u.last) <= keepSeries {
			u.tell(&p.Refused)
		}
		s.Plugins = append(s.Plugins, p)
	}
	slices.SortStableFunc(s.Plugins, func(x, y PluginSeries) int {
		return cmp.Or(cmp.Compare(y.Refused.Series, x.Refused.Series), cmp.Compare(y.Known, x.Known), cmp.Compare(x.Name, y.Name))
	})
	return s
}

func (r *refusal) tell(to *RefusedSeries) {
	to.Since, to.Last, to.Series = r.since, r.last, max(r.series.count(), 1)
	for _, d := range r.dimensions {
		if n := d.values.count(); n > to.Values {
			to.Dimension, to.Values, to.Example = d.name, n, d.example
		}
	}
}

// Complaint is the plugin of which the most is refused, once an hour at most.
func (b *Budget) Complaint(now time.Time) (p PluginSeries, due bool) {
	const pause = time.Hour
	b.mu.Lock()
	due = b.said.IsZero() || now.Sub(b.said) >= pause || now.Before(b.said)
	if due {
		b.said = now
	}
	b.mu.Unlock()
	if !due {
		return p, false
	}
	s := b.State(now)
	return s.Plugins[0], true
}
