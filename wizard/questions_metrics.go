package wizard

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/nephoscope/nephoscope/internal/install"
	"github.com/nephoscope/nephoscope/internal/migrate"
)

// script is the whole interview.
func script() []step {
	var all []step
	for _, part := range [][]step{hostSteps(), listenerSteps(), windowsImportSteps(), metricSteps(), importSteps(), logSteps(), traceSteps(), finishSteps()} {
		all = append(all, part...)
	}
	return all
}

// tracesScript is the interview about traces alone.
func tracesScript() []step {
	return append(traceSteps(), step{act: &action{"written", view.write}}, step{act: &action{"command", view.command}})
}

const others = "others"

func hostSteps() []step {
	system := pick("os", "Which operating system will the agent run on?",
		"The metrics of Linux and macOS have the same names; those of Windows are named after its performance counters.",
		"linux", "linux", "windows", "darwin")
	system.offers = func(v view) string { return orElse(v.Host.OS, "linux") }
	where := pick("host", "Is it an EC2 instance, or a host of your own?",
		"An EC2 instance has a role and tells its own region. A host of your own needs credentials (profile "+onPremisesProfile+") and a region.",
		onPremises, ec2, onPremises)
	where.before = func(v view) string { return "Looking for the region in the EC2 metadata ...\n" }
	where.offers = func(v view) string {
		if v.region() != "" {
			return ec2
		}
		return onPremises
	}
	where.after = func(v view) string {
		if v.onPremises() {
			return "Give this host credentials and a region before the agent starts: profile " + onPremisesProfile + " in the AWS files of the user that it runs as.\n"
		}
		return ""
	}
	user := pick("user", "Which user shall the agent run as?",
		"root reads every log file. cwagent and other users need permission for each file that they ship.",
		"cwagent", "cwagent", "root", others)
	user.after = func(v view) string { return v.missingUser(v.get("user")) }
	name := ask("user.name", "What is the user's name?", "The user has to be there before the agent starts.", "")
	name.check = func(_ view, answer string) (string, error) {
		if answer == "" || strings.ContainsFunc(answer, func(r rune) bool { return unicode.IsSpace(r) || r == ':' || r == '/' }) {
			return "", errors.New("give the name of a user, without spaces, colons and slashes")
		}
		return answer, nil
	}
	name.atEnd = "cwagent"
	name.after = func(v view) string { return v.missingUser(v.get("user.name")) }
	return []step{
		{ask: system},
		{ask: where},
		{ask: user, when: func(v view) bool { return !v.windows() }},
		{ask: name, when: func(v view) bool { return v.get("user") == others }},
	}
}

// missingUser warns of a user that is not there.
func (v view) missingUser(name string) string {
	if name == others || v.Host.UserExists == nil || v.get("os") != v.Host.OS || v.Host.UserExists(name) {
		return ""
	}
	return "There is no user " + name + " on this host: before the agent starts, " + install.CreateUser(name) + "\n"
}

func listenerSteps() []step {
	port := ask("statsd.port", "On which port shall StatsD listen?", "A UDP port, from 1 to 65535. Programs send to it what they count.", "8125")
	port.check = portNumber
	statsd := func(v view) bool { return v.yes("statsd") }
	return []step{
		{ask: yesNo("statsd", "Shall the agent listen for StatsD metrics?",
			"StatsD is how many programs report numbers of their own, over UDP. Say no if none of yours does.")},
		{when: statsd, ask: port},
		{when: statsd, ask: pick("statsd.interval", "How often shall StatsD metrics be collected?", "What has arrived is summed up this often.", "10s", "10s", "30s", "60s")},
		{when: statsd, ask: pick("statsd.aggregation", "Over which time shall StatsD metrics be aggregated?",
			"One datum per metric and this time is sent. Without aggregation each collection is sent, which costs more requests.",
			"60s", "Do not aggregate", "10s", "30s", "60s")},
		{when: func(v view) bool { return !v.windows() }, ask: yesNo("collectd", "Shall the agent receive metrics from CollectD?",
			"The agent listens for collectd's network plugin. It starts all the same if collectd is not installed.")},
	}
}

