//go:build packages

package packagetest

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	unit     = "amazon-cloudwatch-agent.service"
	home     = "/opt/aws/amazon-cloudwatch-agent"
	oneLog   = "/var/log/app.log" // of whoever writes
	logGroup = "app"
)

// ofInstance are the dimensions of the walkthrough, as testdata/instance.json has them.
var ofInstance = map[string]string{
	"ImageId": "ami-0feedfacefeedface", "InstanceId": "i-0abc123def4567890", "InstanceType": "t3.small", "AutoScalingGroupName": "web",
}

// shipsOneLog is a configuration for tests that wait: everything at once.
const shipsOneLog = `{
	"agent": {"metrics_collection_interval": 1%s},
	"metrics": {"force_flush_interval": 1, "append_dimensions": {"InstanceId": "${aws:InstanceId}"}, "metrics_collected": {"mem": {"measurement": ["used_percent"]}}},
	"logs": {"force_flush_interval": 1, "logs_collected": {"files": {"collect_list": [
		{"file_path": "/var/log/app.log*", "log_group_name": "app", "log_stream_name": "s"}]}}}
}`

// install boots a host and installs the package as an operator does.
func install(t *testing.T) *host {
	t.Helper()
	h := boot(t)
	h.installs(now)
	return h
}

// installs installs or upgrades to a package, and returns what is said.
func (h *host) installs(file string) string {
	h.Helper()
	out := h.run("dpkg -i -E " + file)
	h.Logf("dpkg -i -E %s:\n%s", file, out)
	return out
}

// configure fetches a configuration and starts the agent with it.
func (h *host) configure(text string) {
	h.Helper()
	h.write("/root/config.json", text)
	h.run(home + "/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -c file:/root/config.json -s")
	h.untilRunning()
}

func (h *host) untilRunning() {
	h.Helper()
	h.until("the agent runs", func() bool { return h.show("ActiveState") == "active" && h.pid() != 0 })
}

// show is a property of the service.
func (h *host) show(property string) string {
	h.Helper()
	return strings.TrimSpace(h.run(fmt.Sprintf("systemctl show --value -p %s %s", property, unit)))
}

// pid is the agent's in the host; 0 while there is none.
func (h *host) pid() int {
	h.Helper()
	n, err := strconv.Atoi(h.show("MainPID"))
	h.must(err)
	return n
}

// user is who the agent is.
func (h *host) user() string {
	h.Helper()
	return strings.TrimSpace(h.run(fmt.Sprintf("stat -c %%U /proc/%d", h.pid())))
}

// status is the answer of the original's status command.
func (h *host) status(out string) (s struct{ Status, Configstatus, Version string }) {
	h.Helper()
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		h.Fatalf("the status cannot be read: %v\n%s", err, out)
	}
	return s
}

// untilData waits until each of these kinds of metrics has data after a moment. Every metric that there is has these dimensions.
func (h *host) untilData(after time.Time, dimensions map[string]string, kinds ...string) {
	h.Helper()
	h.until(fmt.Sprintf("data of %v", kinds), func() bool {
		metrics, err := h.service.Metrics()
		h.must(err)
		seen := map[string]bool{}
		for _, m := range metrics {
			has := map[string]string{}
			for _, d := range m.Dimensions {
				has[d.Name] = d.Value
			}
			for name, value := range dimensions {
				if has[name] != value {
					h.Fatalf("%s %s has the dimensions %v, want %s=%s among them", m.Namespace, m.Name, m.Dimensions, name, value)
				}
			}
			if kind, _, _ := strings.Cut(m.Name, "_"); m.Namespace == "CWAgent" && m.Last.After(after) {
				seen[kind] = true
			}
		}
		return !slices.ContainsFunc(kinds, func(k string) bool { return !seen[k] })
	})
}

// figure notes a number for packaging/README.md.
func figure(t *testing.T, format string, values ...any) {
	t.Helper()
	line := fmt.Sprintf(format, values...)
	t.Log(line)
	path := os.Getenv("NEPHOSCOPE_TEST_FIGURES")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprintf(f, "%s: %s\n", bed.suite, line)
}
