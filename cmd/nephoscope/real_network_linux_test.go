package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// farAddress is the service's, nearAddress the agent's; a cable of two ends joins them.
const (
	farAddress  = "10.77.0.1"
	nearAddress = "10.77.0.2"
)

// A cable leads from the agent's own network to the service's.
type cable struct {
	*bed
	pid   string // of a process in the agent's network
	front *httptest.Server
}

// near and far run ip at the two ends.
func (c *cable) near(args ...string) {
	run(c.T, "nsenter", append([]string{"-t", c.pid, "-n", "ip"}, args...)...)
}
func (c *cable) far(args ...string) { run(c.T, "ip", args...) }

// lay gives the agent a network of its own.
func (b *bed) lay() *cable {
	b.Helper()
	holder := exec.Command("sleep", "infinity") // the network is there for as long as somebody is in it
	holder.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET}
	b.must(holder.Start())
	pid := strconv.Itoa(holder.Process.Pid)
	b.Cleanup(func() { _ = holder.Process.Kill(); _ = holder.Wait() })
	c := &cable{bed: b, pid: pid}
	c.far("link", "add", "far", "type", "veth", "peer", "name", "near", "netns", pid)
	c.far("addr", "add", farAddress+"/24", "dev", "far")
	c.far("link", "set", "far", "up")
	c.near("addr", "add", nearAddress+"/24", "dev", "near")
	c.near("link", "set", "near", "up")
	c.near("link", "set", "lo", "up")

	agent, err := binary()
	b.must(err)
	script := b.path("agent.sh")
	b.must(os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\nexec nsenter -t %s -n %s \"$@\"\n", pid, agent), 0o700))
	useAgent(b.T, script)

	b.service.AllowRemote = true
	listener, err := net.Listen("tcp", farAddress+":0")
	b.must(err)
	c.front = &httptest.Server{Listener: listener, Config: &http.Server{Handler: b.service}}
	c.front.Start()
	b.Cleanup(func() { c.front.CloseClientConnections(); c.front.Close() })
	b.env = append(b.env, "AWS_ENDPOINT_URL="+c.front.URL)
	return c
}

// What was on the wire when the network went may arrive twice: nobody can tell whether it had landed.
func TestNetworkThatIsCut(t *testing.T) {
	t.Parallel()
	f := func(name string, cut, mend func(*cable), notices bool) {
		t.Run(name, func(t *testing.T) {
			if !apart(t, "nsenter") {
				return
			}
			b := newBed(t)
			c := b.lay()
			b.config(oneLog)
			w := newSteadyWriter(t, b.path("access.log"))
			b.start()
			w.wait(3000)
			b.until("lines", func() bool { return len(b.events("g", "s")) > 0 })
			cut(c)
			w.wait(15_000)
			if notices {
				b.until("a complaint", func() bool { return b.said("trying again, nothing is lost") })
			}
			before := len(b.events("g", "s"))
			if missing := w.count() - before; missing < 10_000 {
				t.Errorf("the network is not cut: only %d lines wait", missing)
			}
			mend(c)
			mended := time.Now()
			b.until("lines again", func() bool { return len(b.events("g", "s")) > before })
			t.Logf("%d lines waited; the first arrived %v after the network was back", w.count()-before, time.Since(mended).Round(100*time.Millisecond))
			w.wait(3000)
			w.stop()
			b.account("g", "s", w.due).clean(t, true)
		})
	}
	f("the interface is down and requests fail at once",
		func(c *cable) { c.front.CloseClientConnections(); c.near("link", "set", "near", "down") },
		func(c *cable) { c.near("link", "set", "near", "up") }, true)
	f("the other end is unplugged and requests hang",
		func(c *cable) { c.far("link", "set", "far", "down") },
		func(c *cable) { c.far("link", "set", "far", "up") }, false)
	f("answers vanish until requests time out",
		func(c *cable) { c.far("route", "add", "blackhole", nearAddress+"/32") },
		func(c *cable) { c.far("route", "del", "blackhole", nearAddress+"/32") }, true)
}

// A name that cannot be looked up is one more way for the network to be gone.
func TestNameServerThatIsGone(t *testing.T) {
	if !apart(t, "nsenter") {
		return
	}
	b := newBed(t)
	b.config(oneLog)
	hosts := b.path("hosts")
	b.must(os.WriteFile(hosts, []byte("127.0.0.1 localhost\n"), 0o644))
	if err := syscall.Mount(hosts, "/etc/hosts", "", syscall.MS_BIND, ""); err != nil {
		t.Fatalf("mount /etc/hosts: %v", err)
	}
	b.service.Hosts = []string{"logs.example.test"}
	b.env = append(b.env, "AWS_ENDPOINT_URL="+strings.Replace(b.url, "127.0.0.1", "logs.example.test", 1))
	b.write("access.log", "a\nb\n")
	b.start()
	b.until("a complaint that names the name", func() bool { return b.said("lookup logs.example.test") })
	b.write("access.log", "c\n")
	f, err := os.OpenFile(hosts, os.O_APPEND|os.O_WRONLY, 0)
	b.must(err)
	_, err = f.WriteString("127.0.0.1 logs.example.test\n")
	b.must(err)
	b.must(f.Close())
	want := []string{"a", "b", "c"}
	b.account("g", "s", func([]string) []string { return want }).clean(t, false)
}
