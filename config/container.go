package config

import "cmp"

// InContainer tells whether the environment is one of a container, in the original's words; lookup is os.Getenv, say.
func InContainer(lookup func(name string) string) bool { return lookup("RUN_IN_CONTAINER") == "True" }

// settleInContainer fills in what the original takes for granted in a container and nowhere else: no dimension host, and the
// names that an orchestrator gives to where it runs in place of the container's own.
func (c *Config) settleInContainer(agent section, lookup func(name string) string) {
	if agent.value("omit_hostname") == nil {
		c.Agent.OmitHostname = true
	}
	c.Agent.Hostname = cmp.Or(c.Agent.Hostname, lookup("HOST_NAME"))
	if c.Logs != nil {
		c.Logs.LogStreamName = cmp.Or(c.Logs.LogStreamName, lookup("POD_NAME"), lookup("HOST_NAME"), "{local_hostname}")
	}
}
