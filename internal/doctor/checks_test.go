package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/tailer"
)

func TestConfigurationIsToldWithItsMistakes(t *testing.T) {
	w := world(t, oneLog)
	expect(t, examine(t, w, "config"), Fine, "no mistakes")
	w.Problems = []config.Problem{config.Suspicion(config.Place{File: "config.json", Line: 3}, "odd", "")}
	expect(t, examine(t, w, "config"), Warning, "odd")
	w.Problems = append(w.Problems, config.Mistake(config.Place{File: "config.json", Line: 4}, "wrong", ""))
	expect(t, examine(t, w, "config"), Failed, "wrong", "nephoscope check config.json")
	w = world(t, oneLog)
	w.Config, w.Sources = nil, nil
	expect(t, examine(t, w, "config"), Failed, "no configuration", "nephoscope wizard")
	w.NoStatus = fmt.Errorf("ask agent: %w", fs.ErrPermission)
	expect(t, examine(t, w, "config"), Failed, "may not be asked", "sudo nephoscope doctor")
	w.Sources, w.Unread = []string{"/etc/x"}, fmt.Errorf("open /etc/x: %w", fs.ErrPermission)
	expect(t, examine(t, w, "config"), Failed, "permission denied", "sudo nephoscope doctor", "ls -l /etc/x")
}

func TestAgentTellsWhetherWhatRunsIsOnDisk(t *testing.T) {
	f := func(c agent.Configuration, want Outcome, words ...string) {
		t.Helper()
		w := world(t, oneLog)
		w.Status = &agent.Status{Version: "1", PID: 7, Configuration: c}
		expect(t, examine(t, w, "config"), want, words...)
	}
	applied := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f(agent.Configuration{OnDisk: agent.Runs, Applied: applied}, Fine, "no mistakes, and it is what runs")
	f(agent.Configuration{OnDisk: agent.Differs, Applied: applied}, Warning, "has been changed since", "2026-11-20T12:00:00Z", "kill -HUP 7")
	f(agent.Configuration{OnDisk: agent.Differs, Applied: applied, Refused: "c.json:1:2: no"}, Warning, "was refused", "c.json:1:2: no", "nephoscope check")
	f(agent.Configuration{OnDisk: agent.Differs, Applied: applied, Refused: "c.json:1:2: no", LastGood: true}, Warning, "the last good one")
	f(agent.Configuration{OnDisk: agent.Unreadable, Applied: applied}, Warning, "cannot be read by the agent", "ls -l config.json")
	f(agent.Configuration{OnDisk: agent.Runs, Restart: "run_as_user"}, Warning, "run_as_user", "restart")
	if r := examine(t, world(t, oneLog), "config"); strings.Contains(r.Says, "what runs") {
		t.Errorf("nobody has told: %s", r.Says)
	}
	w := world(t, oneLog)
	w.Status = &agent.Status{Version: "0", Configuration: agent.Configuration{OnDisk: agent.Runs}}
	expect(t, examine(t, w, "config"), Warning, "version 0")
	w.Given = true // another configuration than the agent's
	expect(t, examine(t, w, "config"), Fine)
}

func TestAgentSpeaksForItself(t *testing.T) {
	w := world(t, oneLog)
	w.NoStatus = errors.New("ask agent: nobody")
	expect(t, examine(t, w, "agent"), Warning, "nobody", "nephoscope run")
	w.Host.Units = func(context.Context, ...string) ([]Unit, error) {
		return []Unit{{Name: ownUnit}, {Name: install.UnitName, Loaded: true, Ours: true}}, nil
	}
	expect(t, examine(t, w, "agent"), Warning, "nobody", "sudo systemctl start amazon-cloudwatch-agent")
	w.NoStatus = fmt.Errorf("ask agent: %w", fs.ErrPermission)
	expect(t, examine(t, w, "agent"), Warning, "denied", "sudo nephoscope doctor")
	w.Given = true
	expect(t, examine(t, w, "agent"), Skipped)
	w.Status = &agent.Status{PID: 7, Health: agent.OK, Files: 1, Logs: []agent.LogFile{{Path: "/a"}}}
	w.Status.Logs[0].LagBytes = 2048
	expect(t, examine(t, w, "agent"), Fine, "process 7 is ok", "2.0 KiB behind in 1 log file")
	w.Status.Health, w.Status.Reasons = agent.Degraded, []agent.Reason{{What: "it waits", Hint: "be patient"}}
	expect(t, examine(t, w, "agent"), Warning, "it waits", "be patient")
	w.Status.Health = agent.Failing
	expect(t, examine(t, w, "agent"), Failed)
}