// portNumber checks a port.
func portNumber(_ view, answer string) (string, error) {
	if n, err := strconv.Atoi(answer); err != nil || n < 1 || n > 65535 {
		return "", errors.New("give a port: a number from 1 to 65535")
	}
	return answer, nil
}

// windowsImportSteps come earlier than those of other systems, as with the original.
func windowsImportSteps() []step {
	importing := yesNo("import", "Do you have a configuration of the older Windows agent (AWS.EC2.Windows.CloudWatch.json) to take over?",
		"This version does not read that file. Say no, and go on with the questions.")
	importing.preset = no
	importing.check = func(_ view, answer string) (string, error) {
		if answer == yes {
			return "", errors.New("the file of the older Windows agent is not read by this version: answer no, and name what to collect in the questions that follow")
		}
		return answer, nil
	}
	return []step{{when: view.windows, ask: importing}}
}

func metricSteps() []step {
	metrics := func(v view) bool { return v.yes("metrics") }
	onEC2 := func(v view) bool { return v.yes("metrics") && v.get("host") == ec2 }
	satisfied := yesNo("satisfied", "Is this what you want? You can still edit the file when the wizard is done.",
		"no goes back to the choice of the plan.")
	satisfied.before = func(v view) string { return "Current config as follows:\n" + string(migrate.JSON(v.build())) }
	satisfied.retry = "plan"
	plan := pick("plan", "Which plan of metrics do you want?",
		"Basic: memory and disk space (hosts of your own: CPU, disks, network and swap too). Standard: more of each, and the CPU. Advanced: all of it, and TCP connections. None: choose by subject.",
		basic, basic, standard, advanced, own)
	plan.after = func(v view) string {
		if v.get("host") == ec2 && v.get("plan") == basic {
			return "Basic has no CPU metrics on EC2, which reports CPUUtilization by itself. Standard has them.\n"
		}
		return ""
	}
	steps := []step{
		{ask: yesNo("metrics", "Shall the agent collect metrics of the host, such as CPU and memory?", "Every metric is billed by the month, however seldom it is sent.")},
		{when: metrics, ask: yesNo("per-core", "Shall there be CPU metrics for each core?",
			"Every core is a series of its own, and billed as one. Without, there is one for all cores together.")},
		{when: onEC2, ask: yesNo("dimensions", "Shall all metrics carry the dimensions of EC2 (ImageId, InstanceId, InstanceType, AutoScalingGroupName)?",
			"They tell in CloudWatch from which instance a metric is. They replace the dimension host.")},
		{when: onEC2, ask: yesNo("aggregate", "Shall metrics be summed up by InstanceId as well?",
			"Every metric is sent a second time, without its other dimensions: another series, which is billed.")},
		{when: metrics, ask: pick("resolution", "How often shall metrics be collected?",
			"Below 60s they are high-resolution metrics. The file may say otherwise for each plugin.", "60s", "1s", "10s", "30s", "60s")},
		{when: metrics, ask: plan},
		{when: func(v view) bool { return v.yes("metrics") && v.get("plan") != own }, ask: satisfied},
	}
	return append(steps, ownSteps()...)
}

// ownSteps are the subjects of the plan None. Those that Windows shares are asked once.
func ownSteps() (steps []step) {
	add := func(statuses []status, windows bool) {
		for _, s := range statuses {
			steps = append(steps, step{
				when: func(v view) bool { return v.yes("metrics") && v.get("plan") == own && v.windows() == windows },
				ask:  yesNo(s.id, "Shall the agent watch "+s.what+"?", "yes collects the measurements of this subject: "+measurementsOf(s.plugins)+"."),
			})
		}
	}
	add(ownPlan(), false)
	add(windowsOwnPlan(), true)
	return steps
}

func measurementsOf(plugins []plugin) string {
	var all []string
	for _, p := range plugins {
		all = append(all, p.measurements...)
	}
	return strings.Join(all, ", ")
}
