package config

import (
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
	s.undone("service.name", "deployment.environment")
	s.idle("this version does not have it", "aws_sdk_log_level", "user_agent", "use_dualstack_endpoint", "system_metrics_enabled", "quiet")
	s.idle("this agent sends no usage data", "usage_data", "usage_metadata")
	s.idle("batches are always as large as the service allows", "internal")
	s.idle("the original ignores it too", "collection_jitter", "flush_interval", "flush_jitter", "metric_batch_size",
		"metric_buffer_limit", "precision", "round_interval")
	s.open()
	return a
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