// Whoever asks by the status alone must not take an agent for well that delivers nothing.
func TestAgentThatDeliversNothingHasFailed(t *testing.T) {
	now := time.Now()
	f := func(name string, want Outcome, change func(*agent.Status)) {
		t.Helper()
		w := world(t, oneLog)
		w.Status = &agent.Status{PID: 7, Health: agent.Degraded, Started: now.Add(-5 * time.Minute), Reasons: []agent.Reason{{What: "it waits"}}}
		change(w.Status)
		if r := examine(t, w, "agent"); r.Outcome != want {
			t.Errorf("%s: got %s, want %s: %+v", name, r.Outcome, want, r.Findings)
		}
	}
	file := func(lag int64, since time.Duration, t *agent.Trouble) []agent.LogFile {
		one := agent.LogFile{Trouble: t}
		one.LagBytes, one.LagSince = lag, now.Add(-since)
		return []agent.LogFile{one}
	}
	refused, away := &agent.Trouble{Class: "denied"}, &agent.Trouble{Class: "unavailable"}
	f("something waits, for another reason", Warning, func(s *agent.Status) { s.Total.Acknowledged = now; s.Logs = file(9, time.Hour, away) })
	f("metrics denied", Failed, func(s *agent.Status) {
		s.Metrics = &agent.MetricsLedger{Acknowledged: now, Spooled: 1, Trouble: refused}
	})
	f("events denied", Failed, func(s *agent.Status) {
		s.Total.Acknowledged = now
		s.Streams = []agent.StreamLedger{{Trouble: refused}}
	})
	f("no metrics ever", Failed, func(s *agent.Status) { s.Metrics = &agent.MetricsLedger{Spooled: 1, Oldest: now, Trouble: away} })
	f("metrics wait for long", Failed, func(s *agent.Status) { s.Metrics = &agent.MetricsLedger{Spooled: 1, Oldest: now.Add(-2 * time.Minute)} })
	f("metrics of this moment", Warning, func(s *agent.Status) { s.Metrics = &agent.MetricsLedger{Spooled: 1, Oldest: now} })
	f("no events ever", Failed, func(s *agent.Status) { s.Logs = file(9, 2*time.Minute, nil) })
	f("an agent that has just come up to old files", Warning, func(s *agent.Status) { s.Started, s.Logs = now, file(9, time.Hour, nil) })
	f("no reason is given", Failed, func(s *agent.Status) { s.Health, s.Reasons, s.Logs = agent.OK, nil, file(9, 2*time.Minute, nil) })
}

// there makes an entry find files.
func there(p tailer.Present) func(config.File) (tailer.Present, error) {
	return func(config.File) (tailer.Present, error) { return p, nil }
}

func TestFileThatCannotBeReadNamesTheComponentAndTheCure(t *testing.T) {
	w := world(t, oneLog)
	w.Host.Present = there(tailer.Present{Files: []string{"/logs/app/a.log"}, Folders: []string{"/logs/app"}})
	d := disk{"/": folder(0, 0, 0o755), "/logs": folder(0, 0, 0o755), "/logs/app": folder(0, 4, 0o755), "/logs/app/a.log": file(0, 4, 0o644)}
	w.Host.Node = d.node
	expect(t, examine(t, w, "files"), Fine, "1 file, readable by cwagent")
	d["/logs/app/a.log"] = file(0, 4, 0o640)
	expect(t, examine(t, w, "files"), Failed, "/logs/app/a.log cannot be read by cwagent: mode -rw-r-----, owner 0, group adm",
		"sudo setfacl -m u:cwagent:r /logs/app/a.log && sudo setfacl -d -m u:cwagent:rX /logs/app", "sudo usermod -aG adm cwagent")
	d["/logs"] = folder(0, 0, 0o700)
	expect(t, examine(t, w, "files"), Failed, "the folder /logs cannot be entered", "1 log file behind it", "sudo setfacl -m u:cwagent:x /logs")
	d["/logs"] = folder(0, 4, 0o710)
	expect(t, examine(t, w, "files"), Failed, "usermod -aG adm")
	w.User.ReadsAll = true
	expect(t, examine(t, w, "files"), Fine)
	w.NoUser = errors.New("unknown user cwagent")
	expect(t, examine(t, w, "files"), Failed, "run_as_user")
}

