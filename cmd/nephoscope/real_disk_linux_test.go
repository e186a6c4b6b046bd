package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mount puts a small disk, in memory, in place of a folder of the test.
func (b *bed) mount(name, options string) {
	b.Helper()
	b.must(os.MkdirAll(b.path(name), 0o700))
	if err := syscall.Mount("tmpfs", b.path(name), "tmpfs", 0, "mode=700,"+options); err != nil {
		b.Fatalf("mount tmpfs: %v", err)
	}
	b.Cleanup(func() {
		b.kill()
		_ = syscall.Unmount(b.path(name), syscall.MNT_DETACH)
	})
}

// fillBytes takes all the room of a disk, fillInodes all its files; both return how to give them back.
func (b *bed) fillBytes(dir string) (free func()) {
	b.Helper()
	path := filepath.Join(b.path(dir), "filler")
	f, err := os.Create(path)
	b.must(err)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	b.mustBeFull(err)
	b.must(f.Close())
	return func() { b.must(os.Remove(path)) }
}

func (b *bed) fillInodes(dir string) (free func()) {
	b.Helper()
	var made []string
	for {
		path := filepath.Join(b.path(dir), fmt.Sprint("filler", len(made)))
		f, err := os.Create(path)
		if err != nil {
			b.mustBeFull(err)
			break
		}
		b.must(f.Close())
		made = append(made, path)
	}
	return func() {
		for _, path := range made {
			b.must(os.Remove(path))
		}
	}
}

func (b *bed) mustBeFull(err error) {
	b.Helper()
	if !errors.Is(err, syscall.ENOSPC) {
		b.Fatalf("fill the disk: %v", err)
	}
}

// spooledTimes are the moments of the data that wait in the spool: they are collected every second and flushed every second, and a
// file is named after its flush.
func (b *bed) spooledTimes() (all []time.Time) {
	b.Helper()
	files, err := filepath.Glob(b.path("state/spool/*.ready"))
	b.must(err)
	more, err := filepath.Glob(b.path("state/spool/*/*.ready"))
	b.must(err)
	for _, path := range append(files, more...) {
		nanos, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), ".ready"), 10, 64)
		b.must(err)
		all = append(all, time.Unix(0, nanos).Truncate(time.Second))
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// arrivedTimes are the moments of the data that have arrived.
func (b *bed) arrivedTimes(name string) (all []time.Time) {
	b.Helper()
	metrics, err := b.service.Metrics()
	b.must(err)
	for _, m := range metrics {
		if m.Name != name {
			continue
		}
		data, err := b.service.Data(m.Namespace, m.Name, m.Dimensions...)
		b.must(err)
		for _, d := range data {
			all = append(all, d.At)
		}
	}
	return all
}

// refuseMetrics lets logs through and no metrics.
func (b *bed) refuseMetrics() {
	b.answer(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/PutMetricData") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		b.service.ServeHTTP(w, r)
	})
}

func TestStateDiskThatIsFull(t *testing.T) {
	t.Parallel()
	f := func(name, size string, fill func(*bed, string) func(), checkpoints bool) {
		t.Run(name, func(t *testing.T) {
			if !apart(t) {
				return
			}
			b := newBed(t)
			b.mount("state", size)
			stream := strings.Repeat("s", 400) // is in every checkpoint: the room that is left in the file's last block is used up soon
			b.config(strings.TrimSuffix(strings.Replace(oneLog, `"s"`, `"`+stream+`"`, 1), "}") + `, "metrics": {"force_flush_interval": 1, "metrics_collected": {
				"mem": {"measurement": ["used_percent"], "metrics_collection_interval": 1}}}}`)
			b.refuseMetrics()
			var want []string
			line := func() {
				want = append(want, fmt.Sprintf("line %06d", len(want)))
				b.write("access.log", want[len(want)-1]+"\n")
			}
			line()
			line()
			b.start()
			b.until("a line, and metrics in the spool", func() bool { return len(b.events("g", stream)) > 0 && len(b.spooledTimes()) > 1 })

			free := fill(b, "state")
			full := time.Now()
			b.until("both complaints", func() bool {
				line()
				return b.said("the spool takes nothing; metrics are kept in memory") && (!checkpoints || b.said("checkpoints cannot be written"))
			})
			n := len(want)
			line()
			b.until("lines while the disk is full", func() bool { return len(b.events("g", stream)) >= n })
			every(time.Second, 3, line)
			freed := time.Now()
			free()
			b.until("both all-clears", func() bool {
				line()
				return b.said("the spool takes metrics again") && (!checkpoints || b.said("checkpoints are written again"))
			})

			spooled := b.spooledTimes()
			meanwhile := slices.DeleteFunc(slices.Clone(spooled), func(at time.Time) bool { return at.Before(full) || !at.Before(freed) })
			longest := time.Duration(0)
			for i := range len(spooled) - 1 {
				longest = max(longest, spooled[i+1].Sub(spooled[i]))
			}
			t.Logf("%d moments in the spool, %d of them from the %v when the disk was full; %v at most between two", len(spooled), len(meanwhile), freed.Sub(full).Round(time.Second), longest)
			if len(meanwhile) == 0 || longest > 2*time.Second {
				t.Error("there is a hole in the metrics")
			}
			b.kill()
			line()
			b.answer(nil)
			b.start()
			b.until("all metrics that were in the spool", func() bool {
				there := b.arrivedTimes("mem_used_percent")
				return !slices.ContainsFunc(spooled, func(at time.Time) bool { return !slices.ContainsFunc(there, at.Equal) })
			})
			line()
			b.account("g", stream, func([]string) []string { return want }).clean(t, true)
		})
	}
	f("of bytes", "size=512k", (*bed).fillBytes, true)
	f("of files", "size=4m,nr_inodes=64", (*bed).fillInodes, false)
}

// The disk that the logs are on is full: programs write torn lines, and the agent's own log takes nothing. What was
// written is shipped, and so is what comes after there is room again.
func TestLogDiskThatIsFull(t *testing.T) {
	if !apart(t) {
		return
	}
	b := newBed(t)
	b.mount("logs", "size=256k")
	var want []string
	config := strings.Replace(oneLog, "%DIR%", "%DIR%/logs", 1)
	b.config(strings.Replace(config, `"region"`, `"logfile": "%DIR%/logs/agent.log", "debug": true, "region"`, 1))
	b.start()
	n := 0
	for range 3 {
		f, err := os.OpenFile(b.path("logs/access.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		b.must(err)
		for err == nil {
			_, err = fmt.Fprintf(f, "%07d 192.0.2.7 GET /some/path/or/other 200\n", n)
			n++
		}
		b.mustBeFull(err)
		b.must(f.Close())
		want = append(want, b.linesOf(b.path("logs/access.log"))...)
		b.until("all of a full disk but the line that was torn", func() bool { return len(b.events("g", "s")) >= len(want)-1 })
		b.must(os.Remove(b.path("logs/access.log")))
	}
	b.account("g", "s", func([]string) []string { return want }).clean(t, false)
}
