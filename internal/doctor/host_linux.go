package doctor

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nephoscope/nephoscope/tailer"
	"golang.org/x/sys/unix"
)

// smallFile bounds what ReadFile reads.
const smallFile = 16 << 20

// ThisHost is the machine that this runs on.
func ThisHost() Host {
	return Host{
		Node: nodeOf, ReadDir: os.ReadDir, ReadFile: readSmall, Tail: tailOf, Disk: diskOf, Present: once(tailer.FindPresent), Group: groupName, Owner: userName,
		Processes: processes, Units: units, Inotify: inotifyOf, Clock: kernelClock, OpenFiles: openFiles,
	}
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, smallFile))
}

// tailOf follows no link: whoever the agent runs as could have it lead to what only root may read.
func tailOf(path string, most int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: not a regular file", path)
	}
	from := max(info.Size()-most, 0)
	raw, err := io.ReadAll(io.NewSectionReader(f, from, most))
	if from > 0 { // a secret that is cut in two may not look like one any more
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	return raw, err
}

func nodeOf(path string) (Node, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return Node{}, err
	}
	n := Node{Mode: info.Mode(), Size: info.Size()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		n.UID, n.GID = int(stat.Uid), int(stat.Gid)
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		n.Target, err = os.Readlink(path)
		return n, err
	}
	n.ACL, err = aclOf(path)
	return n, err
}

// aclOf is the path's ACL; nil if it has none, or if its file system has no such thing.
func aclOf(path string) (ACL, error) {
	raw := make([]byte, 4096)
	n, err := unix.Lgetxattr(path, "system.posix_acl_access", raw)
	if errors.Is(err, unix.ERANGE) {
		if n, err = unix.Lgetxattr(path, "system.posix_acl_access", nil); err == nil {
			raw = make([]byte, n+1024)
			n, err = unix.Lgetxattr(path, "system.posix_acl_access", raw)
		}
	}
	if err != nil {
		return nil, nil // there is none; whoever could not ask has failed at lstat already
	}
	return parseACL(raw[:n])
}

func diskOf(path string) (Disk, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Disk{}, fmt.Errorf("statfs %s: %w", path, err)
	}
	return Disk{
		Free: s.Bavail * uint64(s.Bsize), Size: s.Blocks * uint64(s.Bsize), Inodes: s.Files, FreeInodes: s.Ffree, ReadOnly: s.Flags&unix.ST_RDONLY != 0,
	}, nil
}

func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return g.Name
	}
	return ""
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return ""
}

// processes are all that /proc shows. What ends meanwhile is left out.
func processes() (all []Process, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		raw, err := readSmall(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil || len(raw) == 0 {
			continue // a thread of the kernel's, or gone
		}
		p := Process{PID: pid, Args: strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")}
		p.Name = filepath.Base(p.Args[0])
		exe := filepath.Join("/proc", e.Name(), "exe")
		if target, err := os.Readlink(exe); err == nil {
			p.Name = filepath.Base(strings.TrimSuffix(target, " (deleted)"))
		}
		p.Ours = p.Name == "nephoscope" || isThisProgram(exe)
		p.Dir, _ = os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		all = append(all, p)
	}
	return all, nil
}

// units asks systemd, where it runs.
func units(ctx context.Context, names ...string) (all []Unit, err error) {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return nil, ErrElsewhere
	}
	out, err := exec.CommandContext(ctx, "systemctl", append([]string{"show", "--property=Id,LoadState,ActiveState,UnitFileState,MainPID,ExecStart,ProtectSystem,ReadWritePaths,StateDirectory,CapabilityBoundingSet", "--"}, names...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("systemctl show: %w", err)
	}
	all = parseUnits(string(out))
	for i := range all {
		all[i].Ours = startsUs(all[i].ExecStart)
	}
	return all, nil
}

// startsUs tells whether an ExecStart, as systemctl prints it, starts nephoscope: under its name, or by a link.
func startsUs(execStart string) bool {
	if strings.Contains(execStart, "nephoscope") {
		return true
	}
	_, rest, _ := strings.Cut(execStart, "path=")
	path, _, _ := strings.Cut(rest, " ;")
	target, err := filepath.EvalSymlinks(path)
	return err == nil && (filepath.Base(target) == "nephoscope" || isThisProgram(target))
}

// isThisProgram tells whether a path leads to the file that this process was started from.
func isThisProgram(path string) bool {
	there, err := os.Stat(path)
	if err != nil {
		return false
	}
	here, err := os.Stat("/proc/self/exe")
	return err == nil && os.SameFile(there, here)
}

func inotifyOf(uid, except int) (held Inotify, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return held, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == except || pid == os.Getpid() {
			continue
		}
		dir := filepath.Join("/proc", e.Name())
		var stat unix.Stat_t
		if unix.Stat(dir, &stat) != nil || int(stat.Uid) != uid {
			continue
		}
		descriptors, _ := os.ReadDir(filepath.Join(dir, "fd")) // those of others only root may see
		for _, fd := range descriptors {
			if to, err := os.Readlink(filepath.Join(dir, "fd", fd.Name())); err == nil && to == "anon_inode:inotify" {
				held.Instances++
				raw, _ := readSmall(filepath.Join(dir, "fdinfo", fd.Name()))
				held.Watches += strings.Count(string(raw), "inotify wd:")
			}
		}
	}
	return held, nil
}

func kernelClock() (Clock, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return Clock{}, fmt.Errorf("adjtimex: %w", err)
	}
	return Clock{Synchronized: state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, MaxError: time.Duration(t.Maxerror) * time.Microsecond}, nil
}

func openFiles() (uint64, error) {
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return limit.Cur, err
}

// UserOfProcess is who a process is, and what it may do beyond that.
func UserOfProcess(pid int) (Who, error) {
	raw, err := readSmall(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Who{}, fmt.Errorf("read user of process %d: %w", pid, err)
	}
	who, err := parseProcessStatus(string(raw))
	if err != nil {
		return Who{}, fmt.Errorf("read user of process %d: %w", pid, err)
	}
	who.Name = cmp.Or(userName(who.UID), strconv.Itoa(who.UID))
	return who, nil
}

// EnvironmentOfProcess is what a process was started with.
func EnvironmentOfProcess(pid int) ([]string, error) {
	raw, err := readSmall(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return nil, fmt.Errorf("read environment of process %d: %w", pid, err)
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00"), nil
}