func TestGroupIsOfferedOnlyWhereItWouldDo(t *testing.T) {
	w := world(t, oneLog)
	w.Host.Present = there(tailer.Present{Files: []string{"/logs/app/a.log"}, Folders: []string{"/logs/app"}})
	d := disk{"/": folder(0, 0, 0o755), "/logs": folder(0, 0, 0o755), "/logs/app": folder(0, 4, 0o755), "/logs/app/a.log": file(0, 4, 0o600)}
	w.Host.Node = d.node
	r := examine(t, w, "files")
	expect(t, r, Failed)
	if strings.Contains(r.Findings[0].Cure, "usermod") {
		t.Errorf("adm may not read it either: %s", r.Findings[0].Cure)
	}
}

func TestManyFilesOfOneFolderAreOneFinding(t *testing.T) {
	w := world(t, oneLog)
	d := disk{"/": folder(0, 0, 0o755), "/logs": folder(0, 0, 0o755), "/logs/app": folder(0, 0, 0o755)}
	p := tailer.Present{Folders: []string{"/logs/app"}}
	for i := range 5000 {
		path := fmt.Sprintf("/logs/app/%04d.log", i)
		d[path], p.Files = file(0, 0, 0o600), append(p.Files, path)
	}
	w.Host.Node, w.Host.Present = d.node, there(p)
	r := examine(t, w, "files")
	expect(t, r, Failed, "0000.log cannot be read", "and 4999 more in this folder", "setfacl -R -m u:cwagent:rX /logs/app")
	if len(r.Findings) != 1 {
		t.Errorf("%d findings", len(r.Findings))
	}
}

func TestFolderWithoutMatchesThatIsClosedIsAWarning(t *testing.T) {
	w := world(t, oneLog)
	w.Host.Node = disk{"/": folder(0, 0, 0o755), "/logs": folder(0, 0, 0o755), "/logs/private": folder(0, 0, 0o700)}.node
	w.Host.Present = there(tailer.Present{Folders: []string{"/logs/private"}})
	expect(t, examine(t, w, "files"), Warning, "/logs/private cannot be listed", "no file behind it matches")
}

func TestWhatTheDoctorCannotSeeItselfIsNotCalledAbsent(t *testing.T) {
	w := world(t, oneLog)
	closed := disk{"/": folder(0, 0, 0o755), "/logs": folder(0, 0, 0o700)}
	w.Host.Node = func(path string) (Node, error) {
		if strings.HasPrefix(path, "/logs/") {
			return Node{}, &fs.PathError{Op: "lstat", Path: path, Err: fs.ErrPermission}
		}
		return closed.node(path)
	}
	w.Host.ReadDir = func(path string) ([]fs.DirEntry, error) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	}
	w.Host.Present = there(tailer.Present{Near: "/logs"})
	r := examine(t, w, "files")
	expect(t, r, Failed, "the folder /logs cannot be entered by cwagent", "not seen from here")
	if strings.Contains(fmt.Sprint(r), "matches no file") {
		t.Errorf("got %+v", r)
	}
	w.User.ReadsAll = true // the agent may, and the doctor may not
	expect(t, examine(t, w, "files"), Failed, "cannot be looked at", "run nephoscope doctor as root")
}

