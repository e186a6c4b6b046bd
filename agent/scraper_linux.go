package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	system "golang.org/x/sys/unix"
)

// apart gives a child a process group of its own, so that it is told to end by the agent alone, and can be killed with all that
// it may have started. The kernel kills it when the agent has died.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// firstToDie has the kernel end the child, and not the agent, when there is no memory left for both.
func firstToDie(p *os.Process) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", p.Pid), []byte("800"), 0)
}

// isSafe tells whether nobody else could have written a program than those who could have written the agent's own: the agent may
// be root.
func isSafe(program, own fs.FileInfo) error {
	p, known := program.Sys().(*syscall.Stat_t)
	o, too := own.Sys().(*syscall.Stat_t)
	switch mode := program.Mode().Perm(); {
	case !known || !too:
		return nil
	case p.Uid != 0 && p.Uid != o.Uid && int(p.Uid) != os.Geteuid():
		return fmt.Errorf("it belongs to the user %d, who could have the agent start anything (sudo chown root)", p.Uid)
	case mode&0o002 != 0:
		return errors.New("everybody may write to it (chmod 755)")
	case mode&0o020 != 0 && p.Gid != 0 && (p.Gid != o.Gid || own.Mode().Perm()&0o020 == 0):
		return fmt.Errorf("the group %d may write to it (chmod 755)", p.Gid)
	}
	return nil
}

// asScraper has root start a program as another user; nobody else can.
func asScraper(as ScraperUser) *syscall.SysProcAttr {
	if os.Geteuid() != 0 || as.UID == 0 || len(as.GIDs) == 0 {
		return nil
	}
	who := &syscall.Credential{Uid: uint32(as.UID), Gid: uint32(as.GIDs[0])}
	for _, g := range as.GIDs {
		who.Groups = append(who.Groups, uint32(g))
	}
	return &syscall.SysProcAttr{Credential: who}
}

// withoutRights keeps the calling goroutine on its thread, and takes from that what a child would inherit: capabilities beyond
// the user's own, and any way to come by more. The thread ends with the goroutine; where something cannot be taken away, it is
// not there.
func withoutRights() {
	runtime.LockOSThread()
	_ = system.Prctl(system.PR_CAP_AMBIENT, system.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	_ = system.Prctl(system.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

func killAll(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	_ = p.Kill()
}
