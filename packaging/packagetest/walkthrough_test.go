//go:build packages

package packagetest

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

const (
	webGroup, webStream = "rookies_inst_ec2_web_logs", "access_logs"
	accessLog           = "/var/log/apache2/access.log"
)

// What the walkthrough's user answers to the wizard.
var answers = []string{
	"1", "1", "2", // Linux, EC2, root
	"2", "2", // no StatsD, no CollectD
	"1", "2", "1", "2", "4", // host metrics, not per core, EC2 dimensions, no aggregation, every 60 s
	"2", "1", // Standard, satisfied
	"2", "2", "2", // nothing to import, no log files, no journal
	"2", "2", // no X-Ray, not into the Parameter Store
}

// The whole way of a user of the original, word for word, on a host that is rebooted in the middle of it.
func TestWalkthrough(t *testing.T) {
	t.Parallel()
	h := boot(t)
	h.run("cp " + now + " /home/ubuntu/nephoscope.deb")
	const bin = home + "/bin"

	h.types("/home/ubuntu", "sudo dpkg -i -E ./nephoscope.deb")
	h.interview(bin)
	h.sameJSON(bin+"/config.json", "testdata/expected-standard.json")
	h.run("mv " + bin + "/config.json /root/typed.json")
	h.types(bin, `printf '%s\n' `+strings.Join(answers, " ")+` | sudo ./amazon-cloudwatch-agent-config-wizard`)
	h.sameJSON(bin+"/config.json", "testdata/expected-standard.json")
	h.run("cmp /root/typed.json " + bin + "/config.json")

	began := time.Now()
	h.types(bin, "sudo ./amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -c file:/opt/aws/amazon-cloudwatch-agent/bin/config.json -s")
	h.untilData(began, ofInstance, "cpu", "disk", "diskio", "mem", "swap")

	h.types("/home/ubuntu", "sudo apt-get install -y apache2")
	leave := h.visitors(4)
	with, err := os.ReadFile("testdata/expected-with-logs.json")
	h.must(err)
	h.write("/home/ubuntu/edited", string(with))
	h.types(bin, "sudo cp /home/ubuntu/edited config.json") // in the place of vi
	h.types(bin, "sudo ./amazon-cloudwatch-agent-ctl -m ec2 -a stop")
	h.types(bin, "sudo ./amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -c file://opt/aws/amazon-cloudwatch-agent/bin/config.json -s")
	if s := h.status(h.types(bin, "sudo ./amazon-cloudwatch-agent-ctl -a status")); s.Status != "running" || s.Configstatus != "configured" {
		t.Errorf("the status is %+v", s)
	}
	h.untilWebLog()
	h.run("logrotate -f /etc/logrotate.d/apache2")
	h.untilWebLog()

	h.reboot()
	booted := time.Now()
	if s := h.status(h.types(bin, "sudo ./amazon-cloudwatch-agent-ctl -a status")); s.Status != "running" || s.Configstatus != "configured" {
		t.Errorf("the status after the reboot is %+v", s)
	}
	h.untilWebLog()
	h.run("logrotate -f /etc/logrotate.d/apache2")
	h.untilWebLog()
	h.untilData(booted, ofInstance, "cpu", "disk", "diskio", "mem", "swap")
	t.Logf("nephoscope doctor:\n%s", h.run("nephoscope doctor")) // which finds nothing that is wrong
	requests := leave()

	// A worker writes a request's line after the answer.
	asked := regexp.MustCompile(`"GET (\S+) HTTP`)
	var lines []string
	h.until("the web server has logged every request", func() bool {
		lines = h.linesOf(accessLog)
		var logged []string
		for _, line := range lines {
			if page := asked.FindStringSubmatch(line); page != nil {
				logged = append(logged, page[1])
			}
		}
		return settle(requests, logged).lost == 0
	})
	h.account(webGroup, webStream, lines).clean(t, false)
	if groups, _, err := h.service.Groups(); err != nil || !slices.Equal(groups, []string{webGroup}) {
		t.Errorf("the log groups are %q %v", groups, err)
	}
	if found := h.run("find / -xdev -name types.db"); found != "" {
		t.Errorf("there is a types.db: %s", found)
	}
}

// untilWebLog waits until a line that the web server has just written has arrived.
func (h *host) untilWebLog() {
	h.Helper()
	line := ""
	h.until("the web server has logged something", func() bool {
		line = strings.TrimSuffix(h.run("tail -n 1 "+accessLog), "\n")
		return line != ""
	})
	h.arrived(webGroup, webStream, line)
}

// interview answers the wizard on a terminal: each answer when it has asked for it.
func (h *host) interview(folder string) {
	h.Helper()
	cmd := h.command(h.Context(), "runuser -u ubuntu -- bash -c 'cd "+folder+" && sudo ./amazon-cloudwatch-agent-config-wizard'")
	cmd.SysProcAttr = nil // pty makes its own
	terminal, err := pty.Start(cmd)
	h.must(err)
	defer terminal.Close()
	var seen bytes.Buffer
	asks := regexp.MustCompile(`default choice: \[[^]]*\]:\s*$`)
	read := make(chan []byte)
	go func() {
		defer close(read)
		for {
			some := make([]byte, 4096)
			n, err := terminal.Read(some)
			if n > 0 {
				read <- some[:n]
			}
			if err != nil {
				return // a terminal that has been left gives an error
			}
		}
	}()
	deadline := time.After(patience)
	left, fresh := answers, false
	for {
		select {
		case some, more := <-read:
			if !more {
				h.Logf("the wizard, with %d answers left:\n%s", len(left), seen.String())
				if err := cmd.Wait(); err != nil || len(left) > 0 {
					h.Fatalf("the wizard ended with %v, and %d answers were not asked for", err, len(left))
				}
				return
			}
			seen.Write(some)
			fresh = true
		case <-deadline:
			_ = cmd.Process.Kill()
			h.Fatalf("the wizard never ended; %d answers were left:\n%s", len(left), seen.String())
		}
		if !fresh || !asks.Match(seen.Bytes()) {
			continue
		}
		answer := "" // to a question of ours at the end, whether to start now: the default, which is no
		if len(left) > 0 {
			answer, left = left[0], left[1:]
		}
		_, err := terminal.WriteString(answer + "\n")
		h.must(err)
		fresh = false
	}
}

func (h *host) sameJSON(path, want string) {
	h.Helper()
	wanted, err := os.ReadFile(want)
	h.must(err)
	got := h.read(path)
	var a, b any
	h.must(json.Unmarshal([]byte(got), &a))
	h.must(json.Unmarshal(wanted, &b))
	if !reflect.DeepEqual(a, b) {
		h.Errorf("%s is not what is in %s:\n%s", path, want, got)
	}
}
