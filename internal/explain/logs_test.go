package explain

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/agent"
)

// logsFrom explains an entry over a folder of the test; %DIR% stands for it.
func logsFrom(t *testing.T, dir, entry string) Entry {
	t.Helper()
	r := explained(t, agent.OnPremise, "c.json", strings.ReplaceAll(`{"agent": {"hostname": "h"}, "logs": {"logs_collected": {"files": {"collect_list": [`+entry+`]}}}}`, "%DIR%", dir))
	return r.Logs.Entries[0]
}

func fill(t *testing.T, path string, size int) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Repeat("1234567\n", size/8)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEntrySaysWhyNothingIsShipped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := func(name, entry, want string) {
		t.Helper()
		if got := logsFrom(t, dir, entry).Note; got != strings.ReplaceAll(want, "%DIR%", dir) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	f("no folder", `{"file_path": "%DIR%/none/*.log"}`, "nothing matches now: the folder %DIR%/none is not there")
	f("no file", `{"file_path": "%DIR%/a.log"}`, "nothing matches now; it is waited for")
	f("a pattern", `{"file_path": "%DIR%/a*.log"}`, "nothing matches now; it is waited for")
	fill(t, filepath.Join(dir, "a.log.gz"), 8)
	f("passed over", `{"file_path": "%DIR%/a.log*"}`, "nothing is shipped: every file that matches is passed over")
	fill(t, filepath.Join(dir, "a.log"), 8)
	f("a file", `{"file_path": "%DIR%/a.log"}`, "")
}

func TestFileIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill(t, filepath.Join(dir, "a.log"), 800)
	fill(t, filepath.Join(dir, "a.log.1"), 8)
	e := logsFrom(t, dir, `{"file_path": "%DIR%/a.log", "log_group_name": "g-{date}", "retention_in_days": 7, "log_group_class": "infrequent_access"}`)
	if e.Class != infrequent || e.RetentionDays != 7 || e.LogGroup != "g-*" || e.LogStream != "*" || len(e.Passed) != 1 || len(e.Files) != 1 {
		t.Fatalf("got %+v", e)
	}
	f := e.Files[0]
	if f.SizeBytes != 800 || f.UnreadBytes != 800 || f.LogGroup != "g-"+time.Now().Format(time.DateOnly) || f.LogStream != "h" || f.KnownFrom != "beginning" || len(f.Begins) != 1 || f.Begins[0] != (Begin{f.Path, 0}) {
		t.Errorf("got %+v", f)
	}
	if f.Growth.Sure != Unknown { // it was made a moment ago
		t.Errorf("growth %+v", f.Growth)
	}
}

func TestFilesAreWatchedWhileTheyGrow(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	fill(t, path, 800)
	c := parsed(t, fmt.Sprintf(`{"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": %q, "filters": [{"type": "exclude", "expression": "never"}]}]}}}}`, path))
	synctest.Test(t, func(t *testing.T) {
		plan, err := agent.MakePlan(t.Context(), c, agent.Env{Mode: agent.OnPremise})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(30 * time.Second)
			fill(t, path, 1600)
		}()
		grown, err := growths(t.Context(), plan.Files, time.Minute, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		g := grown[&plan.Files[0].Listing.Files[0]]
		if !about(g.BytesPerDay, 800*24*60) || !about(g.EventsPerDay, 100*24*60) || g.Sure != Measured || g.Basis != "two looks 1m0s apart" {
			t.Errorf("got %+v", g)
		}
	})
}
