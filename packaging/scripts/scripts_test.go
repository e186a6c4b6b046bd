//go:build linux

// Package scripts holds no code: it tests what the packages' scripts do for each argument that dpkg and rpm pass. The real thing,
// with dpkg and systemd, is tested by packaging/packagetest.
package scripts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// world is a root folder with the programs of this machine, and fakes of those that would change it: they note how they were called.
type world struct {
	*testing.T
	root string
}

const (
	home  = "/opt/aws/amazon-cloudwatch-agent"
	notes = "/var/lib/nephoscope-package"
	fake  = "#!/bin/sh\necho \"${0##*/} $*\" >>/calls\n"
)

// fakes are the programs, and what each answers.
var fakes = map[string]string{
	"systemctl":          `case "$*" in *is-active*) [ -e /active ] ;; *is-enabled*) [ -e /enabled ] ;; *stop*) rm -f /active ;; *start*) touch /active ;; esac`,
	"deb-systemd-invoke": `case "$*" in stop*) rm -f /active ;; start*) touch /active ;; esac`,
	"systemd-tmpfiles":   "", "journalctl": "", "chown": "", "nephoscope": "[ ! -e /refuses ]", "userdel": "", "groupdel": "",
	"groupadd":   "echo cwagent:x:997: >>/etc/group",
	"useradd":    "echo cwagent:x:997:997::/home/cwagent:/usr/sbin/nologin >>/etc/passwd",
	"dpkg-query": `[ -e /packaged ]`, "rpm": "exit 1",
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t, t.TempDir()}
	for _, dir := range []string{"usr", "dev", "proc", "run", "tmp", "scripts", "fake", "etc/systemd/system", "var/log", "var/lib", home + "/bin", home + "/etc/amazon-cloudwatch-agent.d"} {
		w.must(os.MkdirAll(filepath.Join(w.root, dir), 0o755))
	}
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		if _, err := os.Lstat("/" + dir); err == nil {
			w.must(os.Symlink("usr/"+dir, filepath.Join(w.root, dir)))
		}
	}
	for name, answer := range fakes {
		noted := fake
		if name == "systemctl" && strings.Contains(answer, "is-active") {
			noted = "#!/bin/sh\ncase \"$*\" in *is-*) ;; *) echo \"${0##*/} $*\" >>/calls ;; esac\n" // questions change nothing
		} else if name == "dpkg-query" || name == "rpm" || name == "journalctl" {
			noted = "#!/bin/sh\n"
		}
		w.write("/fake/"+name, noted+answer+"\n")
		w.must(os.Chmod(filepath.Join(w.root, "fake", name), 0o755))
	}
	w.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
	w.write("/etc/group", "root:x:0:\n")
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) write(path, text string) {
	w.Helper()
	w.must(os.MkdirAll(filepath.Join(w.root, filepath.Dir(path)), 0o755))
	w.must(os.WriteFile(filepath.Join(w.root, path), []byte(text), 0o644))
}

func (w *world) read(path string) string {
	raw, _ := os.ReadFile(filepath.Join(w.root, path))
	return string(raw)
}

func (w *world) has(path string) bool {
	_, err := os.Lstat(filepath.Join(w.root, path))
	return err == nil
}