func TestEntryWithoutFilesIsAWarningWithASuggestion(t *testing.T) {
	w := world(t, oneLog)
	w.Host.Node = disk{"/": folder(0, 0, 0o755), "/logs": folder(0, 0, 0o755), "/logs/app": folder(0, 0, 0o755)}.node
	w.Host.Present = there(tailer.Present{Folders: []string{"/logs/app"}})
	w.Host.ReadDir = entries{"unlike", "A.log"}.read
	expect(t, examine(t, w, "files"), Warning, "/logs/app/a.log matches no file in /logs/app", "did you mean /logs/app/A.log?")
	w.Host.Present = there(tailer.Present{Near: "/logs"})
	w.Host.ReadDir = entries{"apps"}.read
	expect(t, examine(t, w, "files"), Warning, "there is no /logs/app", "did you mean /logs/apps?")
	w.Host.ReadDir = entries{"other"}.read
	expect(t, examine(t, w, "files"), Warning, "goes on looking")
	w.Host.ReadFile = files(map[string]string{"/sys/fs/selinux/enforce": "1"})
	expect(t, examine(t, w, "files"), Warning, "SELinux is enforcing")
}

func TestOwnFolders(t *testing.T) {
	text := strings.Replace(oneMetric, `"region"`, `"logfile": "/var/log/own/agent.log", "region"`, 1)
	w := world(t, text)
	d := disk{"/": folder(0, 0, 0o755), "/var": folder(0, 0, 0o755), "/var/log": folder(0, 0, 0o755), "/var/log/own": folder(990, 990, 0o755), "/state": folder(990, 990, 0o700), "/state/j": file(990, 990, 0o600)}
	w.Host.Node = d.node
	w.Host.ReadDir = func(path string) ([]fs.DirEntry, error) {
		if path == "/state" {
			return entries{"j"}.read(path)
		}
		return nil, fs.ErrNotExist
	}
	expect(t, examine(t, w, "folders"), Fine, "1.0 TiB free")
	readable := w.Host.ReadDir
	w.Host.ReadDir = func(string) ([]fs.DirEntry, error) { return nil, fs.ErrPermission }
	expect(t, examine(t, w, "folders"), Fine, "cannot be looked at")
	w.Host.ReadDir = readable
	d["/state/j"] = file(0, 0, 0o644)
	expect(t, examine(t, w, "folders"), Failed, "1 file is in the state folder of somebody else", "chown -R cwagent /state", "open to others", "chmod -R go= /state")
	d["/state/j"] = file(990, 990, 0o600)
	d["/state"] = folder(990, 990, 0o755)
	expect(t, examine(t, w, "folders"), Warning, "open to others (mode drwxr-xr-x)", "chmod 700 /state")
	d["/state"] = folder(0, 0, 0o700)
	expect(t, examine(t, w, "folders"), Failed, "cwagent may not write to the state folder /state", "sudo chown -R cwagent /state && sudo chmod 700 /state")
	delete(d, "/state")
	expect(t, examine(t, w, "folders"), Failed, "may not make it in /", "install -d -m 700 -o cwagent /state")
	d["/"] = folder(990, 0, 0o755)
	expect(t, examine(t, w, "folders"), Fine, "not there yet")
	d["/state"] = file(990, 0, 0o600)
	expect(t, examine(t, w, "folders"), Failed, "is no folder")
	d["/state"] = folder(990, 990, 0o700)
	d["/var/log/own"] = folder(0, 0, 0o755)
	expect(t, examine(t, w, "folders"), Failed, "may not write the agent's log /var/log/own/agent.log")
	d["/var/log/own"] = folder(990, 0, 0o755)
	d["/var/log/own/agent.log"] = Node{Mode: fs.ModeSymlink | 0o777, Target: "/x"}
	expect(t, examine(t, w, "folders"), Failed, "follows no link")
	d["/var/log/own/agent.log"] = file(0, 0, 0o644)
	expect(t, examine(t, w, "folders"), Failed, "chown cwagent /var/log/own/agent.log")
}

