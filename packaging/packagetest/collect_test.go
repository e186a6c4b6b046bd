//go:build packages

package packagetest

import (
	"testing"
	"time"
)

// What collectors do that a sandbox may forbid: to start a program and read what it says, to ask the kernel for its sockets,
// and systemd for its units.
func TestSandboxLetsCollectorsWork(t *testing.T) {
	t.Parallel()
	h := install(t)
	h.write("/usr/bin/nvidia-smi", `#!/bin/sh
echo '<nvidia_smi_log><gpu id="0"><product_name>Test</product_name><temperature><gpu_temp>33 C</gpu_temp></temperature></gpu></nvidia_smi_log>' | cat
`)
	h.run("chmod 755 /usr/bin/nvidia-smi")
	began := time.Now()
	h.configure(`{"agent": {"metrics_collection_interval": 1}, "metrics": {"force_flush_interval": 1, "metrics_collected": {
		"nvidia_gpu": {"measurement": ["temperature_gpu"]}, "netstat": {"measurement": ["tcp_listen", "udp_socket"]},
		"systemd": {"measurement": ["units_active", "unit_active", "unit_restarts"], "resources": ["` + unit + `"]}}}}`)
	h.untilData(began, nil, "nvidia", "netstat", "systemd")
	h.until("the agent's own unit", func() bool {
		metrics, err := h.service.Metrics()
		h.must(err)
		seen := map[string]bool{}
		for _, m := range metrics {
			for _, d := range m.Dimensions {
				seen[m.Name] = seen[m.Name] || d.Name == "unit" && d.Value == unit
			}
		}
		return seen["systemd_unit_active"] && seen["systemd_unit_restarts"]
	})
}

// The right to see which programs others run is given as doctor says.
func TestServiceIsGivenARight(t *testing.T) {
	t.Parallel()
	h := install(t)
	h.run("mkdir -p /etc/systemd/system/" + unit + ".d")
	h.write("/etc/systemd/system/"+unit+".d/override.conf", "[Service]\nCapabilityBoundingSet=CAP_SYS_PTRACE\n")
	h.run("systemctl daemon-reload")
	began := time.Now()
	h.configure(`{"agent": {"metrics_collection_interval": 1, "run_as_user": "root"}, "metrics": {"force_flush_interval": 1, "metrics_collected": {
		"procstat": [{"exe": "systemd-journald", "measurement": ["read_bytes"]}]}}}`)
	h.untilData(began, nil, "procstat")
}
