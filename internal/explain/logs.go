package explain

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/tailer"
)

// Logs is what the logs section would ship.
type Logs struct {
	FlushSeconds float64 `json:"flush_seconds"`
	Endpoint     string  `json:"endpoint,omitempty"` // endpoint_override
	RoleARN      string  `json:"role_arn,omitempty"`
	Entries      []Entry `json:"entries"`
	// Problem says why it is not known where an earlier run stopped.
	Problem string `json:"problem,omitempty"`
}

// Entry is one item of collect_list.
type Entry struct {
	FilePath      string       `json:"file_path"`
	Place         config.Place `json:"place"`
	LogGroup      string       `json:"log_group"`  // of any host, file and run: * stands for what differs
	LogStream     string       `json:"log_stream"` // the same
	Class         string       `json:"log_group_class"`
	RetentionDays int          `json:"retention_in_days"` // -1: for ever, unless somebody has said otherwise to the group
	Note          string       `json:"note,omitempty"`    // why there is nothing to ship
	Files         []File       `json:"files"`
	Passed        []Passed     `json:"passed"`
}

// File is one path that would be followed.
type File struct {
	Path        string  `json:"path"`
	LogGroup    string  `json:"log_group"`
	LogStream   string  `json:"log_stream"`
	SizeBytes   int64   `json:"size_bytes"`
	AgeSeconds  float64 `json:"age_seconds"`  // since it was made; 0: not known
	IdleSeconds float64 `json:"idle_seconds"` // since it was written to
	// Begins says where reading starts: in several files if some were rotated away and are not finished.
	Begins      []Begin `json:"begins"`
	KnownFrom   string  `json:"known_from"`   // checkpoint, original or beginning
	UnreadBytes int64   `json:"unread_bytes"` // that would be shipped at the start
	Problem     string  `json:"problem,omitempty"`
	Growth      Growth  `json:"growth"`
}

// Begin is where reading one file starts.
type Begin struct {
	Path   string `json:"path"`
	Offset int64  `json:"offset"`
}

// Passed is a file that is not shipped, and why.
type Passed struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

func logsOf(c *config.Config, plan *agent.Plan, grown map[*tailer.Listed]Growth, now time.Time) *Logs {
	l := &Logs{FlushSeconds: c.Logs.ForceFlushInterval.Seconds(), Endpoint: c.Logs.EndpointOverride, RoleARN: c.Logs.RoleARN, Entries: []Entry{}}
	if plan.Unremembered != nil {
		l.Problem = fmt.Sprintf("where an earlier run stopped is not known: %v", plan.Unremembered)
	}
	for i := range plan.Files {
		f := &plan.Files[i]
		e := Entry{
			FilePath: f.File.Path, Place: f.File.Place, LogGroup: f.Group, LogStream: f.Stream, Class: f.File.LogGroupClass, RetentionDays: f.File.RetentionDays,
			Files: []File{}, Passed: []Passed{},
		}
		if e.Class == "" {
			e.Class = standard
		}
		for j := range f.Listing.Files {
			listed := &f.Listing.Files[j]
			e.Files = append(e.Files, fileOf(listed, grown[listed], now))
		}
		for _, p := range f.Listing.Passed {
			e.Passed = append(e.Passed, Passed(p))
		}
		e.Note = e.note()
		l.Entries = append(l.Entries, e)
	}
	return l
}

func fileOf(l *tailer.Listed, g Growth, now time.Time) File {
	f := File{Path: l.Path, LogGroup: l.Stream.Group, LogStream: l.Stream.Name, Begins: []Begin{}, KnownFrom: string(l.Start), Growth: g}
	for _, p := range l.Parts {
		f.Begins = append(f.Begins, Begin{p.Path, p.From})
		if !p.Packed {
			f.UnreadBytes += max(p.Size-p.From, 0)
		}
	}
	if l.Info != nil {
		f.SizeBytes, f.IdleSeconds = l.Info.Size(), max(now.Sub(l.Info.ModTime()).Seconds(), 0)
	}
	if !l.Born.IsZero() {
		f.AgeSeconds = max(now.Sub(l.Born).Seconds(), 0)
	}
	switch {
	case errors.Is(l.Err, fs.ErrNotExist):
		f.Problem = "it is not there; what is left of it is shipped"
	case l.Err != nil:
		f.Problem = l.Err.Error()
		if errors.Is(l.Err, fs.ErrPermission) && l.Info != nil {
			f.Problem = "it cannot be read: " + readers(l.Info)
		}
	}
	return f
}

// note says of an entry why nothing of it is shipped.
func (e *Entry) note() string {
	readable := slices.ContainsFunc(e.Files, func(f File) bool { return f.Problem == "" })
	switch {
	case readable:
		return ""
	case len(e.Files) > 0:
		return "nothing can be read"
	case len(e.Passed) > 0:
		return "nothing is shipped: every file that matches is passed over"
	}
	dir := fixedFolder(e.FilePath)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("nothing matches now: the folder %s is not there", dir)
	case err != nil:
		return fmt.Sprintf("nothing can be found: %v", err)
	}
	if _, err := os.ReadDir(dir); err != nil {
		return fmt.Sprintf("nothing can be found in %s: %s", dir, readers(info))
	}
	return "nothing matches now; it is waited for"
}

// fixedFolder is the folder before the first wildcard of a path.
func fixedFolder(path string) string {
	for i, r := range path {
		if slices.Contains([]rune("*?[{"), r) {
			path = path[:i] + "x" // of whatever name
			break
		}
	}
	return filepath.Dir(path)
}