func TestRoom(t *testing.T) {
	w := world(t, oneMetric)
	f := func(d Disk, want Outcome, words ...string) {
		t.Helper()
		w.Host.Disk = func(string) (Disk, error) { return d, nil }
		expect(t, examine(t, w, "folders"), want, words...)
	}
	f(Disk{Free: 1 << 40, ReadOnly: true}, Failed, "read-only")
	f(Disk{Free: 1 << 20}, Failed, "only 1.0 MiB free")
	f(Disk{Free: 100 << 20}, Warning, "100.0 MiB free, and the agent may need 114.0 MiB")
	f(Disk{Free: 1 << 40, Inodes: 10}, Failed, "no inodes left")
	f(Disk{Free: 1 << 40, Inodes: 1 << 20, FreeInodes: 10}, Warning, "only 10 inodes")
	f(Disk{Free: 1 << 40, Inodes: 0}, Fine) // btrfs counts none
}

func TestLimits(t *testing.T) {
	w := world(t, oneLog)
	w.Host.Units = func(context.Context, ...string) ([]Unit, error) {
		return []Unit{{Name: install.UnitName, Loaded: true, Ours: true}}, nil
	}
	w.Host.Present = there(tailer.Present{Files: make([]string, 3000), Folders: []string{"/a", "/b"}})
	f := func(watches, instances string, held Inotify, want Outcome, words ...string) {
		t.Helper()
		w.Host.ReadFile = files(map[string]string{
			"/proc/sys/fs/inotify/max_user_watches": watches + "\n", "/proc/sys/fs/inotify/max_user_instances": instances + "\n",
			"/proc/7/limits": "Limit                     Soft Limit           Hard Limit           Units\nMax open files            256                  4096                 files\n",
		})
		w.Host.Inotify = func(int, int) (Inotify, error) { return held, nil }
		expect(t, examine(t, w, "limits"), want, words...)
	}
	f("8192", "128", Inotify{}, Fine, "2 folders to watch, of 8192")
	f("8192", "128", Inotify{3, 8191}, Warning, "8191 are taken", "fs.inotify.max_user_watches=16386")
	f("8192", "128", Inotify{128, 0}, Warning, "all 128 inotify instances", "fs.inotify.max_user_instances")
	w.Status = &agent.Status{PID: 7}
	f("8192", "128", Inotify{}, Warning, "the agent may have 256 files open", "systemctl edit amazon-cloudwatch-agent: [Service] LimitNOFILE=")
	w.Host.ReadFile = func(string) ([]byte, error) { return nil, ErrElsewhere }
	expect(t, examine(t, w, "limits"), Skipped)
	if n, err := openFilesOf("Max open files            unlimited            unlimited            files\n"); err != nil || n < 1<<40 {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := openFilesOf("nothing"); err == nil {
		t.Error("a limit out of nothing")
	}
}

func TestClockOfTheKernel(t *testing.T) {
	w := world(t, oneLog)
	f := func(c Clock, err error, want Outcome, words ...string) {
		t.Helper()
		w.Host.Clock = func() (Clock, error) { return c, err }
		expect(t, examine(t, w, "clock"), want, words...)
	}
	f(Clock{Synchronized: true, MaxError: 20 * time.Millisecond}, nil, Fine, "within 20ms")
	f(Clock{}, nil, Warning, "set-ntp true")
	f(Clock{Synchronized: true, MaxError: time.Minute}, nil, Warning, "may be off by 1m0s")
	f(Clock{}, ErrElsewhere, Skipped)
	f(Clock{}, os.ErrPermission, Skipped, "permission")
}

func TestServiceThatDoesNotStartAtBoot(t *testing.T) {
	w := world(t, oneLog)
	f := func(u Unit, want Outcome, words ...string) {
		t.Helper()
		w.Host.Units = func(context.Context, ...string) ([]Unit, error) { return []Unit{u}, nil }
		expect(t, examine(t, w, "service"), want, words...)
	}
	w.Status = &agent.Status{PID: 7}
	f(Unit{Name: ownUnit, Loaded: true, Active: true, AtBoot: "enabled", MainPID: 7}, Fine, "starts at boot")
	f(Unit{Name: ownUnit, Loaded: true, Active: true, AtBoot: "disabled", MainPID: 7}, Warning, "systemctl enable nephoscope")
	f(Unit{Name: ownUnit, Loaded: true, AtBoot: "masked"}, Warning, "unmask")
	f(Unit{Name: ownUnit, Loaded: true, AtBoot: "enabled", MainPID: 8}, Warning, "process 8")
	f(Unit{Name: install.UnitName, Loaded: true, AtBoot: "disabled", Ours: true}, Warning, "systemctl enable amazon-cloudwatch-agent")
	f(Unit{Name: install.UnitName, Loaded: true, AtBoot: "disabled"}, Skipped)
	w.Status = nil
	f(Unit{Name: ownUnit, Loaded: true, AtBoot: "enabled"}, Warning, "not running", "systemctl start nephoscope")
	w.Host.Units = func(context.Context, ...string) ([]Unit, error) { return nil, ErrElsewhere }
	expect(t, examine(t, w, "service"), Skipped, "no systemd")
}

func TestSandboxThatForbidsWhatTheConfigurationWants(t *testing.T) {
	f := func(paths, logfile, entry string, want Outcome, words ...string) {
		t.Helper()
		w := world(t, fmt.Sprintf(`{"agent": {"logfile": %q}, "logs": {"logs_collected": {"files": {"collect_list": [%s]}}}}`, logfile, entry))
		w.State, w.Status = "/var/lib/nephoscope", &agent.Status{PID: 7}
		w.Host.Units = func(context.Context, ...string) ([]Unit, error) {
			return []Unit{{
				Name: install.UnitName, Loaded: true, Ours: true, Active: true, AtBoot: "enabled", MainPID: 7,
				ProtectSystem: "strict", ReadWritePaths: paths, StateDirectory: "nephoscope",
			}}, nil
		}
		expect(t, examine(t, w, "service"), want, words...)
	}
	const kept, removed = `{"file_path": "/srv/a.log"}`, `{"file_path": "/srv/*/app.*", "auto_removal": true}`
	f("-/opt/logs", "/opt/logs/agent.log", kept, Fine)
	f("-/opt/logs", "", kept, Fine)
	f("-/opt/logs", "/dev/stdout", kept, Fine)
	f("-/opt/logs", "/opt/logs2/agent.log", kept, Failed, "agent.logfile", "ReadWritePaths=/opt/logs2")
	f("-/opt/logs", "", removed, Failed, "auto_removal of /srv/*/app.*", "ReadWritePaths=/srv")
	f("-/opt/logs /srv", "", removed, Fine)
}

func TestRightsThatMeasurementsTake(t *testing.T) {
	plugin := func(plugin, asUser, unitUser, capabilities string, want Outcome, words ...string) {
		t.Helper()
		w := world(t, fmt.Sprintf(`{"agent": {"run_as_user": %q}, "metrics": {"metrics_collected": {%s}}}`, asUser, plugin))
		w.Host.Units = func(context.Context, ...string) ([]Unit, error) {
			return []Unit{{
				Name: install.UnitName, Loaded: true, Ours: true, Active: true, AtBoot: "enabled", Capabilities: capabilities,
				ExecStart: "{ path=/a ; argv[]=/a run " + unitUser + " ; }",
			}}, nil
		}
		expect(t, examine(t, w, "service"), want, words...)
	}
	f := func(measurement, asUser, unitUser, capabilities string, want Outcome, words ...string) {
		t.Helper()
		plugin(fmt.Sprintf(`"diskio": {"measurement": [%q]}`, measurement), asUser, unitUser, capabilities, want, words...)
	}
	const packaged, extended = "cap_chown cap_dac_read_search", "cap_chown cap_sys_admin"
	f("ebs_total_read_ops", "cwagent", "--user cwagent", packaged, Warning, "CAP_SYS_ADMIN", "CapabilityBoundingSet=CAP_SYS_ADMIN")
	f("ebs_total_read_ops", "cwagent", "", extended, Warning, "CAP_SYS_ADMIN")
	f("instance_store_volume_queue_length", "root", "--user cwagent", packaged, Warning, "CAP_SYS_ADMIN")
	f("instance_store_volume_queue_length", "root", "--user cwagent", extended, Fine)
	f("reads", "cwagent", "--user cwagent", packaged, Fine)

	f = func(entry, asUser, unitUser, capabilities string, want Outcome, words ...string) {
		t.Helper()
		plugin(`"procstat": [`+entry+`]`, asUser, unitUser, capabilities, want, words...)
	}
	const byProgram, reading, neither = `{"exe": "nginx", "measurement": ["pid_count"]}`, `{"pattern": "nginx", "measurement": ["read_bytes"]}`, `{"pattern": "nginx", "measurement": ["num_fds"]}`
	f(byProgram, "cwagent", "--user cwagent", packaged, Warning, "CAP_SYS_PTRACE", "CapabilityBoundingSet=CAP_SYS_PTRACE")
	f(byProgram, "root", "--user cwagent", extended, Warning, "CAP_SYS_PTRACE")
	f(reading, "root", "--user cwagent", packaged, Warning, "CAP_SYS_PTRACE")
	f(reading, "root", "--user cwagent", packaged+" cap_sys_ptrace", Fine)
	f(neither, "cwagent", "--user cwagent", packaged, Fine)
}

func TestUserOfTheService(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		if got := (Unit{ExecStart: line}).user(); got != want {
			t.Errorf("%s: got %q", line, got)
		}
	}
	f("{ path=/a ; argv[]=/a run --user cwagent --log-file /b ; ignore_errors=no }", "cwagent")
	f("{ path=/a ; argv[]=/a run --user=me ; }", "me")
	f("{ path=/a ; argv[]=/a run ; }", "")
}

