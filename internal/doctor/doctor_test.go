package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/tailer"
)

// world is one in which nothing is wrong, with the configuration of a text.
func world(t *testing.T, text string) *World {
	t.Helper()
	c, err := config.Parse("config.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &World{
		Version: "1", Sources: []string{"config.json"}, Config: c, State: "/state", Now: time.Now, Env: func(string) string { return "" },
		User: Who{Name: "cwagent", UID: 990, GIDs: []int{990}},
		Host: Host{
			Node:    disk{"/": folder(0, 0, 0o755), "/state": folder(990, 990, 0o700)}.node,
			ReadDir: func(path string) ([]fs.DirEntry, error) { return nil, fs.ErrNotExist }, ReadFile: files(nil),
			Disk: func(string) (Disk, error) {
				return Disk{Free: 1 << 40, Size: 1 << 41, Inodes: 1 << 20, FreeInodes: 1 << 19}, nil
			},
			Present: func(config.File) (tailer.Present, error) { return tailer.Present{}, nil },
			Group:   func(gid int) string { return map[int]string{0: "root", 4: "adm", 990: "cwagent"}[gid] }, Owner: func(int) string { return "" },
			Processes: func() ([]Process, error) { return nil, nil }, Units: func(context.Context, ...string) ([]Unit, error) { return nil, ErrElsewhere },
			Inotify: func(int, int) (Inotify, error) { return Inotify{}, nil }, Clock: func() (Clock, error) { return Clock{Synchronized: true}, nil },
			OpenFiles: func() (uint64, error) { return 1 << 20, nil },
		},
	}
}

// disk is a file system.
type disk map[string]Node

func (d disk) node(path string) (Node, error) {
	n, ok := d[path]
	if !ok {
		return n, &fs.PathError{Op: "lstat", Path: path, Err: fs.ErrNotExist}
	}
	return n, nil
}

func folder(uid, gid int, mode fs.FileMode) Node {
	return Node{Mode: mode | fs.ModeDir, UID: uid, GID: gid}
}
func file(uid, gid int, mode fs.FileMode) Node { return Node{Mode: mode, UID: uid, GID: gid} }

// files are small files by their paths.
func files(text map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if s, ok := text[path]; ok {
			return []byte(s), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
}

// entries are the names in a folder.
type entries []string

func (e entries) read(string) (all []fs.DirEntry, err error) {
	for _, name := range e {
		all = append(all, entry(name))
	}
	return all, nil
}

type entry string

func (e entry) Name() string               { return string(e) }
func (e entry) IsDir() bool                { return false }
func (e entry) Type() fs.FileMode          { return 0 }
func (e entry) Info() (fs.FileInfo, error) { return nil, fs.ErrNotExist }

// examine does one check.
func examine(t *testing.T, w *World, id string) Result {
	t.Helper()
	results, err := Examine(t.Context(), w, Options{Only: []string{id}, Timeout: time.Minute})
	if err != nil || len(results) != 1 || results[0].ID != id {
		t.Fatalf("got %+v, %v", results, err)
	}
	return results[0]
}

// expect holds a result against an outcome and words that it must say, cures included.
func expect(t *testing.T, r Result, want Outcome, words ...string) {
	t.Helper()
	text := r.Says
	for _, f := range r.Findings {
		text += "\n" + string(f.Outcome) + ": " + f.What + " → " + f.Cure
	}
	if r.Outcome != want {
		t.Errorf("%s: got %s, want %s: %s", r.ID, r.Outcome, want, text)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%s: no %q in %s", r.ID, word, text)
		}
	}
}

const (
	oneLog    = `{"agent": {"region": "eu-west-1"}, "logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/logs/app/a.log", "log_group_name": "g", "log_stream_name": "s"}]}}}}`
	oneMetric = `{"agent": {"region": "eu-west-1"}, "metrics": {"namespace": "ns", "metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`
)

func TestCheckThatHangsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(t, oneMetric)
		over := make(chan struct{})
		w.Host.Clock = func() (Clock, error) { <-over; return Clock{}, nil }
		began := time.Now()
		var told []string
		results, err := Examine(t.Context(), w, Options{Only: []string{"limits", "clock", "config"}, Timeout: 9 * time.Second, Told: func(r Result) { told = append(told, r.ID) }})
		if err != nil || !slices.Equal(told, []string{"config", "limits", "clock"}) {
			t.Errorf("told %v, %v", told, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
		expect(t, results[2], Failed, "did not end within 9s")
		if results[0].Outcome == Failed {
			t.Errorf("got %+v", results[0])
		}
		close(over)
	})
}

func TestOfflineAsksNobody(t *testing.T) {
	w := world(t, oneLog) // its AWS and Net are nil: a call would panic
	results, err := Examine(t.Context(), w, Options{Offline: true, Timeout: time.Minute})
	if err != nil || len(results) != len(IDs()) {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for _, r := range results {
		if network := slices.Contains([]string{"imds", "credentials", "endpoints", "permissions"}, r.ID); network != (r.Says == "not looked at: --offline") {
			t.Errorf("%s says %q", r.ID, r.Says)
		}
	}
}

func TestUnknownCheckIsAMistake(t *testing.T) {
	if _, err := Examine(t.Context(), world(t, oneLog), Options{Only: []string{"disks"}}); !errors.Is(err, ErrUnknownCheck) || !strings.Contains(err.Error(), "folders") {
		t.Errorf("got %v", err)
	}
}

func TestResultIsAsBadAsItsWorstFinding(t *testing.T) {
	var r Result
	r.note("a")
	r.warn("", "b")
	r.fail("", "c")
	r.warn("", "d")
	if r.conclude(); r.Outcome != Failed || r.Says != "c; and 2 more" {
		t.Errorf("got %+v", r)
	}
	r = Result{}
	r.note("a")
	r.note("b")
	if r.conclude(); r.Outcome != Fine || r.Says != "a; b" {
		t.Errorf("got %+v", r)
	}
	if s := Summarize([]Result{{Outcome: Fine}, {Outcome: Warning}, {Outcome: Failed}, {Outcome: Skipped}, {Outcome: Failed}}); s != (Summary{1, 1, 2, 1}) {
		t.Errorf("got %+v", s)
	}
}

func TestDocumentationNamesEveryCheck(t *testing.T) {
	raw, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range IDs() {
		if !strings.Contains(string(raw), "| `"+id+"` |") {
			t.Errorf("docs/doctor.md has no line about %s", id)
		}
	}
}
