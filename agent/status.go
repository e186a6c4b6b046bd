package agent

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
)

// Status is what the agent has to say about itself: what `nephoscope status --json` prints.
type Status struct {
	Version     string    `json:"version"`
	Commit      string    `json:"commit,omitempty"`
	PID         int       `json:"pid"`
	Started     time.Time `json:"started"`
	Uptime      int64     `json:"uptime_seconds"`
	StateFolder string    `json:"state_folder"`
	ConfigFiles []string  `json:"config_files"`
	Mode        Mode      `json:"mode"`
	Region      string    `json:"region"` // "": not known yet
	Health      Health    `json:"health"`
	Reasons     []Reason  `json:"reasons"` // the worst first

	Files      int            `json:"files"`      // followed now; Logs may hold fewer of them
	Total      tailer.Ledger  `json:"total"`      // of all files, and of those whose task has ended
	Logs       []LogFile      `json:"logs"`       // by path
	Streams    []StreamLedger `json:"streams"`    // by group and name
	Absent     []string       `json:"absent"`     // every file_path for which there is no file
	Metrics    *MetricsLedger `json:"metrics"`    // nil: none are collected
	Events     *EventsLedger  `json:"events"`     // nil: there are none
	EMF        *EMFLedger     `json:"emf"`        // nil: nobody listens
	Prometheus *ScraperLedger `json:"prometheus"` // nil: nothing is scraped
	Memory     MemoryUse      `json:"memory"`

	Configuration Configuration `json:"configuration"`

	// For the judgement alone.
	disk         publish.Trouble // of the checkpoints
	unidentified []waitingTask
	volumes      *Trouble // why EC2 does not say which are attached; nil: it does, or is not asked

	processor time.Duration // that the process has used; for self-metrics alone
}

// LogFile is a path that is followed.
type LogFile struct {
	Path   string `json:"path"`
	Group  string `json:"log_group"`
	Stream string `json:"log_stream"`
	tailer.Ledger
	Trouble *Trouble `json:"trouble"` // nil: there is none

	passing bool // many files in turn, of which the earlier ones are told of in the total alone
}

// StreamLedger is all files of a log stream.
type StreamLedger struct {
	Group  string `json:"log_group"`
	Stream string `json:"log_stream"`
	Files  int    `json:"files"`
	tailer.Ledger
	Trouble *Trouble `json:"trouble"`
}

// MetricsLedger is what became of data.
type MetricsLedger struct {
	Namespace  string            `json:"namespace"`
	Collectors []CollectorLedger `json:"collectors"` // by name
	Listeners  []ListenerLedger  `json:"listeners"`  // the same
	DataLedger
	Refused      int64        `json:"data_refused"` // values that no request may hold
	Dropped      int64        `json:"batches_dropped"`
	Spooled      int          `json:"spooled_batches"`
	SpooledBytes int64        `json:"spooled_bytes"`
	Oldest       time.Time    `json:"spooled_oldest,omitzero"`
	InMemory     int          `json:"spooled_in_memory"` // batches that the disk did not take
	Acknowledged time.Time    `json:"last_acknowledged,omitzero"`
	Trouble      *Trouble     `json:"trouble"`
	Series       SeriesLedger `json:"series"`

	room    int64     // that the spool may take of the disk, in bytes
	closed  time.Time // since when the spool cannot be opened; zero: it is open
	unbound bool      // the host's dimensions are not known yet
}

// DataLedger is what became of data since the task that sends them began: collected + inherited + added is the sum of all others.
type DataLedger struct {
	Collected   int64 `json:"data_collected"`
	Inherited   int64 `json:"data_inherited"`         // found in the spool
	Added       int64 `json:"data_added"`             // by roll-ups, and by dividing data of more than 150 values
	Merged      int64 `json:"data_merged"`            // into another of the same series and moment
	Originals   int64 `json:"data_dropped_originals"` // drop_original_metrics
	OverBudget  int64 `json:"data_over_budget"`       // of series that are too many
	Empty       int64 `json:"data_without_values"`    // that a request may hold
	Sent        int64 `json:"data_sent"`
	Invalid     int64 `json:"data_invalid"`  // the service called them so
	GivenUp     int64 `json:"data_given_up"` // with batches
	Lost        int64 `json:"data_lost"`     // nobody took them while a configuration was replaced or the disk hung
	Gathered    int64 `json:"data_gathered"` // wait for the next flush
	SpooledData int64 `json:"data_spooled"`
}

// Balanced tells whether nothing is missing.
func (l DataLedger) Balanced() bool {
	return l.Collected+l.Inherited+l.Added == l.Merged+l.Originals+l.OverBudget+l.Empty+l.Sent+l.Invalid+l.GivenUp+l.Lost+l.Gathered+l.SpooledData
}

// CollectorLedger is one collector.
type CollectorLedger struct {
	Name        string    `json:"name"`
	Interval    int64     `json:"interval_seconds"`
	LastRun     time.Time `json:"last_run,omitzero"`  // when it was last asked
	LastData    time.Time `json:"last_data,omitzero"` // when it last had something
	Runs        int64     `json:"runs"`               // that came back
	Missed      int64     `json:"missed"`             // moments of its interval that passed while it was still at work
	Data        int64     `json:"data"`
	LastSeconds float64   `json:"last_seconds"` // that the last run took
	MaxSeconds  float64   `json:"max_seconds"`  // that the longest took
	Errors      int64     `json:"errors"`
	LastError   string    `json:"last_error,omitempty"` // of the last run; "": that was fine

	failing, working time.Time // since when it fails, and since when the run under way lasts; zero: it does not
}

