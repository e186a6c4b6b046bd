package explain

import (
	"cmp"
	"fmt"
	"slices"
)

// Bill is what a month would cost, of 30 days, estimated.
type Bill struct {
	Estimate bool    `json:"estimate"` // always
	Region   string  `json:"region"`   // whose prices these are
	Date     string  `json:"date"`     // when the prices were looked up
	Currency string  `json:"currency"`
	Source   string  `json:"source"`
	FreeTier bool    `json:"free_tier"` // what is free for an account is taken off
	Series   int     `json:"series"`
	Requests float64 `json:"requests"` // of PutMetricData
	LogGB    float64 `json:"log_gb"`   // ingested; a gigabyte is 2^30 bytes
	StoredGB float64 `json:"stored_gb"`
	Total    float64 `json:"total"`  // for a month
	Blocks   []Cost  `json:"blocks"` // that the total is the sum of
	// Worst are the plugins, values of dimensions, and files that cost most; what they cost is within the blocks.
	Worst []Cost `json:"worst"`
	// Once is what the lines that are there already cost, when they are shipped at the start.
	Once      float64 `json:"once"`
	OnceBytes int64   `json:"once_bytes"`
	// UnknownFiles are those of which it is not known how fast they grow: they are not in the bill.
	UnknownFiles int      `json:"unknown_files"`
	Notes        []string `json:"notes"`
}

// Cost is one line of a bill.
type Cost struct {
	Kind    string  `json:"kind"` // block, plugin, dimension or file
	Name    string  `json:"name"`
	Series  int     `json:"series,omitempty"`
	GB      float64 `json:"gb,omitempty"`
	Dollars float64 `json:"dollars"`
}

const (
	gigabyte = 1 << 30
	// eventOverhead: "This size is calculated as the sum of all event messages in UTF-8, plus 26 bytes for each log event", of
	// a batch; ingestion is billed the same way.
	eventOverhead = 26
	daysOfMonth   = 30
	// keptForEver is the storage that is billed for logs without a retention: what a year leaves.
	keptForEver = 365
	maxWorst    = 20
)

func billOf(r *Report, p Prices, free bool) Bill {
	b := Bill{Estimate: true, Region: p.Region, Date: p.Date, Currency: p.Currency, Source: p.Source, FreeTier: free, Worst: []Cost{}, Notes: []string{}}
	var off struct{ metrics, requests, logGB float64 }
	if free {
		off.metrics, off.requests, off.logGB = p.Free.Metrics, p.Free.Requests, p.Free.LogGB
	}
	if m := r.Metrics; m != nil {
		b.Series, b.Requests = len(m.Series), m.Requests
		dollars := p.metrics(float64(b.Series)) - p.metrics(min(off.metrics, float64(b.Series)))
		b.Blocks = append(b.Blocks,
			Cost{Kind: "block", Name: "metrics", Series: b.Series, Dollars: dollars},
			Cost{Kind: "block", Name: "requests", Dollars: p.requests(max(b.Requests-off.requests, 0))})
		b.Worst = append(b.Worst, metricCosts(m, dollars)...)
	}
	if r.Logs != nil {
		b.logs(r.Logs, p, off.logGB)
	}
	for _, c := range b.Blocks {
		b.Total += c.Dollars
	}
	slices.SortStableFunc(b.Worst, func(x, y Cost) int { return cmp.Compare(y.Dollars, x.Dollars) })
	b.Worst = slices.DeleteFunc(b.Worst, func(c Cost) bool { return c.Dollars < 0.005 })
	b.Worst = b.Worst[:min(len(b.Worst), maxWorst)]
	b.Blocks = listOf(b.Blocks)
	b.remark(r)
	return b
}

