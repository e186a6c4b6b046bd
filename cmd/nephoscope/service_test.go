package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/packaging"
)

// image is a tree to install into, whose user cwagent is whoever runs the test: only root could give files away.
func image(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "etc/passwd"), fmt.Sprintf("root:x:0:0::/root:/bin/sh\ncwagent:x:%d:%d::/home/cwagent:/bin/false\n", os.Geteuid(), os.Getegid()), 0o644)
	return root
}

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// listing is a tree with modes, targets of links and contents of small files.
func listing(t *testing.T, root string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		to, _ := os.Readlink(path)
		fmt.Fprintln(&all, strings.TrimSpace(fmt.Sprintf("%v /%s %s", info.Mode(), name, to)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func unixManagers() (names []string) {
	return slices.DeleteFunc(managerNames(), func(name string) bool { return name == "windows" })
}

// What is installed for each service manager is a file to review: the service's file as it is written.
func TestServiceFileOfEachManager(t *testing.T) {
	for _, name := range unixManagers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := image(t)
			out, errs, status := nephoscope(t, "", "service", "install", "--root", root, "--manager", name)
			if status != exitFine {
				t.Fatalf("status %d: %s%s", status, out, errs)
			}
			m := named(t, name)
			got, err := os.ReadFile(filepath.Join(root, m.file))
			if err != nil {
				t.Fatal(err)
			}
			if name == "systemd" { // its text is the package's, and is tested there: here the record counts
				raw, _ := packaging.Service.ReadFile(m.source)
				text := strings.ReplaceAll(string(raw), packagedProgram, "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent")
				record, found := strings.CutSuffix(string(got), text)
				if !found {
					t.Errorf("it is not the package's unit:\n%s", got)
				}
				if want := "[Install]\nWantedBy=multi-user.target\n"; !strings.HasSuffix(text, want) {
					t.Errorf("the unit is enabled by a link that is made for %q", want)
				}
				got = []byte(record)
			}
			golden := filepath.Join("testdata", "service", name)
			if os.Getenv("UPDATE_GOLDEN") != "" {
				write(t, golden, string(got), 0o644)
			}
			want, err := os.ReadFile(golden)
			if err != nil || string(want) != string(got) {
				t.Errorf("%v; UPDATE_GOLDEN=1 writes it:\n%s", err, got)
			}
		})
	}
}

func named(t *testing.T, name string) *manager {
	t.Helper()
	for _, m := range managers() {
		if m.name == name {
			return m
		}
	}
	t.Fatalf("no manager %s", name)
	return nil
}

func TestServiceIsInstalledTwiceAndLeavesNothingBehind(t *testing.T) {
	for _, name := range unixManagers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := image(t)
			before := listing(t, root)
			args := []string{"--root", root, "--manager", name, "--json"}
			type said struct {
				OK, Changed bool
				Pieces      []struct{ State string }
			}
			f := func(command string, changed bool) {
				t.Helper()
				out, errs, status := nephoscope(t, "", append([]string{"service", command}, args...)...)
				var s said
				if err := json.Unmarshal([]byte(out), &s); err != nil || status != exitFine || !s.OK || s.Changed != changed || errs != "" {
					t.Errorf("%s: status %d, %v\n%s%s", command, status, err, out, errs)
				}
			}
			f("install", true)
			installed := listing(t, root)
			f("install", false)
			if again := listing(t, root); again != installed {
				t.Errorf("changed:\n%s\n%s", installed, again)
			}
			if strings.Contains(installed, "w-rw-") || strings.Contains(installed, "rw-rw-") {
				t.Errorf("others can write:\n%s", installed)
			}
			f("uninstall", true)
			f("uninstall", false)
			for line := range strings.Lines(listing(t, root)) { // folders of the system may stay
				if !strings.HasPrefix(line, "d") && !strings.Contains(before, line) {
					t.Errorf("left behind: %s", line)
				}
			}
			if _, err := os.Stat(filepath.Join(root, "opt/aws/amazon-cloudwatch-agent")); err == nil {
				t.Error("the folder is left behind")
			}
		})
	}
}

func TestServiceOfAnotherIsLeftAlone(t *testing.T) {
	t.Parallel()
	f := func(path, what, hint string) {
		t.Helper()
		root := image(t)
		path = filepath.Join(root, path)
		if to, ok := strings.CutPrefix(what, "-> "); ok {
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(to, path)); err != nil {
				t.Fatal(err)
			}
		} else {
			write(t, path, what, 0o644)
		}
		before := listing(t, root)
		for _, command := range []string{"install", "uninstall"} {
			out, errs, status := nephoscope(t, "", "service", command, "--root", root, "--manager", "systemd")
			if command == "uninstall" && status == exitFine && strings.Contains(out, "no service") && !strings.Contains(path, ".service") {
				continue
			}
			if status != exitMistakes || !strings.Contains(errs, hint) {
				t.Errorf("%s over %s %s: status %d: %s%s", command, path, what, status, out, errs)
			}
		}
		if after := listing(t, root); after != before {
			t.Errorf("%s: changed:\n%s\n%s", path, before, after)
		}
	}
	f("etc/systemd/system/amazon-cloudwatch-agent.service", "[Service]\nExecStart=/opt/aws/amazon-cloudwatch-agent/bin/start-amazon-cloudwatch-agent\n", "nephoscope migrate")
	f("usr/lib/systemd/system/amazon-cloudwatch-agent.service", "[Service]\n", "nephoscope migrate")
	f("etc/systemd/system/amazon-cloudwatch-agent.service", "-> /dev/null", "systemctl unmask")
	f("etc/systemd/system/amazon-cloudwatch-agent.service", "-> ../../elsewhere", "remove the link")
	f("opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent", "the original's program", "something else is there")
	f("usr/local/bin/nephoscope", "somebody's", "something else is there")
	f("usr/local/bin/nephoscope", "-> /home/somebody/nephoscope", "it is a link to /home/somebody/nephoscope")
}

