package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Cure adds to an error of making, writing or removing a file in a folder what to do about it. Under systemd a file system
// that is read-only for the service need not be so for anybody else.
func Cure(err error, dir string) error {
	first := ""
	if _, missing := os.Stat(dir); errors.Is(missing, fs.ErrNotExist) {
		first = "make the folder, " // systemd starts no service with a path that is not there
	}
	switch {
	case errors.Is(err, syscall.EROFS) && os.Getenv("INVOCATION_ID") != "": // systemd.exec(5)
		return fmt.Errorf("%w (the service may write to its own folders alone: %ssystemctl edit amazon-cloudwatch-agent, add [Service] ReadWritePaths=%s, and restart it)", err, first, dir)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w (mount -o remount,rw the file system of %s, if it should not be read-only)", err, dir)
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() > 0:
		who := strconv.Itoa(os.Geteuid())
		if u, unknown := user.LookupId(who); unknown == nil {
			who = u.Username
		}
		return fmt.Errorf("%w (the agent runs as %[2]s, who may read every file but not write there: setfacl -m u:%[2]s:rwx %[3]s, or set agent.run_as_user to a user who may)", err, who, dir)
	}
	return err
}