// logs adds what shipping files costs. What is free is taken off the dearer class first, then off the storage.
func (b *Bill) logs(l *Logs, p Prices, free float64) {
	perClass := map[string]float64{}
	for _, e := range l.Entries {
		price := p.ingestion(e.Class)
		for _, f := range e.Files {
			if f.Growth.Sure == Unknown {
				b.UnknownFiles++
			}
			gb := f.Growth.monthly()
			stored := gb / daysOfMonth * e.keptDays() * p.StoredShare
			perClass[e.Class] += gb
			b.StoredGB += stored
			b.OnceBytes += f.UnreadBytes
			b.Once += f.Growth.billed(float64(f.UnreadBytes)) / gigabyte * price
			if dollars := gb*price + stored*p.LogStorageGBMonth; dollars > 0 {
				b.Worst = append(b.Worst, Cost{Kind: "file", Name: f.Path, GB: gb, Dollars: dollars})
			}
		}
	}
	for _, class := range []string{standard, infrequent} {
		gb := perClass[class]
		b.LogGB += gb
		off := min(free, gb)
		free -= off
		if gb > 0 || class == standard {
			b.Blocks = append(b.Blocks, Cost{Kind: "block", Name: "log ingestion " + class, GB: gb, Dollars: (gb - off) * p.ingestion(class)})
		}
	}
	b.Blocks = append(b.Blocks, Cost{Kind: "block", Name: "log storage", GB: b.StoredGB, Dollars: max(b.StoredGB-free, 0) * p.LogStorageGBMonth})
}

// monthly is how many gigabytes a month's growth is billed as.
func (g Growth) monthly() float64 {
	return (g.BytesPerDay + eventOverhead*g.EventsPerDay) * daysOfMonth / gigabyte
}

// keptDays is how long an entry's events are stored.
func (e Entry) keptDays() float64 {
	if e.RetentionDays > 0 {
		return float64(e.RetentionDays)
	}
	return keptForEver
}

// metricCosts shares the price of all series among plugins, and among the values of the dimensions that part their series.
func metricCosts(m *Metrics, dollars float64) (all []Cost) {
	each := dollars / float64(max(len(m.Series), 1))
	for _, p := range m.Plugins {
		if p.Series == 0 {
			continue
		}
		all = append(all, Cost{Kind: "plugin", Name: p.Name, Series: p.Series, Dollars: float64(p.Series) * each})
		if name := partingDimension(m, p.Name); name != "" {
			counts := map[string]int{}
			var values []string
			for _, s := range m.Series {
				if v := s.value(name); s.Plugin == p.Name && v != "" {
					if counts[v]++; counts[v] == 1 {
						values = append(values, v)
					}
				}
			}
			for _, v := range values {
				all = append(all, Cost{Kind: "dimension", Name: fmt.Sprintf("%s %s=%s", p.Name, name, v), Series: counts[v], Dollars: float64(counts[v]) * each})
			}
		}
	}
	return all
}

// partingDimension is the dimension by which a plugin's series multiply: a disk's path, a core, a device. "": there is but one
// value of it.
func partingDimension(m *Metrics, plugin string) string {
	for _, name := range []string{"path", "cpu", "name"} {
		first := ""
		for _, s := range m.Series {
			v := s.value(name)
			switch {
			case s.Plugin != plugin || v == "":
			case first == "":
				first = v
			case v != first:
				return name
			}
		}
	}
	return ""
}

// remark says what a reader of the bill has to know.
func (b *Bill) remark(r *Report) {
	note := func(format string, args ...any) { b.Notes = append(b.Notes, fmt.Sprintf(format, args...)) }
	if region := r.Host.Region; region != b.Region {
		where := "the region is not known here"
		if region != "" {
			where = "the region is " + region
		}
		note("%s; the prices are those of %s, and others are up to a quarter higher", where, b.Region)
	}
	if b.FreeTier {
		note("what is free is taken off, but it is free once for an account, not for each host")
	}
	if r.Logs == nil {
		return
	}
	for _, e := range r.Logs.Entries {
		if e.RetentionDays < 0 && len(e.Files) > 0 {
			note("storage of what is kept for ever is that of a year; it grows on")
			break
		}
	}
	if b.UnknownFiles > 0 {
		note("it is not known how fast %s; not in the bill (--sample 1m watches)", ofFiles(b.UnknownFiles))
	}
}

func ofFiles(n int) string {
	if n == 1 {
		return "1 file grows"
	}
	return fmt.Sprintf("%d files grow", n)
}
