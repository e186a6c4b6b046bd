package install

// Usage is what -h prints; the name is the one that the command was called by.
func Usage(name string) string {
	return `Usage: ` + name + ` -a ACTION [-m MODE] [-c SOURCE] [-s] [-l LEVEL] [-e KEY=VALUE] [-d]

Stores configurations for the agent on this host, and starts, stops and asks it.

Actions (-a):
  fetch-config           make SOURCE the only configuration
  append-config          add SOURCE to those that are stored, or replace the one of its name
  remove-config          remove the one of SOURCE's name; -c all: every one
  start, stop            start or stop the agent; a start without a configuration stores the default one
  status                 print how the agent is, as JSON
  status-with-workloads  the same, with an empty list of workloads (nothing is discovered here)
  set-log-level          -l DEBUG, INFO, WARN, ERROR or OFF: at once, and over restarts
  set-env                -e KEY=VALUE, which may be repeated: a variable for the agent

Sources (-c, default "default"):
  default                memory and disk in use
  file:PATH              a file of this host; it is read and left as it is. file:///PATH and file://opt/PATH are understood
  ssm:NAME               a parameter of SSM Parameter Store: its name, path or ARN
  all                    with remove-config alone

Other options:
  -m MODE      ec2, onPremise (or onPrem) or auto; remembered for the agent by fetch-config and append-config
  -s           then have the agent take it up: a running agent without a restart, else it is started
  -d           ask for ssm: over dual-stack endpoints
  -h, --help   print this
  --json       report what was done as one JSON document
  --root DIR   work on the installation under DIR; PATH is still this host's
  --state DIR  the state folder of the agent (default /var/lib/nephoscope)

Nothing is stored unless the whole configuration is fine. The last line of what stores something is "result: changed" or
"result: already in place". If a running agent cannot take a configuration up, the old one is put back.

Exit status: 0 done, or already so; 1 anything else.

Example:
  ` + name + ` -a fetch-config -m ec2 -c file:/opt/aws/amazon-cloudwatch-agent/bin/config.json -s
`
}
