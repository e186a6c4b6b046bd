//go:build !linux

package agent

import (
	"io/fs"
	"os"
	"syscall"
)

// apart: the end of its standard input tells the child that the agent is gone.
func apart() *syscall.SysProcAttr { return nil }

func firstToDie(*os.Process) error { return nil }

func isSafe(_, _ fs.FileInfo) error { return nil }

// asScraper: nobody becomes another user here.
func asScraper(ScraperUser) *syscall.SysProcAttr { return nil }

func withoutRights() {}

func killAll(p *os.Process) { _ = p.Kill() } // it may have ended by itself
