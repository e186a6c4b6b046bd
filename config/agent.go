package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// agent reads the "agent" section. The original tolerates unknown keys in it.
func (r *reading) agent(n *node) Agent {
	a := Agent{Interval: 60 * time.Second}
	s := r.section(n)
	if s == nil {
		return a
	}
	a.Interval = s.seconds("metrics_collection_interval", a.Interval)
	a.Region = s.text("region", 1, 64)
	r.variables(s.node.child("region"))
	a.Debug = s.flag("debug", false)
	a.LogFile = s.text("logfile", 0, 4096)
	a.OmitHostname = s.flag("omit_hostname", false)
	a.Hostname = s.text("hostname", 0, 255)
	a.RoleARN = s.roleARN()
	a.RunAsUser = s.text("run_as_user", 0, 255)
	a.StatusAddress = s.loopback("status_address")
	s.undone("service.name", "deployment.environment")
	s.idle("this version does not have it", "aws_sdk_log_level", "user_agent", "use_dualstack_endpoint", "system_metrics_enabled", "quiet")
	s.idle("this agent sends no usage data", "usage_data", "usage_metadata")
	s.idle("batches are always as large as the service allows", "internal")
	s.idle("the original ignores it too", "collection_jitter", "flush_interval", "flush_jitter", "metric_batch_size",
		"metric_buffer_limit", "precision", "round_interval")
	s.open()
	return a
}

// loopback reads an address and port that only this host can reach. A name is refused: what it leads to is not for us to say.
func (s *section) loopback(key string) string {
	n := s.get(key)
	written := s.textOf(n, 1, 64)
	if written == "" {
		return ""
	}
	example := "such as 127.0.0.1:4587"
	at, err := netip.ParseAddrPort(written)
	switch {
	case err != nil:
		if host, port, _ := strings.Cut(written, ":"); (host == "" || host == "localhost") && validPort(port) {
			example = fmt.Sprintf("write \"127.0.0.1:%s\"", port)
		}
		s.wrong(n.at, fmt.Sprintf("must be a loopback address and a port from 1 to 65535, not %q", written), example)
	case at.Port() == 0:
		s.wrong(n.at, "must have a port from 1 to 65535, not 0", "whoever asks has to know it")
	case !at.Addr().Unmap().IsLoopback() || at.Addr().Zone() != "":
		s.wrong(n.at, fmt.Sprintf("must be a loopback address, not %s", at.Addr()), "what it tells is for this host alone: 127.0.0.1 or [::1]")
	default:
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()).String()
	}
	return ""
}

func validPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}

// roleARN reads credentials.role_arn.
func (s *section) roleARN() string {
	c := s.section("credentials")
	if c == nil {
		return ""
	}
	defer c.strict()
	n := c.get("role_arn")
	if n != nil && n.kind == text && strings.HasPrefix(n.text, "${") {
		c.variables(n)
		return c.textOf(n, 1, 2048)
	}
	return c.textOf(n, 20, 2048)
}

// variables warns of ${NAME}, which the original fills in from its environment.
func (r *reading) variables(n *node) {
	if n == nil || n.kind != text {
		return
	}
	for rest := n.text; ; {
		_, after, ok := strings.Cut(rest, "${")
		name, next, closed := strings.Cut(after, "}")
		if !ok || !closed {
			return
		}
		if !strings.HasPrefix(name, "aws:") {
			r.warn(n.at, "environment variables are not filled in by this version: ${"+name+"} stays as it is", "write the value")
			return
		}
		rest = next
	}
}
