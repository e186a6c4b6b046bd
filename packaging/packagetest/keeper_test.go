//go:build packages

package packagetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// keeperOrder is the environment variable that makes the test binary a keeper, and holds its order.
const keeperOrder = "NEPHOSCOPE_TEST_KEEPER"

// An order says which host a keeper keeps.
type order struct {
	Name string // of the machine
	Tree string // what it is made from; it is not changed
	Dir  string // where it is put together
	IMDS string // the metadata service's program
	Tags string // its configuration
	Bake string // a script that is run in the tree before it boots, as those who make images do
}

// baked is where a keeper leaves what the script said.
const baked = "baked.log"

// A keeper is a process with mounts, a network and processes of its own, in which one host boots, and boots again when it
// asks for a reboot. Whatever it mounts or starts ends with it, however it ends.
func keep() error {
	var o order
	if err := json.Unmarshal([]byte(os.Getenv(keeperOrder)), &o); err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	root, disk := filepath.Join(o.Dir, "root"), filepath.Join(o.Dir, "disk")
	rw := filepath.Join(o.Dir, "rw")
	err := steps(
		// What the host changes is in memory: the machine's own disk may be an overlay itself, which cannot hold another.
		"mount -t proc proc /proc",
		"mkdir -p "+strings.Join([]string{root, disk, rw, "/run/systemd/nspawn"}, " "),
		"mount -t tmpfs -o mode=0755 tmpfs "+rw,
		"mkdir "+rw+"/up "+rw+"/work",
		"mount -t overlay overlay -o lowerdir="+o.Tree+",upperdir="+rw+"/up,workdir="+rw+"/work "+root,
		// Logs are on a real disk: in an overlay a file may change its inode, and on tmpfs an inode is never used again.
		"truncate -s 512M "+rw+"/disk.img",
		"mkfs.ext4 -q -F "+rw+"/disk.img",
		"mount -o loop "+rw+"/disk.img "+disk,
		"cp -a "+root+"/var/log/. "+disk,
		"mount -t tmpfs tmpfs /run/systemd/nspawn", // else nspawn cannot clean up there, and there is no second boot
		"ip link set lo up",
	)
	if err != nil {
		return err
	}
	if o.Bake != "" {
		out, err := exec.Command("chroot", root, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "sh", "-ec", o.Bake).CombinedOutput()
		if err := errors.Join(err, os.WriteFile(filepath.Join(o.Dir, baked), out, 0o644)); err != nil {
			return fmt.Errorf("bake: %w\n%s", err, out)
		}
	}
	if err := o.serveMetadata(); err != nil {
		return fmt.Errorf("start the metadata service: %w", err)
	}
	for {
		boot := exec.Command("systemd-nspawn", "-q", "-D", root, "--boot", "--register=no", "--keep-unit", "--machine="+o.Name,
			"--resolv-conf=off", "--timezone=off", "--console=pipe", "--network-namespace-path=/proc/self/ns/net", "--bind="+disk+":/var/log")
		boot.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
		boot.Stdout, boot.Stderr = os.Stdout, os.Stderr
		err := boot.Run()
		if asked, ok := errors.AsType[*exec.ExitError](err); ok && asked.ExitCode() == rebootAsked {
			continue
		}
		return err
	}
}

// serveMetadata starts AWS's metadata service in a network of its own, as the host's web server wants port 80 of all addresses
// in the host's. A cable joins the two.
func (o order) serveMetadata() error {
	service := exec.Command("sh", "-c", `read -r go && exec "$@"`, "sh", o.IMDS, "-c", o.Tags, "-n", "169.254.169.254", "-p", "80", "--imdsv2")
	service.Env = append(os.Environ(), "HOME="+o.Dir)
	service.Stdout, service.Stderr = os.Stdout, os.Stderr
	service.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET}
	start, err := service.StdinPipe()
	if err != nil {
		return err
	}
	if err := service.Start(); err != nil {
		return err
	}
	pid := strconv.Itoa(service.Process.Pid)
	err = steps(
		"ip link add eth0 type veth peer name eth0 netns "+pid,
		"ip addr add 169.254.1.1/16 dev eth0",
		"ip link set eth0 up",
		"nsenter -t "+pid+" -n ip addr add 169.254.169.254/16 dev eth0",
		"nsenter -t "+pid+" -n ip link set eth0 up",
	)
	if err != nil {
		return err
	}
	_, err = io.WriteString(start, "go\n")
	return err
}

// rebootAsked is how nspawn ends when the host inside wants to boot again.
const rebootAsked = 133

func steps(commands ...string) error {
	for _, c := range commands {
		words := strings.Fields(c)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", c, err, bytes.TrimSpace(out))
		}
	}
	return nil
}

// ownWorld are the namespaces of a keeper. It ends with the thread that started it.
func ownWorld() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET, // here, for it makes the mounts private as well
		Pdeathsig:    syscall.SIGKILL,
	}
}