func TestServiceOfThePackageIsLeftToIt(t *testing.T) {
	t.Parallel()
	root := image(t)
	write(t, filepath.Join(root, "usr/bin/nephoscope"), "", 0o755)
	write(t, filepath.Join(root, "var/lib/dpkg/info/nephoscope.list"), "/.\n/usr/bin/nephoscope\n", 0o644)
	before := listing(t, root)
	for _, command := range []string{"install", "uninstall"} {
		out, errs, status := nephoscope(t, "", "service", command, "--root", root, "--manager", "systemd")
		if status != exitMistakes || !strings.Contains(errs, "dpkg: nephoscope") || listing(t, root) != before {
			t.Errorf("%s: status %d: %s%s", command, status, out, errs)
		}
	}
}

func TestOptionalLinksLeaveWhatIsThere(t *testing.T) {
	t.Parallel()
	root := image(t)
	write(t, filepath.Join(root, "etc/nephoscope/mine"), "", 0o644)
	out, errs, status := nephoscope(t, "", "service", "install", "--root", root, "--manager", "systemd")
	if status != exitFine || !strings.Contains(out, "skipped   link /etc/nephoscope") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	if _, _, status := nephoscope(t, "", "service", "uninstall", "--root", root, "--manager", "systemd"); status != exitFine {
		t.Error("uninstall: status", status)
	}
	if _, err := os.Stat(filepath.Join(root, "etc/nephoscope/mine")); err != nil {
		t.Error(err)
	}
}

func TestUninstallKeepsConfigurationAndWhatWasReplaced(t *testing.T) {
	t.Parallel()
	root := image(t)
	args := []string{"--root", root, "--manager", "systemd"}
	nephoscope(t, "", append([]string{"service", "install"}, args...)...)
	stored := filepath.Join(root, "opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d/file_config.json")
	write(t, stored, "{}", 0o640)
	ctl := filepath.Join(root, "usr/local/bin/amazon-cloudwatch-agent-ctl")
	if err := errors.Join(os.Remove(ctl), os.Symlink("/elsewhere", ctl)); err != nil {
		t.Fatal(err)
	}
	out, errs, status := nephoscope(t, "", append([]string{"service", "uninstall"}, args...)...)
	for _, want := range []string{"kept      configuration in /opt/aws/amazon-cloudwatch-agent/etc", "kept      link /usr/local/bin/amazon-cloudwatch-agent-ctl", "(it is not what install made)"} {
		if !strings.Contains(out, want) {
			t.Errorf("does not say %q", want)
		}
	}
	if _, err := os.Stat(stored); status != exitFine || err != nil {
		t.Errorf("status %d, %v: %s%s", status, err, out, errs)
	}
	if to, err := os.Readlink(ctl); to != "/elsewhere" {
		t.Errorf("%s, %v", to, err)
	}
}

// An install that was interrupted at any piece is completed by the next, and removed as a whole.
func TestInterruptedInstallIsRepeated(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "nephoscope")
	write(t, program, "", 0o755)
	for cut := 1; ; cut++ {
		root := image(t)
		before := listing(t, root)
		s := &hostService{root: root, manager: named(t, "openrc"), program: program, out: io.Discard, command: refuse}
		whole := interrupt(t, s, cut)
		if err := s.install(t.Context()); err != nil {
			t.Fatalf("after %d pieces: %v", cut, err)
		}
		if err := s.uninstall(t.Context()); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(listing(t, root)) {
			if !strings.HasPrefix(line, "d") && !strings.Contains(before, line) {
				t.Errorf("cut after %d: left behind: %s", cut, line)
			}
		}
		if whole {
			break
		}
	}
}

