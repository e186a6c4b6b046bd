package config

import (
	"slices"
	"strings"
	"testing"
)

func TestWhatASystemDoesNotHaveIsNamedAndLeftOut(t *testing.T) {
	const all = `{
  "agent": {"run_as_user": "cwagent", "logfile": "/var/log/agent.log"},
  "metrics": {"metrics_collected": {
    "cpu": {"measurement": ["usage_idle", "cpu_usage_iowait", {"name": "usage_steal", "rename": "stolen"}]},
    "disk": {"measurement": ["used_percent", "inodes_free"]},
    "diskio": {"measurement": ["reads", "io_time"]},
    "mem": {"measurement": ["cached"]},
    "ethtool": {"interface_include": ["eth0"]}
  }},
  "logs": {"logs_collected": {
    "files": {"collect_list": [{"file_path": "/var/log/a.log"}, {"file_path": "C:\\logs\\a.log"}, {"file_path": "a.log"}]},
    "windows_events": {"collect_list": [{"event_name": "System", "event_levels": ["ERROR"]}]}
  }}
}`
	f := func(system, user string, measured string, want ...string) {
		t.Helper()
		c, err := Parse("c.json", []byte(all), For(system))
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, w := range c.Warnings {
			if w.Line == 0 {
				t.Errorf("%s: without a place: %s", system, w.Error())
			}
			_, said, _ := strings.Cut(w.Error(), " ")
			told = append(told, said)
		}
		if !slices.Equal(told, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", system, strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
		var names []string
		for _, p := range c.Metrics.Plugins {
			for _, m := range p.Measurements {
				names = append(names, p.Name+"_"+m.Name)
			}
		}
		if got := strings.Join(names, " "); c.Agent.RunAsUser != user || got != measured {
			t.Errorf("%s: as %q, measures %s", system, c.Agent.RunAsUser, got)
		}
		if len(c.Logs.Files) != 3 {
			t.Errorf("%s: %d files", system, len(c.Logs.Files))
		}
	}
	const (
		metrics  = "metrics.metrics_collected."
		files    = "logs.logs_collected.files.collect_list"
		relative = `` + files + `[2].file_path: is relative to the folder that the agent is started in (write the whole path, beginning with /)`
		ofWin    = `` + files + `[1].file_path: is a path of Windows (write the whole path, beginning with /)`
		events   = `logs.logs_collected.windows_events: "windows_events" does nothing on `
	)
	f("linux", "cwagent", "cpu_usage_idle cpu_usage_iowait cpu_usage_steal disk_used_percent disk_inodes_free diskio_reads diskio_io_time mem_cached",
		ofWin, relative, events+`Linux: it is for Windows`)
	f("darwin", "", "cpu_usage_idle disk_used_percent disk_inodes_free diskio_reads",
		`agent.run_as_user: "run_as_user" does nothing on macOS: it is for Linux`,
		metrics+`cpu.measurement[1]: cpu_usage_iowait is not measured on macOS; it is ignored`,
		metrics+`cpu.measurement[2].name: cpu_usage_steal is not measured on macOS; it is ignored`,
		metrics+`diskio.measurement[1]: diskio_io_time is not measured on macOS; it is ignored`,
		metrics+`mem.measurement[0]: mem_cached is not measured on macOS; it is ignored`,
		metrics+`ethtool: "ethtool" does nothing on macOS: it is for Linux`, ofWin, relative, events+`macOS: it is for Windows`)
	const drive = ` is no whole path on Windows (write it with its drive, such as C:\logs\app.log)`
	f("windows", "", "cpu_usage_idle disk_used_percent diskio_reads",
		`agent.run_as_user: "run_as_user" does nothing on Windows: it is for Linux`,
		`agent.logfile:`+drive,
		metrics+`cpu.measurement[1]: cpu_usage_iowait is not measured on Windows; it is ignored`,
		metrics+`cpu.measurement[2].name: cpu_usage_steal is not measured on Windows; it is ignored`,
		metrics+`disk.measurement[1]: disk_inodes_free is not measured on Windows; it is ignored`,
		metrics+`diskio.measurement[1]: diskio_io_time is not measured on Windows; it is ignored`,
		metrics+`mem.measurement[0]: mem_cached is not measured on Windows; it is ignored`,
		metrics+`ethtool: "ethtool" does nothing on Windows: it is for Linux`,
		files+`[0].file_path:`+drive, files+`[2].file_path:`+drive,
		`logs.logs_collected.windows_events: "windows_events" is not collected by this version; it is ignored`)
	f("plan9", "cwagent", "cpu_usage_idle cpu_usage_iowait cpu_usage_steal disk_used_percent disk_inodes_free diskio_reads diskio_io_time mem_cached",
		relative,
		`logs.logs_collected.windows_events: "windows_events" is not collected by this version; it is ignored`)
}

// The tables name keys and measurements that there are.
func TestSystemsHaveNothingThatIsNotThere(t *testing.T) {
	for path, on := range onlyOn {
		s := configShape()
		for name := range strings.SplitSeq(path, ".") {
			if s != nil {
				s = s.under(name)
			}
		}
		if s == nil || len(on) == 0 || slices.ContainsFunc(on, func(system string) bool { return systems[system] == "" }) {
			t.Errorf("%s, on %q", path, on)
		}
	}
	for system, plugins := range unmeasured {
		for plugin, names := range plugins {
			for _, name := range names {
				if systems[system] == "" || !slices.Contains(Measurements(plugin), name) {
					t.Errorf("%s: %s_%s", system, plugin, name)
				}
			}
		}
	}
}
