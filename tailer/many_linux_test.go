package tailer

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// many is one folder with many log files that are all followed. What is done for each of them must not cost more because of the
// others: the benchmarks give processor time for each file, with few files in the folder and with many.
type many struct {
	*testing.B
	dir   string
	paths []string
	store store
}

// eachOfMany runs a benchmark with folders of several sizes. prepare does not count.
func eachOfMany(b *testing.B, prepare func(*many), work func(*many)) {
	for _, files := range []int{100, 1000, 3000, 10_000} {
		b.Run(fmt.Sprint("files=", files), func(b *testing.B) {
			var spent time.Duration
			for range b.N {
				m := &many{B: b, dir: b.TempDir(), store: store{}}
				for i := range files {
					m.paths = append(m.paths, filepath.Join(m.dir, fmt.Sprintf("service-%05d.log", i)))
				}
				m.make()
				prepare(m)
				before := processorTime(b)
				work(m)
				spent += processorTime(b) - before
			}
			b.ReportMetric(float64(spent.Microseconds())/float64(b.N*files), "cpu-µs/file")
			b.ReportMetric(0, "ns/op") // it has the preparation in it
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

func (m *many) must(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

func (m *many) make() {
	for _, path := range m.paths {
		m.must(os.WriteFile(path, []byte("the first line of "+path+"\n"), 0o600))
	}
}

func (m *many) rotate() {
	for _, path := range m.paths {
		m.must(os.Rename(path, path+".1"))
	}
	m.make()
}

// quieten makes it a while since a name last came or went.
func (m *many) quieten() {
	then := time.Now().Add(-time.Minute)
	m.must(os.Chtimes(m.dir, then, then))
}

// start follows all of them, and is at their ends.
func (m *many) start(adopted *Adopted) *Entry {
	e, err := New(config.File{Path: filepath.Join(m.dir, "*.log"), LogGroupName: "g", PublishMultiLogs: true}, Options{Memory: NewMemory(m.store), Linger: 5 * time.Second, Log: nop, Adopted: adopted})
	m.must(err)
	e.ship = func(*Source) {}
	e.Claim()
	m.Cleanup(e.Close)
	naming := func(path string) cloudwatch.LogStream { return cloudwatch.LogStream{Group: "g", Name: path} }
	e.resume(naming)
	e.discover(naming)
	if n := len(e.Sources()); n != len(m.paths) {
		m.Fatalf("%d sources of %d files", n, len(m.paths))
	}
	return e
}

// readAll has every file read and acknowledged.
func (m *many) readAll(e *Entry) {
	for _, s := range e.Sources() {
		for {
			var b cloudwatch.LogBatch
			number, _ := s.Fill(time.Now().Add(24*time.Hour), &b)
			if number == 0 {
				break
			}
			m.must(s.Commit(number, cloudwatch.Verdict{}))
		}
	}
}

func (m *many) look(e *Entry) {
	for _, s := range e.Sources() {
		s.keepUp()
	}
}

func BenchmarkSwitchOver(b *testing.B) {
	var adopted *Adopted
	eachOfMany(b, func(m *many) {
		state := m.TempDir()
		for _, path := range m.paths {
			m.must(os.WriteFile(filepath.Join(state, stateName(path)), []byte("10\n"+path+"\n0-10"), 0o600))
		}
		m.quieten()
		adopted = Adopt(state)
	}, func(m *many) { m.start(adopted) })
}

func BenchmarkStartAfterARotation(b *testing.B) {
	eachOfMany(b, func(m *many) {
		e := m.start(nil)
		m.readAll(e)
		e.Close()
		m.rotate()
		m.quieten()
	}, func(m *many) { m.look(m.start(nil)) })
}

func BenchmarkStartWithFilesThatAreGone(b *testing.B) {
	eachOfMany(b, func(m *many) {
		e := m.start(nil)
		m.readAll(e)
		e.Close()
		for _, path := range m.paths {
			m.must(os.Remove(path))
		}
		m.make() // others, which have taken their places
		m.quieten()
	}, func(m *many) {
		e := m.start(nil)
		for _, s := range e.Sources() {
			s.missed = s.missed.Add(-certain)
		}
		m.look(e)
	})
}

// BenchmarkMassRotation rotates a few hundred files at a time, as many as are announced together, and looks at them.
func BenchmarkMassRotation(b *testing.B) {
	var e *Entry
	eachOfMany(b, func(m *many) {
		e = m.start(nil)
		m.readAll(e)
	}, func(m *many) {
		for paths := range slices.Chunk(m.paths, 500) {
			few := many{B: m.B, paths: paths}
			few.rotate()
			var announced []*Source
			for _, path := range paths {
				announced = append(announced, e.source(path))
			}
			abreast(announced, (*Source).keepUp)
		}
	})
}
