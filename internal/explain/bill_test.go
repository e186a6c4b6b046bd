package explain

import (
	"strings"
	"testing"
)

// threeFiles is a report of two disks, a core, and files that grow by a gigabyte a month (one of them does not grow any more).
func threeFiles() *Report {
	perDay := float64(gigabyte) / daysOfMonth
	r := &Report{
		Host:    Host{Region: "us-east-1"},
		Metrics: &Metrics{Requests: 43_200, Plugins: []Plugin{{Name: "disk", Series: 4}, {Name: "cpu", Series: 1}}},
		Logs: &Logs{Entries: []Entry{
			{Class: standard, RetentionDays: -1, Files: []File{{Path: "/a", UnreadBytes: gigabyte, Growth: Growth{BytesPerDay: 2 * perDay, Sure: Fair}}, {Path: "/idle", Growth: Growth{Sure: Unknown}}}},
			{Class: infrequent, RetentionDays: 30, Files: []File{{Path: "/b", UnreadBytes: 2 * gigabyte, Growth: Growth{BytesPerDay: perDay, EventsPerDay: perDay / eventOverhead, Sure: Measured}}}},
		}},
	}
	for _, path := range []string{"/", "/", "/data", "/data"} {
		r.Metrics.Series = append(r.Metrics.Series, Series{Plugin: "disk", Dimensions: []Dimension{{"path", path}}})
	}
	r.Metrics.Series = append(r.Metrics.Series, Series{Plugin: "cpu", Dimensions: []Dimension{{"cpu", "cpu-total"}}})
	return r
}

func (b Bill) costOf(t *testing.T, list []Cost, name string) Cost {
	t.Helper()
	for _, c := range list {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("%s is not among %+v", name, list)
	return Cost{}
}

func TestBillAddsUp(t *testing.T) {
	t.Parallel()
	b := billOf(threeFiles(), defaults(t), false)
	f := func(list []Cost, name string, want float64) {
		t.Helper()
		if got := b.costOf(t, list, name); !about(got.Dollars, want) {
			t.Errorf("%s: got %v, want %v", name, got.Dollars, want)
		}
	}
	f(b.Blocks, "metrics", 1.50)
	f(b.Blocks, "requests", 0.432)
	f(b.Blocks, "log ingestion STANDARD", 1.00)          // 2 GB
	f(b.Blocks, "log ingestion INFREQUENT_ACCESS", 0.50) // 1 GB, and as much again of overhead
	stored := 2*0.15*365/30 + 2*0.15                     // for ever counts as a year
	f(b.Blocks, "log storage", stored*0.03)              // of 2 GB and of 2 GB
	f(b.Worst, "disk", 1.20)                             // its part of the series
	f(b.Worst, "disk path=/data", 0.60)                  // half of that
	f(b.Worst, "/a", 1.00+2*0.15*365/30*0.03)            // ingested and stored
	f(b.Worst, "/b", 0.50+2*0.15*0.03)                   // the same
	sum := 0.0
	for _, c := range b.Blocks {
		sum += c.Dollars
	}
	if !about(b.Total, sum) || !about(b.LogGB, 4) || !about(b.StoredGB, stored) || b.Series != 5 {
		t.Errorf("got total %v of %v, %v GB, %v stored, %d series", b.Total, sum, b.LogGB, b.StoredGB, b.Series)
	}
	if !about(b.Once, (0.50+2*0.25)*(1+float64(eventOverhead)/usualEvent)) || b.OnceBytes != 3*gigabyte || b.UnknownFiles != 1 {
		t.Errorf("at the start: %v for %d bytes; %d unknown", b.Once, b.OnceBytes, b.UnknownFiles)
	}
	if !b.Estimate || b.Date == "" || b.Region != "us-east-1" {
		t.Errorf("it does not say what it is: %+v", b)
	}
	if b.Worst[0].Name != "disk" && b.Worst[0].Dollars < b.Worst[1].Dollars {
		t.Errorf("the worst comes first: %+v", b.Worst)
	}
}

func TestBillWithoutDimensionsThatPartNothing(t *testing.T) {
	t.Parallel()
	for _, c := range billOf(threeFiles(), defaults(t), false).Worst {
		if strings.HasPrefix(c.Name, "cpu cpu=") {
			t.Errorf("there is one core only, and yet %+v", c)
		}
	}
}

func TestFreeTierIsTakenOffOnce(t *testing.T) {
	t.Parallel()
	r := threeFiles()
	b := billOf(r, defaults(t), true)
	if !about(b.Total, 0) { // five series, fewer than a million requests, 4 GB; what is left of 5 GB covers the storage
		stored := max(b.StoredGB-1, 0) * 0.03
		if !about(b.Total, stored) {
			t.Errorf("got %v, of %+v", b.Total, b.Blocks)
		}
	}
	for range 10 {
		r.Metrics.Series = append(r.Metrics.Series, r.Metrics.Series[:4]...)
	}
	r.Metrics.Requests, r.Logs = 1_500_000, nil
	b = billOf(r, defaults(t), true)
	if want := 35*0.30 + 5; !about(b.Total, want) {
		t.Errorf("got %v, want %v of %+v", b.Total, want, b.Blocks)
	}
	if !strings.Contains(strings.Join(b.Notes, " "), "once for an account") {
		t.Errorf("notes: %q", b.Notes)
	}
}

func TestBillOfNothing(t *testing.T) {
	t.Parallel()
	b := billOf(&Report{Host: Host{}}, defaults(t), false)
	if b.Total != 0 || b.Blocks == nil || b.Worst == nil || !strings.Contains(strings.Join(b.Notes, " "), "region is not known") {
		t.Errorf("got %+v", b)
	}
}
