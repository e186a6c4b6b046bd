package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/output"
)

// Advice is something to think about, with what it is worth.
type Advice struct {
	Place   config.Place `json:"place"`
	Topic   string       `json:"topic"` // docs/explain.md lists them
	Text    string       `json:"text"`
	Change  string       `json:"change,omitempty"`  // the JSON to write there
	Series  int          `json:"series,omitempty"`  // fewer
	Dollars float64      `json:"dollars,omitempty"` // less a month
}

// adviser goes through a report.
type adviser struct {
	c      *config.Config
	r      *Report
	prices Prices
	each   float64 // dollars of a series
	all    []Advice
}

func adviceOn(c *config.Config, plan *agent.Plan, r *Report, p Prices) []Advice {
	a := &adviser{c: c, r: r, prices: p}
	if m := r.Metrics; m != nil {
		a.each = p.metrics(float64(len(m.Series))) / float64(max(len(m.Series), 1))
		processes := false // entries of procstat there may be many
		for _, own := range plan.Plugins {
			switch own.Plugin.Name {
			case "disk":
				a.pseudo(own)
			case "cpu":
				a.cores(own.Plugin)
			case "diskio":
				a.devices(own.Plugin)
				if own.Plugin.AsksNVMe() {
					a.all = append(a.all, Advice{Place: own.Plugin.Place, Topic: "rights",
						Text: "ebs_… and instance_store_… take the right CAP_SYS_ADMIN, which the agent's service does not have unless it is given: `nephoscope doctor` says how, and so does docs/metrics.md, at diskio"})
				}
			case "processes", "procstat":
				for _, p := range own.Advice { // what the agent's user does not see
					a.all = append(a.all, Advice{Place: p.Place, Topic: "processes", Text: p.Text + "; " + p.Hint})
				}
				if len(own.Advice) == 0 && own.Plugin.LooksIntoProcesses() && !processes { // whoever asks may see more than the service
					processes = true
					a.all = append(a.all, Advice{Place: own.Plugin.Place, Topic: "rights",
						Text: "exe, read_… and write_… of processes that are not the agent's own take the right CAP_SYS_PTRACE, which the agent's service does not have unless it is given: `nephoscope doctor` says how, and so does docs/metrics.md, at procstat"})
				}
			}
		}
		a.flushes(plan)
		a.resolution(plan)
		a.autoScaling()
	}
	if r.Logs != nil {
		a.classes()
		a.retention()
		a.names()
	}
	slices.SortStableFunc(a.all, func(x, y Advice) int { return cmp.Compare(y.Dollars, x.Dollars) })
	return a.all
}

// saving completes an advice that leaves out series.
func (a *adviser) saving(at config.Place, topic, text, change string, series int) {
	a.all = append(a.all, Advice{Place: at, Topic: topic, Text: text, Change: change, Series: series, Dollars: float64(series) * a.each})
}

// pseudo is about mounts that no disk stands behind, and about resources that are named in vain.
func (a *adviser) pseudo(own agent.PlannedPlugin) {
	if len(own.Plugin.Resources) > 0 && !slices.Contains(own.Plugin.Resources, "*") {
		for _, p := range own.Advice { // a mount that was named and is not there
			a.all = append(a.all, Advice{Place: p.Place, Topic: "disks", Text: p.Text})
		}
		return
	}
	paths, types, series := map[string]bool{}, slices.Clone(own.Plugin.IgnoreFileSystemTypes), 0
	for _, s := range a.r.Metrics.Series {
		if s.Plugin != "disk" || s.value("path") == "/" || s.value("path") == "" || !collectors.PseudoFileSystem(s.value("fstype")) {
			continue
		}
		series++
		paths[s.value("path")] = true
		types = append(types, s.value("fstype"))
	}
	if series == 0 {
		return
	}
	slices.Sort(types)
	a.saving(own.Plugin.Place, "pseudo_file_systems", fmt.Sprintf("disk sends %s about %s that no disk stands behind (%s)", output.Count(series, "series", "series"), output.Count(len(paths), "mount"), some(paths)),
		member("ignore_file_system_types", slices.Compact(types)), series)
}

// cores is about cpu's series for each core.
func (a *adviser) cores(p config.Plugin) {
	cores, series := map[string]bool{}, 0
	for _, s := range a.r.Metrics.Series {
		if core := s.value("cpu"); s.Plugin == p.Name && core != "" && core != "cpu-total" {
			series++
			cores[core] = true
		}
	}
	if series == 0 {
		return
	}
	a.saving(p.Place, "cores", fmt.Sprintf("cpu sends %s for each of %s; the total tells most of it", output.Count(series/len(cores), "series", "series"), output.Count(len(cores), "core")),
		member("resources", []string{})+", "+member("totalcpu", true), series)
}