// interrupt makes the first pieces of an installation.
func interrupt(t *testing.T, s *hostService, pieces int) (whole bool) {
	t.Helper()
	own, mine, err := s.lookAtFile()
	if err != nil {
		t.Fatal(err)
	}
	all := s.pieces(mine)
	for i := range all {
		if err := s.look(&all[i], mine); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.planFile(&own, all, mine); err != nil {
		t.Fatal(err)
	}
	all = append([]piece{own}, all...)
	for i := range all[:min(pieces, len(all))] {
		if err := s.put(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return pieces >= len(all)
}

func refuse(_ context.Context, name string, args ...string) (string, error) {
	return "", fmt.Errorf("%s %s was run", name, strings.Join(args, " "))
}

func TestNothingIsWrittenOutOfAnImage(t *testing.T) {
	t.Parallel()
	root, elsewhere := image(t), t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(root, "opt")); err != nil {
		t.Fatal(err)
	}
	out, errs, status := nephoscope(t, "", "service", "install", "--root", root, "--manager", "systemd")
	if status != exitMistakes || !strings.Contains(errs, "leads out of") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// The record of an image is whoever's who made the image.
func TestRecordOfAnImageRemovesNothingOutOfIt(t *testing.T) {
	t.Parallel()
	short := t.TempDir()
	root, victim := filepath.Join(image(t), strings.Repeat("long/", 20)), filepath.Join(short, "victim")
	write(t, victim, "x", 0o644)
	up := strings.Repeat("/..", strings.Count(root, "/"))
	write(t, filepath.Join(root, named(t, "systemd").file), "# "+recordTitle+"\n# "+recordMade+"file "+up+victim+"\n", 0o644)
	if out, errs, status := nephoscope(t, "", "service", "uninstall", "--root", root, "--manager", "systemd"); status != exitFine {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	if _, err := os.Stat(victim); err != nil {
		t.Error(err)
	}
}

func TestFolderThatOthersCanWriteIsRefused(t *testing.T) {
	t.Parallel()
	root := image(t)
	bin := filepath.Join(root, "opt/aws/amazon-cloudwatch-agent/bin")
	if err := errors.Join(os.MkdirAll(bin, 0o755), os.Chmod(bin, 0o777)); err != nil {
		t.Fatal(err)
	}
	before := listing(t, root)
	_, errs, status := nephoscope(t, "", "service", "install", "--root", root, "--manager", "systemd")
	if status != exitMistakes || !strings.Contains(errs, "chmod go-w /opt/aws/amazon-cloudwatch-agent/bin") || listing(t, root) != before {
		t.Errorf("status %d: %s", status, errs)
	}
}

func TestProgramThatOthersCanReplaceIsCopied(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "nephoscope")
	write(t, program, "", 0o755)
	f := func(path string, mine []piece, want bool) {
		t.Helper()
		s := &hostService{manager: named(t, "systemd"), program: path}
		if got := s.copies(mine); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	f(program, nil, true)
	f("/bin/sh", nil, false)
	f("/bin/sh", []piece{{Kind: "file", Path: "/usr/local/bin/nephoscope"}}, true)
	f("/bin/sh", []piece{{Kind: "link", Path: "/usr/local/bin/nephoscope"}}, false)
}

// A link to a program that could stay where it was gives way to a copy of the next one, and that is on record.
func TestCopyTakesThePlaceOfALinkOfOurs(t *testing.T) {
	t.Parallel()
	root := image(t)
	program := filepath.Join(t.TempDir(), "nephoscope")
	write(t, program, "the next one", 0o755)
	s := &hostService{root: root, manager: named(t, "systemd"), program: program, out: io.Discard, command: refuse}
	record, err := s.text([]piece{{Kind: "link", Path: s.ownCopy(), To: "/opt/nephoscope-1/nephoscope"}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, s.manager.file), string(record), 0o644)
	write(t, filepath.Join(root, "usr/local/bin/keep"), "", 0o644)
	if err := errors.Join(os.Symlink("/opt/nephoscope-1/nephoscope", filepath.Join(root, s.ownCopy())), s.install(t.Context())); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(root, s.ownCopy())); string(text) != "the next one" {
		t.Errorf("%q, %v", text, err)
	}
	if err := s.uninstall(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(root, "usr/local/bin")); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestLinksThatWereRenumberedAreRemoved(t *testing.T) {
	t.Parallel()
	root := image(t)
	args := []string{"--root", root, "--manager", "sysv"}
	nephoscope(t, "", append([]string{"service", "install"}, args...)...)
	one, other := filepath.Join(root, "etc/rc3.d/S95amazon-cloudwatch-agent"), filepath.Join(root, "etc/rc3.d/S01amazon-cloudwatch-agent")
	if err := errors.Join(os.Remove(one), os.Symlink("../init.d/amazon-cloudwatch-agent", other)); err != nil {
		t.Fatal(err)
	}
	if out, errs, status := nephoscope(t, "", append([]string{"service", "uninstall"}, args...)...); status != exitFine {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	if left := listing(t, root); strings.Contains(left, "cloudwatch") {
		t.Error(left)
	}
}

func TestDryRunOfServiceShowsTheFileAndWritesNothing(t *testing.T) {
	t.Parallel()
	root := image(t)
	before := listing(t, root)
	out, _, status := nephoscope(t, "", "service", "install", "--root", root, "--manager", "openrc", "--dry-run")
	if status != exitFine || !strings.Contains(out, "supervisor=supervise-daemon") || !strings.Contains(out, "would be made") || listing(t, root) != before {
		t.Errorf("status %d: %s", status, out)
	}
}
