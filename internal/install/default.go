package install

import "github.com/nephoscope/nephoscope/agent"

// Default is the configuration of a host whose operator has none: memory and disk in use. With the mode auto it asks for the
// EC2 dimensions as well: a host that turns out to be elsewhere goes by its name.
func Default(mode agent.Mode) string {
	const start = `{
	"agent": {
		"run_as_user": "cwagent"
	},
	"metrics": {
`
	const dimensions = `		"append_dimensions": {
			"AutoScalingGroupName": "${aws:AutoScalingGroupName}",
			"ImageId": "${aws:ImageId}",
			"InstanceId": "${aws:InstanceId}",
			"InstanceType": "${aws:InstanceType}"
		},
`
	const rest = `		"metrics_collected": {
			"disk": {
				"measurement": [
					"used_percent"
				],
				"resources": [
					"*"
				]
			},
			"mem": {
				"measurement": [
					"mem_used_percent"
				]
			}
		}
	}
}
`
	if mode == agent.OnPremise {
		return start + rest
	}
	return start + dimensions + rest
}