func TestUnitsAreReadOutOfParagraphs(t *testing.T) {
	units := parseUnits("Id=a.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\nMainPID=12\nExecStart={ path=/a ; argv[]=/a b=c ; }\nProtectSystem=strict\nReadWritePaths=-/a /b\nStateDirectory=nephoscope\nCapabilityBoundingSet=cap_chown cap_sys_admin\n\nId=b.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\nMainPID=0\n")
	if len(units) != 2 || units[0] != (Unit{"a.service", true, true, "enabled", 12, "{ path=/a ; argv[]=/a b=c ; }", false, "strict", "-/a /b", "nephoscope", "cap_chown cap_sys_admin"}) || units[1] != (Unit{Name: "b.service"}) {
		t.Errorf("got %+v", units)
	}
}

func process(pid int, name, line string) Process {
	return Process{PID: pid, Name: name, Args: strings.Fields(line), Ours: name == "nephoscope"}
}

func TestAgentsThatWouldShipTheSame(t *testing.T) {
	w := world(t, oneLog)
	w.Sources = []string{"/etc/c.json"}
	w.Status = &agent.Status{PID: 7}
	f := func(want Outcome, word string, p ...Process) {
		t.Helper()
		w.Host.Processes = func() ([]Process, error) { return p, nil }
		expect(t, examine(t, w, "others"), want, word)
	}
	f(Fine, "none runs beside", process(1, "init", "/sbin/init"), process(7, "nephoscope", "nephoscope run --config /etc/c.json"))
	f(Failed, "disable --now amazon-cloudwatch-agent", process(9, "amazon-cloudwatch-agent", "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent -config x.toml -envconfig y.json -pidfile z"))
	f(Fine, "", process(7, "amazon-cloudwatch-agent", "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent run")) // ours under its name
	f(Warning, "awslogs agent runs as process 9", process(9, "python3", "python3 /var/awslogs/bin/aws logs push --config-file x"))
	f(Failed, "everything is shipped twice", process(8, "nephoscope", "nephoscope run --state /other --config=/etc/c.json"))
	f(Fine, "with a configuration of its own", process(8, "nephoscope", "nephoscope run --state /other --config /etc/d.json"))
	ours := func(line string) Process {
		p := process(8, "nephoscope", line)
		p.Dir = "/etc"
		return p
	}
	f(Failed, "shipped twice", ours("nephoscope run --state /other --config c.json"))
	f(Failed, "shipped twice", ours("nephoscope run --state /other --config /etc"))
	w.Sources = []string{install.Layout{}.Configs()}
	f(Failed, "shipped twice", ours("nephoscope run --state /other"))
	f(Failed, "shipped twice", ours("/opt/aws/amazon-cloudwatch-agent/bin/start-amazon-cloudwatch-agent"))
	f(Failed, "shipped twice", ours("amazon-cloudwatch-agent"))
	f(Failed, "shipped twice", ours("amazon-cloudwatch-agent -config x.toml -envconfig y.json -pidfile z"))
	f(Fine, "configuration of its own", ours("amazon-cloudwatch-agent --config /other.json"))
	f(Fine, "configuration of its own", ours("nephoscope run --root /image --state /other"))
	f(Fine, "none runs beside", ours("nephoscope status"), ours("amazon-cloudwatch-agent -version"), ours("amazon-cloudwatch-agent-ctl -a start"))
	f(Fine, "none runs beside", process(7, "start-amazon-cloudwatch-agent", "start-amazon-cloudwatch-agent")) // a copy of us, which has answered
	w.Status = nil
	f(Warning, "does not answer on /state", process(8, "nephoscope", "nephoscope run --state=/state /etc/c.json"))
	w.NoStatus = fs.ErrPermission
	f(Fine, "may not be asked", process(8, "nephoscope", "nephoscope run --state=/state /etc/c.json"))
	w.Host.Units = func(context.Context, ...string) ([]Unit, error) {
		return []Unit{{Name: install.UnitName, Loaded: true, AtBoot: "enabled", ExecStart: "/opt/start"}, {Name: "awslogsd.service", Loaded: true, AtBoot: "enabled"}}, nil
	}
	f(Warning, "systemctl disable awslogsd")
	f(Warning, "systemctl disable amazon-cloudwatch-agent")
}

