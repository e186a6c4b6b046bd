package agent

import (
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
