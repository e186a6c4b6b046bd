package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/nephoscope/nephoscope/tailer"
)

// Quotas of the service that a host may come near to. They are an account's and region's, of all hosts together, and can be
// raised (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html and
// docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html).
const (
	putMetricDataRate     = 150 // requests a second; 500 in us-east-1, us-west-2 and eu-west-1
	putMetricDataRateMost = 500
	createLogStreamRate   = 50 // a second
	createLogGroupRate    = 10
	// maxName: "Log group names can be between 1 and 512 characters long", and stream names (API_CreateLogGroup,
	// API_CreateLogStream).
	maxName = 512
)

// limitsOf are the limits of the service that a configuration would run into on this host, with their places.
func limitsOf(c *config.Config, plan *agent.Plan, r *Report) (all []config.Problem) {
	note := func(at config.Place, text, hint string) { all = append(all, config.Suspicion(at, text, hint)) }
	for _, p := range plan.Plugins {
		if p.Cut > 0 {
			note(p.Plugin.Place, fmt.Sprintf("%d series have dimensions that CloudWatch does not take (30 at most, printable ASCII, values of up to 1024 characters); they are cut", p.Cut),
				"fewer append_dimensions")
		}
		if p.Split > 0 {
			note(c.At("metrics.aggregation_dimensions"), fmt.Sprintf("%d roll-ups of %s have more than the 150 values that a datum holds; each is sent in several", p.Split, p.Plugin.Called()),
				"fewer resources, or roll up over more dimensions")
		}
	}
	if n, whose, at := overBudget(plan); n > 0 {
		note(at, fmt.Sprintf("%s more than the series budget of %d has room for: the agent would not send %s", output.Count(n, "series is", "series are"), c.Metrics.SeriesBudget, whose),
			"leave out what nobody looks at, or raise nephoscope.series_budget")
	}
	if m := r.Metrics; m != nil {
		rate := m.Requests / month.Seconds()
		quota := putMetricDataRate
		switch r.Host.Region {
		case "us-east-1", "us-west-2", "eu-west-1":
			quota = putMetricDataRateMost
		}
		if rate >= 0.5 {
			note(c.At("metrics.force_flush_interval"), fmt.Sprintf("about %.1f requests of PutMetricData a second; an account has %d, so that %d such hosts fill it", rate, quota, int(float64(quota)/rate)),
				"a longer force_flush_interval puts more into each")
		}
	}
	if r.Logs != nil {
		all = append(all, logLimits(c, r.Logs)...)
	}
	for _, p := range r.Permissions {
		if n := p.Policy.characters(); n > maxPolicyCharacters {
			note(c.At("logs.logs_collected.files.collect_list"), fmt.Sprintf("the smallest policy has %d characters; a managed policy may have %d", n, maxPolicyCharacters),
				"begin the names of the log groups alike, and allow that beginning with * behind it")
		}
	}
	return all
}

// overBudget is how many series the budget has no room for, and of which plugins; at is the first of them.
func overBudget(plan *agent.Plan) (n int, whose string, at config.Place) {
	var parts []string
	for _, p := range plan.Plugins {
		if p.Refused > 0 {
			if n == 0 {
				at = p.Plugin.Place
			}
			n += p.Refused
			parts = append(parts, fmt.Sprintf("%d of %d of %s", p.Refused, len(p.Data), p.Plugin.Called()))
		}
	}
	return n, strings.Join(parts, ", "), at
}

func logLimits(c *config.Config, l *Logs) (all []config.Problem) {
	groups, streams := map[string]bool{}, map[string]bool{}
	for _, e := range l.Entries {
		named := false
		for _, f := range e.Files {
			groups[f.LogGroup], streams[f.LogGroup+":"+f.LogStream] = true, true
			if named {
				continue
			}
			switch {
			case len(f.LogGroup) > maxName:
				named = true
				all = append(all, config.Suspicion(e.Place, fmt.Sprintf("the log group of %s would have a name of %d characters; %d are accepted", f.Path, len(f.LogGroup), maxName), "give it a log_group_name"))
			case len(f.LogStream) > maxName:
				named = true
				all = append(all, config.Suspicion(e.Place, fmt.Sprintf("the log stream of %s would have a name of %d characters; %d are accepted", f.Path, len(f.LogStream), maxName), "a shorter log_stream_name, or shorter paths"))
			case strings.ContainsAny(f.LogStream, ":*"):
				named = true
				all = append(all, config.Suspicion(e.Place, fmt.Sprintf("CloudWatch Logs does not accept the name of the log stream %q", f.LogStream), "it must hold neither : nor *"))
			}
		}
	}
	at := c.At("logs.logs_collected.files.collect_list")
	if n := len(streams); n > createLogStreamRate*10 {
		all = append(all, config.Suspicion(at, fmt.Sprintf("%d log streams; an account may make %d a second, so that the first start takes %d s at least", n, createLogStreamRate, n/createLogStreamRate), ""))
	}
	if n := len(groups); n > createLogGroupRate*10 {
		all = append(all, config.Suspicion(at, fmt.Sprintf("%d log groups; an account may make about %d a second, so that the first start takes %d s at least", n, createLogGroupRate, n/createLogGroupRate),
			"send files of one kind to streams of one group"))
	}
	return append(all, tooOld(c, l)...)
}

// tooOld finds entries that would begin with events that the service refuses for their age.
func tooOld(c *config.Config, l *Logs) (all []config.Problem) {
	const oldest = cloudwatch.MaxMetricAge // of events it is the same: 14 days
	dated := map[config.Place]bool{}
	for _, f := range c.Logs.Files {
		dated[f.Place] = f.TimestampFormat != ""
	}
	for _, e := range l.Entries {
		n := 0
		for _, f := range e.Files {
			if dated[e.Place] && f.KnownFrom == string(tailer.FromBeginning) && f.UnreadBytes > 0 && time.Duration(f.AgeSeconds)*time.Second > oldest {
				n++
			}
		}
		if n > 0 {
			all = append(all, config.Suspicion(e.Place, fmt.Sprintf("%d of its files are more than 14 days old and would be shipped from their beginnings; CloudWatch Logs refuses events that old, and they are counted as rejected", n),
				"nothing to do, unless they are wanted"))
		}
	}
	return all
}