// partitionName parts a partition's number from its disk: sda1, nvme0n1p1.
var partitionName = regexp.MustCompile(`^(.*\d)p\d+$|^(.*\D)\d+$`)

// devices is about partitions of disks that are sent as well, and about devices that are no disks.
func (a *adviser) devices(p config.Plugin) {
	names := map[string]int{}
	for _, s := range a.r.Metrics.Series {
		if name := s.value("name"); s.Plugin == p.Name && name != "" {
			names[name]++
		}
	}
	left, gone, series := []string{}, map[string]bool{}, 0
	for name, n := range names {
		whole := ""
		if m := partitionName.FindStringSubmatch(name); m != nil {
			whole = m[1] + m[2]
		}
		if collectors.VirtualDevice(name) || whole != "" && names[whole] > 0 {
			gone[name] = true
			series += n
		} else {
			left = append(left, name)
		}
	}
	if series == 0 || len(left) == 0 {
		return
	}
	slices.Sort(left)
	a.saving(p.Place, "devices", fmt.Sprintf("diskio sends %s about %s that are partitions of a disk that is sent too, or no disks (%s)", output.Count(series, "series", "series"), output.Count(len(gone), "device"), some(gone)),
		member("resources", left), series)
}

// calm is the interval, of collections and of flushes, from which on there is nothing to save.
const calm = time.Minute

// flushes is about requests that carry little each.
func (a *adviser) flushes(plan *agent.Plan) {
	flush := a.c.Metrics.ForceFlushInterval
	saved := a.prices.requests(a.requests(plan, 0, flush) - a.requests(plan, 0, calm))
	if flush >= calm || saved < 0.01 {
		return
	}
	a.all = append(a.all, Advice{Place: a.c.At("metrics.force_flush_interval"), Topic: "flush", Change: member("force_flush_interval", calm.Seconds()), Dollars: saved, Text: fmt.Sprintf(
		"metrics are sent every %s, in %s a month; sent once a minute they keep their true times, and come that much later", flush, requestsText(a.r.Metrics.Requests))})
}

// resolution is about collections more often than once a minute.
func (a *adviser) resolution(plan *agent.Plan) {
	names, n, at := map[string]bool{}, 0, config.Place{}
	for _, own := range plan.Plugins {
		if series := a.r.Metrics.highResolution(own.Plugin.Called()); series > 0 {
			if n == 0 {
				at = own.Plugin.Place
			}
			n += series
			names[own.Plugin.Called()] = true
		}
	}
	if n == 0 {
		return
	}
	flush := max(a.c.Metrics.ForceFlushInterval, calm)
	a.all = append(a.all, Advice{Place: at, Topic: "high_resolution", Change: member("metrics_collection_interval", calm.Seconds()),
		Dollars: a.prices.requests(a.requests(plan, 0, flush) - a.requests(plan, calm, flush)), Text: fmt.Sprintf(
			"%s of %s are collected more often than once a minute: they cost the same, but take more requests, are kept at that resolution for three hours, and an alarm on one is $%.2f a month instead of $%.2f",
			output.Count(n, "series", "series"), some(names), a.prices.AlarmMonth.HighResolution, a.prices.AlarmMonth.Standard)})
}

// requests is how many a month would take, if nothing were collected more often than this.
func (a *adviser) requests(plan *agent.Plan, atMost, flush time.Duration) float64 {
	return requestsFor(a.c.Metrics, plan.Plugins, atMost, flush)
}

// autoScaling is about the series that every instance of a group brings, and leaves behind.
func (a *adviser) autoScaling() {
	m := a.c.Metrics
	if !slices.Contains(m.AppendDimensions, "AutoScalingGroupName") || !slices.Contains(m.AppendDimensions, "InstanceId") {
		return
	}
	for _, l := range m.AggregationDimensions {
		if slices.Contains(l, "AutoScalingGroupName") && !slices.Contains(l, "InstanceId") {
			return
		}
	}
	a.all = append(a.all, Advice{Place: a.c.At("metrics.append_dimensions"), Topic: "auto_scaling", Change: member("aggregation_dimensions", [][]string{{"AutoScalingGroupName"}}), Text: fmt.Sprintf(
		"every instance that an Auto Scaling group starts is %s of its own, and nothing is sent for the group as a whole; an alarm on an instance ends with it. A roll-up is more series, but they stay",
		output.Count(len(a.r.Metrics.Series), "series", "series"))})
}

