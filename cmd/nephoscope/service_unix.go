//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/nephoscope/nephoscope/internal/install"
)

// rootOwns tells whether root alone can replace a file: it, and every folder above it, is root's, and nobody else writes there.
func rootOwns(path string) bool {
	for at := path; ; at = filepath.Dir(at) {
		if writableByOthers(at, 0) {
			return false
		}
		if at == filepath.Dir(at) {
			return true
		}
	}
}

// writableByOthers tells whether somebody else than root, or the owner of an image, can write a file or into a folder.
func writableByOthers(path string, owner int) bool {
	info, err := os.Lstat(path)
	if err != nil {
		return true
	}
	about, ok := info.Sys().(*syscall.Stat_t)
	open := os.FileMode(0o022)
	if ok && about.Gid == 0 || strings.HasPrefix(path, "/usr/local") { // which Debian may leave to its group staff
		open = 0o002
	}
	return !ok || about.Uid != 0 && int(about.Uid) != owner || info.Mode().Perm()&open != 0 && info.Mode()&os.ModeSymlink == 0
}

// onlyRootWrites refuses folders into which others could put what root will run.
func (s *hostService) onlyRootWrites() error {
	owner := 0
	if s.root != "" {
		owner = os.Geteuid()
	}
	for _, dir := range []string{(install.Layout{}).Bin(), (install.Layout{}).Home(), filepath.Dir(s.ownCopy()), filepath.Dir(s.manager.file)} {
		if _, err := os.Stat(s.at(dir)); err == nil && writableByOthers(s.at(dir), owner) {
			return fmt.Errorf("others than root can write in %s, from where root would run it (correct that first: chown root:root %s; chmod go-w %s)", dir, dir, dir)
		}
	}
	return nil
}

// lookForUser looks into the list of users of the host or of the image.
func (s *hostService) lookForUser(p *piece) error {
	_, _, there, err := s.accountIn(p.Path)
	switch {
	case there:
		p.State = stateThere
	case err != nil:
		p.State, p.Note = stateSkip, fmt.Sprintf("%v; %s", err, install.CreateUser(p.Path))
	default:
		p.State = stateMake
		if s.userCommand(p.Path) == nil {
			p.State, p.Note = stateSkip, "there is no command for it here; "+install.CreateUser(p.Path)
		}
	}
	return nil
}

func (s *hostService) accountIn(name string) (uid, gid int, there bool, err error) {
	f, err := os.Open(s.at("/etc/passwd"))
	if err != nil {
		return 0, 0, false, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		field := strings.Split(lines.Text(), ":")
		if len(field) > 3 && field[0] == name {
			uid, err = strconv.Atoi(field[2])
			if err == nil {
				gid, err = strconv.Atoi(field[3])
			}
			return uid, gid, err == nil, err
		}
	}
	return 0, 0, false, lines.Err()
}

// userCommand makes the user as the original's package does: without a home folder or a shell. nil: nothing here can.
func (s *hostService) userCommand(name string) []string {
	groups, _ := os.ReadFile(s.at("/etc/group"))
	grouped := strings.HasPrefix(string(groups), name+":") || strings.Contains(string(groups), "\n"+name+":")
	shell := "/bin/false"
	for _, path := range []string{"/sbin/nologin", "/usr/sbin/nologin"} {
		if _, err := os.Stat(s.at(path)); err == nil {
			shell = path
		}
	}
	const comment = "CloudWatch agent"
	if _, err := exec.LookPath("useradd"); err == nil {
		line := []string{"useradd", "--system", "--no-create-home", "--home-dir", "/home/" + name, "--comment", comment, "--shell", shell}
		if s.root != "" {
			line = append(line, "--prefix", rootFolder(s.root))
		}
		if grouped {
			return append(line, "--gid", name, name)
		}
		return append(line, "--user-group", name)
	}
	if _, err := exec.LookPath("adduser"); err != nil || s.root != "" {
		return nil
	}
	return []string{"adduser", "-S", "-D", "-H", "-h", "/home/" + name, "-g", comment, "-s", shell, name} // BusyBox's
}

func (s *hostService) makeUser(p *piece) error {
	line := s.userCommand(p.Path)
	if line[0] == "adduser" {
		if said, err := s.command(context.Background(), "addgroup", "-S", p.Path); err == nil || strings.Contains(said, "in use") {
			line = append(line[:len(line)-1], "-G", p.Path, p.Path)
		}
	}
	if said, err := s.command(context.Background(), line[0], line[1:]...); err != nil {
		return fmt.Errorf("create the user %s: %s: %w: %s", p.Path, line[0], err, strings.TrimSpace(said))
	}
	return nil
}

// giveLogs gives the folder of logs to the user who writes them. What is a link leads elsewhere, and is left alone.
func (s *hostService) giveLogs() error {
	uid, gid, there, err := s.accountIn(agentUser)
	logs := s.at((install.Layout{}).Logs())
	info, statErr := os.Lstat(logs)
	if err != nil || !there || statErr != nil || !info.IsDir() || s.manager.name == "launchd" {
		return nil
	}
	if about, ok := info.Sys().(*syscall.Stat_t); ok && int(about.Uid) == uid && int(about.Gid) == gid {
		return nil
	}
	if err := os.Lchown(logs, uid, gid); err != nil && !errors.Is(err, os.ErrPermission) {
		return err
	} else if err != nil {
		return fmt.Errorf("give the logs to %s: %w", agentUser, err)
	}
	return nil
}

// register, deregister and registered are for Windows, which keeps services in no file.
func (s *hostService) register() error                  { return errors.ErrUnsupported }
func (s *hostService) deregister(context.Context) error { return errors.ErrUnsupported }
func registered(string, string) (bool, string, string)  { return false, "", "" }