// Trouble is why something is not taken at the moment.
type Trouble struct {
	Since    time.Time `json:"since"`
	Failures int       `json:"failures"`
	Class    string    `json:"class"` // unavailable, throttled, denied, not found, invalid
	Error    string    `json:"error"`

	class cloudwatch.Class
}

func troubleOf(t publish.Trouble, there bool) *Trouble {
	if !there || t.Err == nil {
		return nil
	}
	class := cloudwatch.ClassOf(t.Err)
	return &Trouble{t.Since, t.Failures, class.String(), t.Err.Error(), class}
}

// MemoryUse is in bytes.
type MemoryUse struct {
	Resident int64 `json:"resident_bytes"` // 0: this system does not tell cheaply
	Heap     int64 `json:"heap_bytes"`     // objects, Go's own
}

// Status tells how the agent is. It may be called at any time, also while a configuration is being applied, and costs
// nothing otherwise: everything is looked up when it is asked for.
func (a *Agent) Status() Status {
	now := time.Now()
	s := Status{
		Version: a.env.Version, Commit: a.env.Commit, PID: os.Getpid(), Started: a.started, Uptime: int64(now.Sub(a.started).Seconds()),
		StateFolder: absolute(a.env.StateDir), ConfigFiles: []string{}, Mode: a.env.Mode, Memory: memoryUse(),
		Reasons: []Reason{}, Logs: []LogFile{}, Streams: []StreamLedger{},
	}
	for _, name := range a.env.ConfigFiles {
		s.ConfigFiles = append(s.ConfigFiles, absolute(name))
	}
	if c := a.applied.Load(); c != nil {
		ctx, cancel := context.WithTimeout(context.Background(), askTime)
		defer cancel()
		s.Region, _ = a.identity.region(ctx, Destination{Region: c.Agent.Region}) // "": that is what not known is
	}
	if a.env.Configuration != nil {
		s.Configuration = a.env.Configuration()
	}
	s.disk = a.disk.trouble()
	a.tasks.show(&s)
	s.stranded(a.events)
	s.budget(a.budget, now)
	s.sort()
	s.sum()
	a.judge.judge(&s, now)
	return s
}

// absolute is a path as it is understood from anywhere; "-" stands for standard input.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil && path != "-" {
		return whole
	}
	return path
}

func (s *Status) sort() {
	slices.SortFunc(s.Logs, func(a, b LogFile) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Stream, b.Stream))
	})
	if s.Metrics != nil {
		slices.SortFunc(s.Metrics.Collectors, func(a, b CollectorLedger) int { return cmp.Compare(a.Name, b.Name) })
		slices.SortFunc(s.Metrics.Listeners, func(a, b ListenerLedger) int { return cmp.Compare(a.Name, b.Name) })
	}
}

// sum makes Files, Streams and the rest of Total out of Logs.
func (s *Status) sum() {
	s.Absent = append([]string{}, slices.Sorted(slices.Values(s.Absent))...)
	s.Files = len(s.Logs)
	type name struct{ group, stream string }
	at := map[name]int{}
	for _, f := range s.Logs {
		s.Total.Add(f.Ledger)
		n := name{f.Group, f.Stream}
		i, known := at[n]
		if !known {
			i, at[n] = len(s.Streams), len(s.Streams)
			s.Streams = append(s.Streams, StreamLedger{Group: f.Group, Stream: f.Stream})
		}
		sum := &s.Streams[i]
		sum.Files++
		sum.Ledger.Add(f.Ledger)
		if t := f.Trouble; t != nil && (sum.Trouble == nil || t.Since.Before(sum.Trouble.Since)) {
			sum.Trouble = t
		}
	}
	slices.SortFunc(s.Streams, func(a, b StreamLedger) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Stream, b.Stream))
	})
}

// Worst leaves the n files and the n streams that are farthest behind; Files and Total still speak of all.
func (s *Status) Worst(n int) {
	behind := func(a, b tailer.Ledger) int {
		return cmp.Or(cmp.Compare(b.LagBytes, a.LagBytes), cmp.Compare(b.Lost.Bytes(), a.Lost.Bytes()))
	}
	slices.SortStableFunc(s.Logs, func(a, b LogFile) int { return behind(a.Ledger, b.Ledger) })
	slices.SortStableFunc(s.Streams, func(a, b StreamLedger) int { return behind(a.Ledger, b.Ledger) })
	s.Logs, s.Streams = s.Logs[:min(n, len(s.Logs))], s.Streams[:min(n, len(s.Streams))]
}

func memoryUse() MemoryUse {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	use := MemoryUse{Heap: int64(heap[0].Value.Uint64())}
	if raw, err := os.ReadFile("/proc/self/statm"); err == nil { // Linux: size, resident, … in pages
		if fields := strings.Fields(string(raw)); len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64)
			use.Resident = pages * int64(os.Getpagesize())
		}
	}
	return use
}