// classes is about logs that seldom anybody looks into.
func (a *adviser) classes() {
	const worth = 1.0 // dollars a month
	for _, e := range a.r.Logs.Entries {
		gb := 0.0
		for _, f := range e.Files {
			gb += f.Growth.monthly()
		}
		saved := gb * (a.prices.ingestion(standard) - a.prices.ingestion(infrequent))
		if e.Class != standard || saved < worth {
			continue
		}
		a.all = append(a.all, Advice{Place: e.Place, Topic: "class", Dollars: saved, Change: member("log_group_class", infrequent), Text: fmt.Sprintf(
			"%s brings %s a month; in the class INFREQUENT_ACCESS that costs half. It has no metric filters, no Live Tail and no subscriptions, and a group keeps the class that it was made with", e.FilePath, output.Bytes(gb*gigabyte))})
	}
}

// retention is about groups that keep everything.
func (a *adviser) retention() {
	groups, at := map[string]bool{}, config.Place{}
	for _, e := range a.r.Logs.Entries {
		if e.RetentionDays < 0 {
			if len(groups) == 0 {
				at = e.Place
			}
			groups[e.LogGroup] = true
		}
	}
	if len(groups) == 0 {
		return
	}
	a.all = append(a.all, Advice{Place: at, Topic: "retention", Change: member("retention_in_days", 30), Text: fmt.Sprintf(
		"what goes to %s is kept for ever, unless somebody has given %s a retention (%s)", output.Count(len(groups), "log group"), map[bool]string{true: "it", false: "them"}[len(groups) == 1], some(groups))})
}

// names is about groups and streams that differ from host to host, or from run to run, or should and do not.
func (a *adviser) names() {
	perHost, daily, unknown := map[string]bool{}, map[string]bool{}, map[string]bool{}
	places := map[string]config.Place{}
	note := func(in map[string]bool, topic, name string, at config.Place) {
		if len(in) == 0 {
			places[topic] = at
		}
		in[name] = true
	}
	for _, f := range a.c.Logs.Files {
		stream := cmp.Or(f.LogStreamName, a.c.Logs.LogStreamName)
		for _, p := range []string{"{instance_id}", "{hostname}", "{local_hostname}", "{ip_address}"} {
			if strings.Contains(f.LogGroupName, p) {
				note(perHost, "host", f.LogGroupName, f.Place)
			}
		}
		for _, name := range []string{f.LogGroupName, stream} {
			if strings.Contains(name, "{date}") {
				note(daily, "date", name, f.Place)
			}
			if strings.Contains(name, "{instance_id}") || strings.Contains(name, "{account_id}") {
				note(unknown, "unknown", name, f.Place)
			}
		}
	}
	say := func(topic, change, text string) {
		a.all = append(a.all, Advice{Place: places[topic], Topic: "names", Change: change, Text: text})
	}
	if len(perHost) > 0 {
		say("host", member("log_stream_name", "{hostname}"), fmt.Sprintf("a log group of its own for each host (%s) has to be found, kept and paid for alone, and stays when its host has gone: hosts of one kind can share a group, and have streams of their own", some(perHost)))
	}
	if len(daily) > 0 {
		say("date", "", fmt.Sprintf("{date} (%s) is the day on which the agent was started; it changes with a restart only", some(daily)))
	}
	if len(unknown) > 0 && !a.r.Host.EC2 {
		say("unknown", member("log_stream_name", "{hostname}"), fmt.Sprintf("outside of EC2 nobody knows what is to stand in %s: all such hosts write i-UNKNOWN or UNKNOWN-ACCOUNT there, into the same", some(unknown)))
	}
}

// member is a key and its value as they stand in a configuration.
func member[T any](key string, value T) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	text := strings.ReplaceAll(string(raw), `","`, `", "`)
	return fmt.Sprintf("%q: %s", key, text)
}

// some names a few of many.
func some(names map[string]bool) string {
	const most = 3
	var all []string
	for name := range names {
		all = append(all, name)
	}
	slices.Sort(all)
	if more := len(all) - most; more > 0 {
		all = append(all[:most], fmt.Sprintf("%d more", more))
	}
	return strings.Join(all, ", ")
}
