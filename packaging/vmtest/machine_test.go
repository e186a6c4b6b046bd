//go:build vm

package vmtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// given is the folder that scripts/test-vm.sh has prepared: root.img, vmlinuz, initrd, key, aemm.
func given(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("NEPHOSCOPE_VM")
	if dir == "" {
		t.Fatal("NEPHOSCOPE_VM is not set: these tests are run by make test-vm, which makes the image of the virtual machine")
	}
	return filepath.Join(dir, name)
}

// A machine is a virtual host that looks like one of EC2: its firmware says so, the logs are on an NVMe disk with the serial
// number of a volume, and the metadata service answers at its address. The agent's state is on a disk that forgets what was
// not flushed when its power is cut.
type machine struct {
	*testing.T
	dir   string
	state *disk
	rtc   string // how the hardware's clock is set; "": right
	cores string // "": one

	mu      sync.Mutex
	qemu    *exec.Cmd
	ended   chan struct{}
	boots   int
	cuts    int
	started time.Time
}

const (
	sshPort = "2222"
	upTime  = 4 * time.Minute // of a boot, on a machine that has other things to do
)

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir, err := os.MkdirTemp("", "vm") // a short name: there are sockets in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m := &machine{T: t, dir: dir}
	m.tool("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", given(t, "root.img"), m.path("root.qcow2"))
	m.tool("mke2fs", "-q", "-t", "ext4", "-m", "0", "-L", "logs", m.path("logs.img"), "192M")
	m.tool("mke2fs", "-q", "-t", "ext4", "-m", "0", "-L", "state", m.path("state.img"), "64M")
	m.state = newDisk(t, m.path("state.img"), m.path("state.socket"))
	t.Cleanup(func() {
		if t.Failed() {
			m.testimony()
		}
		m.off(0)
	})
	return m
}

func (m *machine) path(name string) string { return filepath.Join(m.dir, name) }

func (m *machine) tool(name string, args ...string) {
	m.Helper()
	if said, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		m.Fatalf("%s: %v: %s", name, err, said)
	}
}

// on switches it on and returns; up waits until it answers.
func (m *machine) on() {
	m.Helper()
	m.state.powerOn()
	m.boots++
	m.started = time.Now()
	asset := "i-0abc123def4567890" // as the metadata service says, too
	cmd := exec.Command("qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", cmp.Or(m.cores, "1"), "-m", "768", "-nodefaults", "-no-user-config", "-display", "none",
		"-serial", "file:"+m.console(), "-monitor", "unix:"+m.path("monitor")+",server=on,wait=off",
		"-kernel", given(m.T, "vmlinuz"), "-initrd", given(m.T, "initrd"),
		"-append", "root=LABEL=root rw console=ttyS0 quiet net.ifnames=0 mitigations=off systemd.unified_cgroup_hierarchy=1",
		"-rtc", "base="+cmp.Or(m.rtc, "utc"),
		"-drive", "if=none,id=root,format=qcow2,file="+m.path("root.qcow2"), "-device", "virtio-blk-pci,drive=root",
		"-drive", "if=none,id=logs,format=raw,file="+m.path("logs.img"), "-device", "nvme,serial=vol0123456789abcdef0,drive=logs",
		"-drive", "if=none,id=state,format=raw,cache=writeback,file=nbd+unix:///?socket="+m.state.socket, "-device", "virtio-blk-pci,drive=state",
		// What the guest sends to this address arrives at the loopback of the test's own network.
		"-netdev", "user,id=net,net=169.254.0.0/16,host=169.254.169.254,dns=169.254.0.3,hostfwd=tcp:127.0.0.1:"+sshPort+"-169.254.0.15:22",
		"-device", "virtio-net-pci,netdev=net,id=card,romfile=", "-device", "virtio-rng-pci",
		"-smbios", "type=0,vendor=Amazon EC2,version=1.0",
		"-smbios", "type=1,manufacturer=Amazon EC2,product=t3.small,uuid=ec2e1916-9099-7caf-fd21-012345abcdef,serial=ec2e1916-9099-7caf-fd21-012345abcdef",
		"-smbios", "type=2,manufacturer=Amazon EC2,asset="+asset, "-smbios", "type=3,manufacturer=Amazon EC2,asset=Amazon EC2")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		m.Fatalf("start qemu: %v", err)
	}
	ended := make(chan struct{})
	m.mu.Lock()
	m.qemu, m.ended = cmd, ended
	m.mu.Unlock()
	go func() {
		_ = cmd.Wait() // it is killed
		if said.Len() > 0 {
			fmt.Fprintf(os.Stderr, "qemu: %s\n", said.Bytes())
		}
		close(ended)
	}()
}

