package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/internal/install"
)

// nobody is a user that every Linux has, and that owns nothing.
func nobody(t *testing.T) account {
	t.Helper()
	needsRoot(t)
	who, err := accountOf("nobody")
	if err != nil {
		t.Fatal(err)
	}
	return who
}

func asUser(name, logfile string) string {
	return strings.Replace(oneLog, `"region"`, fmt.Sprintf(`"run_as_user": %q, "logfile": %q, "region"`, name, logfile), 1)
}

// threads is a line of /proc/PID/task/*/status, of all threads, each value once.
func (b *bed) threads(key string) (values []string) {
	b.Helper()
	all, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", b.cmd.Process.Pid))
	b.must(err)
	for _, name := range all {
		raw, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(raw)) {
			if value, ok := strings.CutPrefix(line, key+":"); ok {
				values = append(values, strings.Join(strings.Fields(value), " "))
			}
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

func (b *bed) owner(name string) int {
	b.Helper()
	info, err := os.Lstat(b.path(name))
	b.must(err)
	return ownerOf(info)
}

func TestRunAsUserReadsAFileOfRootAndNothingElseIsRoots(t *testing.T) {
	who := nobody(t)
	b := newBed(t)
	b.config(asUser("nobody", "%DIR%/own/agent.log"))
	b.write("access.log", "a\n") // 0600, of root
	b.start()
	b.until("the line", func() bool { return slices.Equal(b.events("g", "s"), []string{"a"}) })
	id := fmt.Sprint(who.uid)
	for key, want := range map[string]string{
		"Uid": strings.Join([]string{id, id, id, id}, " "), "Gid": fmt.Sprintf("%[1]d %[1]d %[1]d %[1]d", who.gid),
		"CapEff": "0000000000000004", "CapPrm": "0000000000000004", "CapInh": "0000000000000000", "CapAmb": "0000000000000000",
	} {
		if got := b.threads(key); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %q, want %q in all threads", key, got, want)
		}
	}
	if info, err := os.Stat(fmt.Sprintf("/proc/%d/mem", b.cmd.Process.Pid)); err != nil || ownerOf(info) != 0 {
		t.Errorf("another process of the user may look into the agent: %v, %v", info, err)
	}
	if own, err := os.ReadFile(b.path("own/agent.log")); err != nil || !strings.Contains(string(own), `"user": "nobody"`) {
		t.Errorf("the log does not say which user it is: %v\n%s", err, own)
	}
	for _, name := range []string{"state", "state/checkpoints", "state/lock", "state/control.sock", "own", "own/agent.log"} {
		if got := b.owner(name); got != who.uid {
			t.Errorf("%s belongs to %d", name, got)
		}
	}
	for _, name := range []string{"config.json", "common-config.toml", "access.log"} {
		if got := b.owner(name); got != 0 {
			t.Errorf("%s belongs to %d", name, got)
		}
	}
	b.config(asUser("nobody", "%DIR%/own/agent.log") + " ")
	if got := b.reload(); !got.Applied || got.Changed {
		t.Errorf("a reload from files of root: got %+v", got)
	}
	b.config(asUser("root", "%DIR%/own/agent.log"))
	if got := b.reload(); !got.Applied || len(got.Problems) != 1 || !strings.Contains(got.Problems[0].Error(), "run_as_user: another user takes effect after a restart") {
		t.Errorf("got %+v", got)
	}
	if s, _ := b.ledger(); !strings.Contains(s.Configuration.Restart, "run_as_user") {
		t.Errorf("got %+v", s.Configuration)
	}
	b.config(asUser("nobody", "%DIR%/own/agent.log"))
	if got := b.reload(); !got.Applied || len(got.Problems) != 0 {
		t.Errorf("got %+v", got)
	}
	b.stop()
	b.write("access.log", "b\n")
	b.start()
	b.until("the next line", func() bool { return slices.Equal(b.events("g", "s"), []string{"a", "b"}) })
	b.replace("config.json", `{"logs": [}`)
	b.stop()
	b.write("access.log", "c\n")
	b.start() // with the last good one, which is the user's
	b.until("the line after that", func() bool { return slices.Equal(b.events("g", "s"), []string{"a", "b", "c"}) })
	if got := b.threads("Uid"); !slices.Equal(got, []string{strings.Join([]string{id, id, id, id}, " ")}) {
		t.Errorf("got %q", got)
	}
	b.stop()
}

func TestRootInSoManyWordsIsNoOtherUser(t *testing.T) {
	needsRoot(t)
	b := newBed(t)
	b.config(oneLog)
	b.start()
	b.answers()
	b.config(asUser("root", ""))
	if got := b.reload(); !got.Applied || got.Restart != "" {
		t.Errorf("got %+v", got)
	}
	b.stop()
}

func TestRunAsUserWithoutReadAllNeedsPermissions(t *testing.T) {
	nobody(t)
	b := newBed(t)
	for _, dir := range []string{b.dir, filepath.Dir(b.dir)} {
		b.must(os.Chmod(dir, 0o755))
	}
	b.config(strings.Replace(asUser("nobody", ""), `"collect_list": [`, `"collect_list": [{"file_path": "%DIR%/open.log", "log_group_name": "g2", "log_stream_name": "s"},`, 1))
	b.write("access.log", "a\n")
	b.write("open.log", "x\n")
	b.must(os.Chmod(b.path("open.log"), 0o644))
	b.start("--no-read-all")
	b.until("the line that it may read", func() bool { return len(b.events("g2", "s")) == 1 })
	if got := b.threads("CapEff"); !slices.Equal(got, []string{"0000000000000000"}) {
		t.Errorf("got %q", got)
	}
	b.until("a word about the other", func() bool { return b.said("permission denied") })
	b.must(os.Chmod(b.path("access.log"), 0o644))
	b.until("the other line", func() bool { return len(b.events("g", "s")) == 1 })
	b.stop()
}

func TestUserWhoIsNotThere(t *testing.T) {
	needsRoot(t)
	b := newBed(t)
	b.config(asUser("nobody-of-that-name", ""))
	b.start()
	if err := <-b.ended; err == nil || b.cmd.ProcessState.ExitCode() != exitMistakes || !b.said("config.json:1:") || !b.said("agent.run_as_user: look up user: user: unknown user nobody-of-that-name") || !b.said("useradd") {
		t.Errorf("ended with %v", err)
	}
	b.cmd = nil
}

// What is handed over as root lies where the user could have put anything.
func TestOnlyWhatIsOursIsHandedOver(t *testing.T) {
	who := nobody(t)
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	file := func(name string, mode os.FileMode) {
		t.Helper()
		must(os.WriteFile(in(name), []byte("x"), 0o600))
		must(os.Chmod(in(name), mode))
	}
	must(os.MkdirAll(in("state/spool"), 0o700))
	must(os.Mkdir(in("elsewhere"), 0o700))
	file("secret", 0o600)
	file("state/lock", 0o600)
	file("state/checkpoints", 0o600)
	file("state/spool/batch", 0o600)
	file("state/program", 0o755)
	must(os.Symlink(in("secret"), in("state/link")))
	must(os.Symlink(in("elsewhere"), in("state/folder")))
	must(os.Symlink("spool", in("state/inside")))
	must(os.Link(in("secret"), in("state/second-name")))
	must(syscall.Mkfifo(in("state/pipe"), 0o600))
	must(handOverState(in("state"), who))
	owner := func(name string, want int) {
		t.Helper()
		info, err := os.Lstat(in(name))
		must(err)
		if got := ownerOf(info); got != want {
			t.Errorf("%s belongs to %d, not %d", name, got, want)
		}
	}
	for _, name := range []string{"state", "state/lock", "state/checkpoints", "state/spool", "state/spool/batch"} {
		owner(name, who.uid)
	}
	for _, name := range []string{"secret", "elsewhere", "state/program", "state/link", "state/folder", "state/inside", "state/second-name", "state/pipe"} {
		owner(name, 0)
	}

	if err := handOverState(in("."), who); err == nil || !strings.Contains(err.Error(), "--state") {
		t.Errorf("a folder of other things: got %v", err)
	}
	owner(".", 0)
	must(handOverState(in("new/one/state"), who))
	owner("new/one/state", who.uid)
	owner("new", 0)
	if info, err := os.Stat(in("new/one")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the folder above the state has mode %v, %v", info.Mode(), err)
	}
	must(os.MkdirAll(in("disk/lost+found"), 0o700)) // a disk of its own
	must(handOverState(in("disk"), who))
	owner("disk", who.uid)
	owner("disk/lost+found", 0)

	var layout install.Layout
	must(os.Mkdir(in("log"), 0o755))
	file("log/syslog", 0o640)
	must(os.Symlink("syslog", in("log/agent.log.1")))
	must(handOverLog(in("log/agent.log"), layout, who))
	owner("log/agent.log", who.uid)
	owner("log/syslog", 0)
	owner("log/agent.log.1", 0)
	owner("log", 0) // others log there
	must(handOverLog(in("own/agent.log"), layout, who))
	owner("own", who.uid)
	must(handOverLog("/dev/stdout", layout, who))
}

func TestStateOfAnAgentThatRunsIsNotHandedOver(t *testing.T) {
	who, dir := nobody(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) { // the lock is waited for
		unlock, err := durable.Lock(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		if err := handOverState(dir, who); err == nil || !strings.Contains(err.Error(), "another agent is using") {
			t.Errorf("got %v", err)
		}
		if info, err := os.Stat(dir); err != nil || ownerOf(info) != 0 {
			t.Errorf("it belongs to %d: %v", ownerOf(info), err)
		}
	})
}

// Where the user decides what a path leads to, root gives nothing away: it could be any folder of the system.
func TestNothingIsHandedOverWhereTheUserDecidesWhatIsThere(t *testing.T) {
	who := nobody(t)
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"system", "open", "theirs", "theirs/state"} {
		must(os.Mkdir(in(name), 0o755))
	}
	must(os.Chmod(in("open"), 0o777))
	for _, name := range []string{"theirs", "theirs/state"} {
		must(os.Chown(in(name), who.uid, who.gid))
	}
	must(os.Symlink(in("system"), in("theirs/link")))
	must(os.Symlink(in("theirs/link"), in("link")))
	must(os.Symlink("../system", in("open/link")))
	for _, name := range []string{"theirs/link", "theirs/link/new", "link", "open/link", "open/new"} {
		if err := handOverState(in(name), who); err == nil || !strings.Contains(err.Error(), "--state") {
			t.Errorf("state in %s: got %v", name, err)
		}
		must(handOverLog(in(name+"/agent.log"), install.Layout{}, who))
	}
	if there, err := os.ReadDir(in("system")); err != nil || len(there) > 0 {
		t.Errorf("made %v in a folder of the system: %v", there, err)
	}
	if info, err := os.Stat(in("system")); err != nil || ownerOf(info) != 0 {
		t.Errorf("a folder of the system belongs to %d: %v", ownerOf(info), err)
	}
	must(handOverState(in("theirs/state"), who)) // as it is already
}

