//go:build packages

package packagetest

import (
	"strings"
	"testing"
)

// The bed itself: without it no other test says anything.
func TestHostBootsAndIsAnInstance(t *testing.T) {
	t.Parallel()
	h := boot(t)
	t.Log(strings.SplitN(h.run("systemctl --version"), "\n", 2)[0])
	const metadata = "http://169.254.169.254/latest/"
	if out := h.run("curl -s -o /dev/null -w '%{http_code}' " + metadata + "meta-data/instance-id"); out != "401" {
		t.Errorf("the first version of the metadata service answered %s, want 401", out)
	}
	out := h.run(`token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' ` + metadata + `api/token)
		curl -sf -H "X-aws-ec2-metadata-token: $token" ` + metadata + `meta-data/tags/instance/aws:autoscaling:groupName`)
	if out != "web" {
		t.Errorf("the tag is %q", out)
	}
	for _, name := range serviceNames {
		h.run("curl -sf -o /dev/null https://" + name + "/")
	}
	before := h.run("cat /proc/sys/kernel/random/boot_id")
	h.run("echo here >/var/log/kept")
	h.reboot()
	if h.run("cat /proc/sys/kernel/random/boot_id") == before {
		t.Error("it has not booted again")
	}
	if out := h.run("cat /var/log/kept"); out != "here\n" {
		t.Errorf("after the reboot: %q", out)
	}
}