// console is the file that the kernel and the services write to during this boot.
func (m *machine) console() string { return m.path(fmt.Sprintf("console.%d", m.boots)) }

// link plugs the network in or out.
func (m *machine) link(state string) {
	m.Helper()
	until(m.T, time.Minute, "qemu's monitor", func() bool {
		c, err := net.Dial("unix", m.path("monitor"))
		if err != nil {
			return false
		}
		defer c.Close()
		if _, err := fmt.Fprintf(c, "set_link card %s\n", state); err != nil {
			return false
		}
		said := ""
		for buf := make([]byte, 4096); !strings.Contains(said, "set_link card "+state) || !strings.HasSuffix(said, "(qemu) "); {
			n, err := c.Read(buf)
			if err != nil {
				return false
			}
			said += string(buf[:n])
		}
		return true
	})
}

// up waits until the machine has booted. The first request of a boot opens the connection that the later ones share.
func (m *machine) up() {
	m.Helper()
	until(m.T, upTime, "the machine to boot", func() bool {
		_, err := m.try(20*time.Second, "true")
		select {
		case <-m.ended:
			m.Fatal("the machine went off while it booted")
		default:
		}
		return err == nil
	})
	m.Logf("boot %d: up after %v", m.boots, time.Since(m.started).Round(time.Second))
}

// kill takes the power from the machine alone.
func (m *machine) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.qemu != nil {
		_ = m.qemu.Process.Kill() // it may be gone
	}
}

// off cuts the power of machine and disk; a part of what the disk had not flushed survives.
func (m *machine) off(survives float64) (lost, kept int) {
	m.kill()
	m.mu.Lock()
	ended := m.ended
	m.qemu = nil
	m.mu.Unlock()
	if ended != nil {
		<-ended
	}
	m.cuts++
	return m.state.powerOff(survives, rand.New(rand.NewPCG(1, uint64(m.cuts))))
}

// try runs a command of the guest's shell.
func (m *machine) try(patience time.Duration, command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ssh := exec.CommandContext(ctx, "ssh", "-F", "none", "-i", given(m.T, "key"), "-p", sshPort, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-o", "ConnectTimeout=10", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=20",
		"-o", "ControlMaster=auto", "-o", "ControlPersist=yes", "-o", "ControlPath="+m.path(fmt.Sprintf("ssh.%d", m.boots)), "root@127.0.0.1", command)
	var out, errs bytes.Buffer
	ssh.Stdout, ssh.Stderr = &out, &errs
	ssh.WaitDelay = time.Second // the shared connection has our pipes
	err := ssh.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%q: %w: %s", command, err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), err
}

// sh runs a command that has to succeed.
func (m *machine) sh(format string, args ...any) string {
	m.Helper()
	out, err := m.try(3*time.Minute, fmt.Sprintf(format, args...))
	if err != nil {
		m.Fatalf("in the machine: %v", err)
	}
	return out
}

// testimony prints what may explain a failure.
func (m *machine) testimony() {
	if said, err := m.try(time.Minute, "journalctl -b --no-pager -n 60; systemctl status --no-pager amazon-cloudwatch-agent; nephoscope status; tail -n 60 "+agentLog); said != "" {
		m.Logf("in the machine (%v):\n%s", err, said)
	}
	console, _ := os.ReadFile(m.console()) // at worst there is nothing
	m.Logf("its console: %s", console[max(0, len(console)-1500):])
}

// until polls; nothing here is slept for.
func until(t *testing.T, patience time.Duration, what string, is func() bool) {
	t.Helper()
	deadline, look := time.After(patience), time.NewTicker(200*time.Millisecond)
	defer look.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("waited for %v in vain: %s", patience, what)
		case <-look.C:
		}
	}
}
