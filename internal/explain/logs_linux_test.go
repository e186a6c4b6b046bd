package explain

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nephoscope/nephoscope/agent"
)

func TestPipeIsNotCalledUnreadable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.log")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	e := logsFrom(t, filepath.Dir(path), `{"file_path": "%DIR%/a.log"}`)
	if len(e.Files) != 1 || strings.Contains(e.Files[0].Problem, "everybody") || !strings.Contains(e.Files[0].Problem, "regular file") {
		t.Errorf("got %+v", e)
	}
}

// Root starts the agent, which keeps the right to read when it becomes somebody else.
func TestRunAsUserHidesNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill(t, filepath.Join(dir, "a.log"), 8)
	r := explained(t, agent.OnPremise, "c.json", `{"agent": {"run_as_user": "nobody"}, "logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "`+dir+`/a.log"}]}}}}`)
	if f := r.Logs.Entries[0].Files; len(f) != 1 || f[0].Problem != "" {
		t.Errorf("got %+v", f)
	}
}