func TestCapabilitiesOfAProcessAreRead(t *testing.T) {
	who, err := parseProcessStatus("Name:\tx\nUid:\t1\t2\t3\t990\nGid:\t1\t2\t3\t991\nGroups:\t4 27 \nCapEff:\t0000000000000004\n")
	if err != nil || who.UID != 990 || fmt.Sprint(who.GIDs) != "[991 4 27]" || !who.ReadsAll || who.WritesAll {
		t.Errorf("got %+v, %v", who, err)
	}
	for _, text := range []string{"", "Uid:\t1\n", "Uid:\t1\t2\t3\tx\nGid:\t1\t2\t3\t4\nCapEff:\t0\n", "Uid:\t1\t2\t3\t4\nGid:\t1\t2\t3\t4\nCapEff:\tzz\n"} {
		if _, err := parseProcessStatus(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestMistakesBesideTheConfigurationAreTold(t *testing.T) {
	w := world(t, oneLog)
	w.Beside = []config.Problem{config.Mistake(config.Place{File: "env-config.json", Line: 2}, "wrong", "")}
	expect(t, examine(t, w, "config"), Failed, "env-config.json:2:0: wrong")
	w.Config, w.Sources = nil, nil
	expect(t, examine(t, w, "config"), Failed, "wrong", "no configuration")
}

// What is scraped goes to CloudWatch Logs as log files do, and takes the same right.
func TestDoctorAsksForTheGroupOfWhatIsScraped(t *testing.T) {
	w := world(t, `{"logs": {"metrics_collected": {"prometheus": {"log_group_name": "/shop/prometheus", "disable_metric_extraction": true}}}}`)
	asks, _ := w.asks("eu-west-1")
	if len(asks) != 2 || asks[0].Action != PutLogEvents || asks[0].On != "/shop/prometheus" {
		t.Errorf("got %+v", asks)
	}
	if s := w.services("eu-west-1"); len(s) != 1 || s[0].name != "logs" {
		t.Errorf("got %+v", s)
	}
	expect(t, examine(t, w, "files"), Skipped, "names no log files")
}
