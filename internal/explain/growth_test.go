package explain

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/tailer"
)

// aFile is a file of a size that was written to so long ago.
func aFile(t *testing.T, size int, quiet time.Duration, now time.Time) os.FileInfo {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, now, now.Add(-quiet)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestGrowthIsTheMeanSinceTheFileBeganToGrow(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	now := time.Now()
	f := func(name string, l tailer.Listed, first time.Time, perDay float64, sure Sure, basis string) {
		t.Helper()
		if got := mean(&l, first, now); !about(got.BytesPerDay, perDay) || got.Sure != sure || !strings.Contains(got.Basis, basis) {
			t.Errorf("%s: got %+v, want %v %s %s", name, got, perDay, sure, basis)
		}
	}
	info := aFile(t, 1000, time.Minute, now)
	f("two days old", tailer.Listed{Info: info, Born: now.Add(-2 * day)}, time.Time{}, 500, Fair, "its age")
	f("twelve hours old", tailer.Listed{Info: info, Born: now.Add(-day / 2)}, time.Time{}, 2000, Rough, "its age")
	f("truncated a day ago", tailer.Listed{Info: info, Born: now.Add(-90 * day), Rotated: now.Add(-day)}, time.Time{}, 1000, Fair, "last rotation")
	f("its first event says more", tailer.Listed{Info: info, Born: now.Add(-day)}, now.Add(-4*day), 250, Fair, "first event")
	f("a first event in the future says nothing", tailer.Listed{Info: info, Born: now.Add(-day)}, now.Add(day), 1000, Fair, "its age")
	f("just made", tailer.Listed{Info: info, Born: now.Add(-time.Second)}, time.Time{}, 0, Unknown, "too young")
	f("nobody knows its age", tailer.Listed{Info: info}, time.Time{}, 0, Unknown, "how old")
	f("unreadable", tailer.Listed{Info: info, Err: errors.New("no")}, time.Time{}, 0, Unknown, "cannot be read")
	f("idle", tailer.Listed{Info: aFile(t, 1000, 8*day, now), Born: now.Add(-90 * day)}, time.Time{}, 0, Fair, "not written to for 8 days")
	f("compressed", tailer.Listed{Info: info, Born: now.Add(-day), Parts: []tailer.Part{{Packed: true}}}, time.Time{}, 0, Fair, "compressed")
}

func TestGrowthBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	now := time.Now()
	before := aFile(t, 1000, 0, now)
	if got := measured(before, before, time.Minute); got.Sure != Measured || got.BytesPerDay != 0 {
		t.Errorf("of one that does not grow: %+v", got)
	}
	if got := measured(before, aFile(t, 5000, 0, now), time.Minute); got.Sure != "" {
		t.Errorf("of two files: %+v", got)
	}
	if got := measured(nil, before, time.Minute); got.Sure != "" {
		t.Errorf("of one that came meanwhile: %+v", got)
	}
	path := filepath.Join(t.TempDir(), "b.log")
	sizes := []int{1000, 3000, 10}
	var looks []os.FileInfo
	for _, n := range sizes {
		if err := os.WriteFile(path, make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
		info, _ := os.Stat(path)
		looks = append(looks, info)
	}
	if got := measured(looks[0], looks[1], time.Minute); !about(got.BytesPerDay, 2000*24*60) || got.Sure != Measured {
		t.Errorf("2000 bytes in a minute: %+v", got)
	}
	if got := measured(looks[1], looks[2], time.Minute); got.Sure != "" {
		t.Errorf("of one that was truncated: %+v", got)
	}
}

func TestFiltersTakeOffWhatTheyLeaveOut(t *testing.T) {
	t.Parallel()
	g := Growth{BytesPerDay: 10_000}.passing(tailer.Sample{Events: 10, Kept: 4, Bytes: 1000})
	if !about(g.BytesPerDay, 4000) || !about(g.EventsPerDay, 40) {
		t.Errorf("got %+v", g)
	}
	if g := (Growth{BytesPerDay: 1200}).passing(tailer.Sample{}); !about(g.BytesPerDay, 1200) || !about(g.EventsPerDay, 10) {
		t.Errorf("of an empty sample: %+v", g)
	}
}

func TestFiltersThatLeaveOutAllAreTold(t *testing.T) {
	t.Parallel()
	g := Growth{BytesPerDay: 10_000, Basis: "its size and its age", Sure: Fair}.passing(tailer.Sample{Events: 10, Bytes: 1000})
	if g.BytesPerDay != 0 || !strings.Contains(g.Basis, "filters") {
		t.Errorf("got %+v", g)
	}
}

func TestStartIsBilledAsFiltersLetItPass(t *testing.T) {
	t.Parallel()
	g := Growth{BytesPerDay: 10_000}.passing(tailer.Sample{Events: 10, Kept: 4, Bytes: 1000})
	if got := g.billed(1_000_000); !about(got, 400_000+4000*eventOverhead) {
		t.Errorf("got %v", got)
	}
	if got := (Growth{}).billed(120_000); !about(got, 120_000+1000*eventOverhead) {
		t.Errorf("of a file that was not sampled: %v", got)
	}
}