func TestLastGoodOfAnotherUserIsNotRunAsRoot(t *testing.T) {
	who := nobody(t)
	f := func(owner int, user string, fine bool) {
		t.Helper()
		if err := mayRunAs(kept{owner: owner}, user); (err == nil) != fine {
			t.Errorf("of %d, to run as %q: got %v", owner, user, err)
		}
	}
	f(0, "", true)
	f(0, "nobody", true)
	f(who.uid, "nobody", true)
	f(who.uid, "", false)
	f(who.uid, "root", false)
	f(who.uid, "nobody-of-that-name", false)
}

func TestUserOfTheFlagIsForWhoConfiguresNone(t *testing.T) {
	who := nobody(t)
	b := newBed(t)
	heard := b.managed()
	b.config(oneLog)
	b.write("access.log", "a\n")
	b.start("--user", "nobody", "--log-file", b.path("own/agent.log"))
	b.hear(heard, "READY=1") // the socket is open to the new user
	b.until("the line", func() bool { return slices.Equal(b.events("g", "s"), []string{"a"}) })
	for _, name := range []string{"state", "state/checkpoints", "own", "own/agent.log"} {
		if got := b.owner(name); got != who.uid {
			t.Errorf("%s belongs to %d", name, got)
		}
	}
	b.config(asUser("nobody", ""))
	if got := b.reload(); !got.Applied || got.Restart != "" {
		t.Errorf("the same user in so many words: %+v", got)
	}
	b.config(asUser("root", ""))
	if got := b.reload(); !got.Applied || got.Restart != "agent.run_as_user" {
		t.Errorf("another user: %+v", got)
	}
	b.stop()
	b.write("access.log", "b\n")
	b.start("--user", "nobody", "--log-file", b.path("own/agent.log"))
	b.until("the line as root", func() bool { return slices.Equal(b.events("g", "s"), []string{"a", "b"}) })
	for _, name := range []string{"state", "state/checkpoints"} {
		if got := b.owner(name); got != 0 {
			t.Errorf("root again: %s belongs to %d", name, got)
		}
	}
	b.stop()
}