// run runs a script with this root as its own, and returns what it printed and what it called. An argument that sets a
// variable does that.
func (w *world) run(script string, args ...string) (said, called string) {
	w.Helper()
	w.must(os.RemoveAll(filepath.Join(w.root, "calls")))
	here, err := os.Getwd()
	w.must(err)
	const enter = `root=$1; here=$2; script=$3; shift 3
case $1 in *=*) set=$1; shift ;; esac
mount --rbind /usr $root/usr && mount --rbind /dev $root/dev && mount --rbind /proc $root/proc && mount --bind $here $root/scripts &&
exec chroot $root env -i PATH=/fake:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C $set /bin/sh /scripts/$script "$@"`
	flags := []string{"--mount"}
	if os.Geteuid() != 0 {
		flags = append(flags, "--map-root-user")
	}
	cmd := exec.Command("unshare", append(append(flags, "/bin/sh", "-c", enter, "sh", w.root, here, script), args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.Fatalf("%s %v: %v (this test needs root, or user namespaces)\n%s", script, args, err, out)
	}
	return string(out), strings.TrimSuffix(strings.ReplaceAll(w.read("/calls"), "\n", "; "), "; ")
}

// Each argument of dpkg and rpm, with systemd and the agent running, on a host where the user is there already.
func TestEachArgument(t *testing.T) {
	t.Parallel()
	const (
		unit    = "amazon-cloudwatch-agent.service"
		settle  = "chown 997:997 /var/lib/nephoscope; chown 997:997 " + home + "/logs; systemctl daemon-reload; systemd-tmpfiles --create nephoscope.conf"
		restart = settle + "; deb-systemd-invoke try-restart " + unit
		stop    = "deb-systemd-invoke stop " + unit
		leave   = stop + "; systemctl --quiet --no-reload disable " + unit
		reload  = "systemctl daemon-reload"
	)
	for line, want := range map[string]string{
		"preinst upgrade 1.0":       "",
		"preinst abort-upgrade 1.1": "",
		"preinst 2":                 "",

		"postinst configure 1.0":                                restart,
		"postinst 2":                                            restart,
		"postinst abort-upgrade 1.1":                            restart,
		"postinst abort-remove":                                 restart,
		"postinst abort-remove in-favour other 1":               restart,
		"postinst abort-deconfigure in-favour a 1 removing b 2": restart,
		"postinst triggered /x":                                 "",

		"prerm upgrade 1.1":        "",
		"prerm failed-upgrade 1.0": "",
		"prerm 1":                  "",
		"prerm remove":             leave,
		"prerm remove in-favour amazon-cloudwatch-agent 1": leave,
		"prerm 0": leave,
		"prerm deconfigure in-favour a 1 removing b 2": stop,

		"postrm upgrade 1.1":        "",
		"postrm failed-upgrade 1.0": "",
		"postrm abort-upgrade 1.0":  "",
		"postrm disappear other 1":  "",
		"postrm 1":                  "",
		"postrm remove":             reload,
		"postrm 0":                  reload,
		"postrm abort-install":      reload,
		"postrm purge":              "",

		"posttrans 1": "",
	} {
		t.Run(strings.ReplaceAll(line, "/", ""), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write("/run/systemd/system/x", "")
			w.write("/active", "")
			w.write("/etc/passwd", "cwagent:x:997:997::/home/cwagent:/usr/sbin/nologin\n")
			w.write("/etc/group", "cwagent:x:997:\n")
			args := strings.Fields(line)
			said, called := w.run(args[0], args[1:]...)
			if said != "" || called != want {
				t.Errorf("said %q, called\n%s, want\n%s", said, called, want)
			}
		})
	}
}

// In a chroot, a container or an image that is being made there is nothing to say, and no service to speak to.
func TestWithoutSystemd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, line := range []string{"preinst install", "postinst configure", "postinst configure 1.0", "postinst 1", "prerm upgrade 1.1", "prerm remove", "postrm remove", "postrm purge"} {
		args := strings.Fields(line)
		said, called := w.run(args[0], args[1:]...)
		if said != "" || strings.Contains(called, "reload;") || strings.Contains(called, "invoke") {
			t.Errorf("%s: said %q, called %s", line, said, called)
		}
	}
}

func TestFirstInstallMakesTheUserAndPurgeRemovesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("/run/systemd/system/x", "")
	w.run("preinst", "install")
	said, called := w.run("postinst", "configure", "")
	if !strings.Contains(called, "groupadd --system cwagent; useradd --system --no-create-home") || strings.Contains(called, "enable") || strings.Contains(called, " start") {
		t.Error("called", called)
	}
	if strings.Count(said, "\n") > 3 || !strings.Contains(said, "nephoscope wizard") {
		t.Errorf("said %q", said)
	}
	w.write("/var/lib/nephoscope/checkpoints", "x")
	w.write(home+"/logs/amazon-cloudwatch-agent.log", "x")
	w.write(home+"/etc/amazon-cloudwatch-agent.d/default", "{}")
	w.run("prerm", "remove")
	w.run("postrm", "remove")
	if !w.has("/var/lib/nephoscope/checkpoints") || !w.has(home+"/logs/amazon-cloudwatch-agent.log") || !w.has(home+"/etc/amazon-cloudwatch-agent.d/default") {
		t.Error("remove has removed what purge is for")
	}
	w.run("preinst", "install", "1.0")
	if said, _ := w.run("postinst", "configure", "1.0"); !strings.Contains(said, "Start it with the configuration that is there") {
		t.Errorf("installed again, it said %q", said)
	}
	w.run("prerm", "remove")
	w.run("postrm", "remove")
	_, called = w.run("postrm", "purge")
	if called != "userdel cwagent; groupdel cwagent" || w.has("/var/lib/nephoscope") || w.has(home) || w.has(notes) {
		t.Errorf("after purge: called %s", called)
	}
}

func TestPurgeLeavesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("/data/precious", "x")
	w.must(os.MkdirAll(filepath.Join(w.root, "/var/lib/nephoscope"), 0o755))
	w.must(os.Symlink("/data", filepath.Join(w.root, home, "logs")))
	w.must(os.Symlink("/data", filepath.Join(w.root, "/var/lib/nephoscope/spool")))
	w.write("/etc/passwd", "cwagent:x:997:997::/home/cwagent:/usr/sbin/nologin\n")
	said, called := w.run("postrm", "purge")
	if !w.has("/data/precious") || called != "" || !strings.Contains(said, "leads elsewhere") {
		t.Errorf("precious %v, called %s, said %s", w.has("/data/precious"), called, said)
	}

	w = newWorld(t) // the original is back
	for _, path := range []string{home + "/bin/amazon-cloudwatch-agent", home + "/logs/state/x", home + "/etc/amazon-cloudwatch-agent.d/a", "/var/lib/nephoscope/x", notes + "/made-user"} {
		w.write(path, "x")
	}
	if _, called := w.run("postrm", "purge"); called != "" || !w.has(home+"/logs/state/x") || !w.has(home+"/etc/amazon-cloudwatch-agent.d/a") || w.has("/var/lib/nephoscope") {
		t.Error("the original lost something, or we kept something; called", called)
	}
}

// The original that was unpacked by hand, running: stopped, kept, replaced, and put back.
func TestOriginalThatNoPackageKnowsIsKeptAndPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("/run/systemd/system/x", "")
	w.write("/active", "")
	w.write("/enabled", "")
	program, unit := home+"/bin/amazon-cloudwatch-agent", "/etc/systemd/system/amazon-cloudwatch-agent.service"
	w.write(program, "original")
	w.write(unit, "ExecStart="+home+"/bin/start-amazon-cloudwatch-agent\n")
	w.write(home+"/etc/common-config.toml", "edited")
	w.write(home+"/etc/amazon-cloudwatch-agent.json", "{}")
	w.write(home+"/logs/state/x", "0")
	w.run("preinst", "install")
	if w.has(program) || w.has(unit) || w.has("/active") || w.read(home+"/etc/common-config.toml") == "edited" {
		t.Error("it is in the way of the files to come")
	}
	said, called := w.run("postinst", "configure", "")
	if !strings.Contains(said, "configurations 0, checkpoints 1; running") || !strings.Contains(said, "migrate --undo") {
		t.Errorf("said %q", said)
	}
	if !strings.Contains(called, "nephoscope migrate --from original --apply") || !strings.HasSuffix(called, "enable amazon-cloudwatch-agent.service; deb-systemd-invoke start amazon-cloudwatch-agent.service") {
		t.Error("called", called)
	}
	if got := w.read(home + "/etc/common-config.toml"); got != "edited" {
		t.Errorf("common-config.toml holds %q", got)
	}
	_, called = w.run("prerm", "remove")
	if !strings.Contains(called, "nephoscope migrate --undo --apply") {
		t.Error("called", called)
	}
	w.run("postrm", "remove")
	if w.read(program) != "original" || !w.has(unit) || w.has(home+"/bin.original") {
		t.Error("it is not back")
	}
}

// dpkg has stopped the original when preinst runs: whether it was running is told by its last words.
func TestOriginalThatDpkgHasStopped(t *testing.T) {
	t.Parallel()
	f := func(log, began string, want string) {
		t.Helper()
		w := newWorld(t)
		w.write("/packaged", "")
		w.write("/run/systemd/system/x", "")
		w.write(home+"/bin/amazon-cloudwatch-agent", "original")
		w.write(home+"/logs/amazon-cloudwatch-agent.log", "x")
		touch := fmt.Sprintf("d=$(date -d %q '+%%F %%T'); echo \"$d status half-configured amazon-cloudwatch-agent:amd64 1\" >%s; touch -d %q %s", began, w.root+"/var/log/dpkg.log", log, w.root+home+"/logs/amazon-cloudwatch-agent.log")
		touch += "; touch -d @0 " + w.root + home + "/var"
		w.must(os.MkdirAll(filepath.Join(w.root, home, "var"), 0o755))
		if out, err := exec.Command("sh", "-c", touch).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
		w.run("preinst", "install")
		if got := strings.ReplaceAll(w.read(notes+"/found"), "\n", " "); got != want || !w.has(home+"/bin/amazon-cloudwatch-agent") {
			t.Errorf("log %s, dpkg %s: found %q, want %q", log, began, got, want)
		}
	}
	f("1 second ago", "5 seconds ago", "ran original ")
	f("1 hour ago", "5 seconds ago", "original ")
	f("2 hours ago", "3 hours ago", "original ")
}

func TestInstallThatFailsPutsEverythingBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("/run/systemd/system/x", "")
	w.write("/active", "")
	w.write(home+"/bin/amazon-cloudwatch-agent", "original")
	w.write(home+"/etc/common-config.toml", "edited")
	w.run("preinst", "install")
	_, called := w.run("postrm", "abort-install")
	if w.read(home+"/bin/amazon-cloudwatch-agent") != "original" || w.read(home+"/etc/common-config.toml") != "edited" || !w.has("/active") || w.has(notes) {
		t.Error("not everything is back; called", called)
	}
}

// Power may go between preinst and postinst: dpkg begins again with preinst, and the operator's file is that of the first time.
func TestInstallThatWasKilledIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("/run/systemd/system/x", "")
	w.write("/active", "")
	w.write(home+"/bin/amazon-cloudwatch-agent", "original")
	w.write(home+"/etc/common-config.toml", "edited")
	w.run("preinst", "install")
	w.run("preinst", "install", "1.0")
	said, called := w.run("postinst", "configure", "")
	if got := w.read(home + "/etc/common-config.toml"); got != "edited" {
		t.Errorf("common-config.toml holds %q", got)
	}
	if !strings.Contains(called, "start amazon-cloudwatch-agent.service") || !strings.Contains(said, "took over") {
		t.Errorf("it ran before; said %q, called %s", said, called)
	}
}

// Below a root folder (an image that is being made) the service that is spoken to is not this machine's.
func TestBelowARootFolderThisMachineIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const image = "/image"
	w.write("/run/systemd/system/x", "")
	w.write("/active", "")
	w.write("/enabled", "")
	w.write(image+home+"/bin/amazon-cloudwatch-agent", "original")
	w.write(image+"/etc/systemd/system/amazon-cloudwatch-agent.service", "ExecStart="+home+"/bin/start-amazon-cloudwatch-agent\n")
	w.write(image+"/etc/passwd", "cwagent:x:997:997::/home/cwagent:/usr/sbin/nologin\n")
	w.write(image+"/etc/group", "cwagent:x:997:\n")
	for _, line := range []string{"preinst install", "postrm abort-install", "preinst install", "postinst configure", "prerm remove", "postrm remove", "postrm purge"} {
		args := strings.Fields(line)
		said, called := w.run(args[0], append([]string{"DPKG_ROOT=" + image}, args[1:]...)...)
		for _, call := range strings.Split(called, "; ") {
			if strings.Contains(call, "system") && !strings.Contains(call, "--root="+image) {
				t.Errorf("%s: said %q, called %s", line, said, call)
			}
		}
	}
}

// dpkg asks nothing about a file that is as the package ships it: preinst knows what that is.
func TestPreinstHoldsTheShippedCommonConfig(t *testing.T) {
	t.Parallel()
	shipped, err := os.ReadFile("../etc/common-config.toml")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("preinst")
	if err != nil {
		t.Fatal(err)
	}
	_, held, _ := strings.Cut(string(script), "<<'SHIPPED'\n")
	held, _, _ = strings.Cut(held, "SHIPPED\n")
	if held != string(shipped) {
		t.Error("packaging/etc/common-config.toml has changed: put it between the SHIPPED lines of preinst as well")
	}
}

func TestShellcheck(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("shellcheck"); err != nil {
		if os.Getenv("CI") != "" || os.Getenv("NEPHOSCOPE_FULL") == "1" {
			t.Fatal("shellcheck is not installed")
		}
		t.Skip("NOT RUN: shellcheck is not installed")
	}
	out, err := exec.Command("shellcheck", "preinst", "postinst", "prerm", "postrm", "posttrans").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
