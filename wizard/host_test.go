package wizard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/migrate"
)

var errDenied = errors.New("AccessDeniedException: not authorized to perform ssm:PutParameter")

// fakeHost is a host as the lines of a dialogue's section describe it, and what was done to it.
type fakeHost struct {
	Host
	stored  []Parameter
	started []string
	asked   map[string]int // how often what was asked
}

func newHost(t *testing.T, lines string) *fakeHost {
	t.Helper()
	h := &fakeHost{asked: map[string]int{}}
	var region, profileRegion string
	var users []string
	var credentials []Credential
	var daemons []Daemon
	files := map[string]bool{}
	denials := 0
	h.Host = Host{
		OS: "linux", Hostname: "web-1",
		Region:        func(context.Context) string { h.asked["region"]++; return region },
		ProfileRegion: func(context.Context) string { return profileRegion },
		Credentials:   func(context.Context) []Credential { h.asked["credentials"]++; return credentials },
		XRayDaemons:   func() []Daemon { h.asked["daemons"]++; return daemons },
		Exists:        func(path string) bool { return files[path] },
		UserExists:    func(name string) bool { return slices.Contains(users, name) },
		Now:           func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
		Denied:        func(err error) bool { return errors.Is(err, errDenied) },
		AwsLogs:       importLogs, XRay: importXRay,
	}
	h.Store = func(_ context.Context, p Parameter) error {
		if denials > 0 {
			denials--
			return errDenied
		}
		h.stored = append(h.stored, p)
		return nil
	}
	for line := range strings.Lines(lines) {
		what, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch what {
		case "":
		case "os":
			h.OS = rest
		case "region":
			region = rest
		case "profile-region":
			profileRegion = rest
		case "user":
			users = append(users, rest)
		case "credential":
			credentials = append(credentials, Credential{Label: rest, Profile: "p"})
		case "daemon":
			daemons = append(daemons, Daemon{Args: strings.Fields(rest), Folder: "/etc/xray"})
		case "file":
			files[rest] = true
		case "denied":
			_, _ = fmt.Sscan(rest, &denials)
		case "store-fails":
			h.Store = func(context.Context, Parameter) error { return errors.New("ValidationException: too large") }
		case "no-store":
			h.Store = nil
		case "preview":
			h.Preview = func(_ context.Context, mode string, _ []byte) (string, error) {
				return strings.ReplaceAll(rest, "MODE", mode), nil
			}
		case "preview-fails":
			h.Preview = func(context.Context, string, []byte) (string, error) { return "", errors.New(rest) }
		case "start":
			h.Start = func(_ context.Context, mode, config string) (string, error) {
				h.started = append(h.started, mode+" "+config)
				return rest, nil
			}
		case "start-fails":
			h.Start = func(context.Context, string, string) (string, error) { return "", errors.New(rest) }
		default:
			t.Fatalf("host: unknown line %q", line)
		}
	}
	return h
}

// importLogs stands for internal/migrate, which has tests of its own.
func importLogs(path string) (migrate.Imported, error) {
	switch path {
	case awslogsInstalled, awslogsPackaged:
		return migrate.Imported{
			Config: map[string]any{"logs": map[string]any{
				"force_flush_interval": 5,
				"logs_collected": map[string]any{"files": map[string]any{"collect_list": []any{
					map[string]any{"file_path": "/var/log/messages", "log_group_name": "/var/log/messages", "log_stream_name": "{instance_id}",
						"timestamp_format": "%b %d %H:%M:%S", "retention_in_days": -1},
				}}},
			}},
			Notes: []config.Problem{config.Suspicion(config.Place{File: path, Line: 8, Column: 1}, `"batch_count" means nothing here`, "")},
		}, nil
	case "/broken.conf":
		return migrate.Imported{}, config.Problems{config.Mistake(config.Place{File: path, Line: 3, Column: 1}, "not a section and not a key", "")}
	case "/conflict.conf":
		entry := func(days int) any {
			return map[string]any{"file_path": fmt.Sprint("/a", days), "log_group_name": "g", "retention_in_days": days}
		}
		return migrate.Imported{Config: map[string]any{"logs": map[string]any{
			"logs_collected": map[string]any{"files": map[string]any{"collect_list": []any{entry(1), entry(3)}}}}}}, nil
	}
	return migrate.Imported{}, fmt.Errorf("read %s: no such file", path)
}

func importXRay(path string) (migrate.Imported, error) {
	if path != "/etc/xray/cfg.yaml" {
		return migrate.Imported{}, fmt.Errorf("read %s: no such file", path)
	}
	return migrate.Imported{Config: map[string]any{"traces": map[string]any{
		"traces_collected": map[string]any{"xray": map[string]any{"bind_address": "127.0.0.1:3000", "tcp_proxy": map[string]any{"bind_address": "127.0.0.1:3001"}}},
		"concurrency":      4, "buffer_size_mb": 5, "region_override": "eu-west-1",
	}}}, nil
}

func layout(root string) install.Layout { return install.Layout{Root: root} }

// folder is a temporary folder in memory, where there is such a place: every answer is a file that is synced.
func folder(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "wizard-")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