func TestUserOfTheFlagWhoIsNotThere(t *testing.T) {
	needsRoot(t)
	b := newBed(t)
	b.config(oneLog)
	b.start("--user", "nobody-of-that-name")
	if err := <-b.ended; err == nil || b.cmd.ProcessState.ExitCode() != exitMistakes || !b.said("--user nobody-of-that-name: look up user") || !b.said("useradd --system nobody-of-that-name") {
		t.Errorf("ended with %v", err)
	}
	b.cmd = nil
}

// The last good configuration decides what is read, and whoever had the state folder may have written it.
func TestLastGoodConfigurationDoesNotDecideOnTheUser(t *testing.T) {
	who := nobody(t)
	b := newBed(t)
	b.config(asUser("root", ""))
	b.write("access.log", "a\n")
	b.start("--user", "nobody")
	b.until("the line", func() bool { return slices.Equal(b.events("g", "s"), []string{"a"}) })
	b.until("the configuration to be kept", func() bool { _, err := os.Stat(b.path("state/" + lastGood)); return err == nil })
	b.stop()
	b.config(`{"logs": [}`)
	b.write("access.log", "b\n")
	b.start("--user", "nobody")
	b.until("the next line", func() bool { return slices.Equal(b.events("g", "s"), []string{"a", "b"}) })
	if got := b.owner("state"); got != who.uid {
		t.Errorf("it runs as %d", got)
	}
	b.stop()
}

func TestWhatAnotherUserKeptIsNotHandedOver(t *testing.T) {
	who := nobody(t)
	dir := t.TempDir()
	for _, name := range []string{"lock", "checkpoints", lastGood} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(dir, lastGood), 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if err := handOverState(dir, who); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"lock": who.uid, "checkpoints": who.uid, lastGood: 12345} {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil || ownerOf(info) != want {
			t.Errorf("%s belongs to %d, not %d: %v", name, ownerOf(info), want, err)
		}
	}
}
