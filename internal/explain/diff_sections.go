package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/output"
)

// plugins compares metrics_collected.
func (d *Difference) plugins(before, after *config.Config) {
	old, now := pluginsOf(before), pluginsOf(after)
	find := func(all []config.Plugin, name string) int {
		return slices.IndexFunc(all, func(p config.Plugin) bool { return p.Called() == name })
	}
	for _, p := range now {
		if i := find(old, p.Called()); i >= 0 {
			d.change("metrics of "+p.Called(), p.Place, pluginDiffers(old[i], p))
		} else {
			d.add(starts, "metrics of "+p.Called(), p.Place, named(metricNames(p)), fmt.Sprintf("every %s", p.Interval))
		}
	}
	for _, p := range old {
		if find(now, p.Called()) < 0 {
			d.add(stops, "metrics of "+p.Called(), p.Place, named(metricNames(p)))
		}
	}
}

func pluginsOf(c *config.Config) []config.Plugin {
	if c.Metrics == nil {
		return nil
	}
	return c.Metrics.Plugins
}

// metricNames are the names that a plugin's metrics have on the wire.
func metricNames(p config.Plugin) (names []string) {
	for _, m := range p.Measurements {
		names = append(names, p.WireName(m))
	}
	return names
}

func pluginDiffers(old, now config.Plugin) (l differing) {
	find := func(all []config.Measurement, name string) int {
		return slices.IndexFunc(all, func(m config.Measurement) bool { return m.Name == name })
	}
	for _, m := range now.Measurements {
		i := find(old.Measurements, m.Name)
		if i < 0 {
			l.say("%s is measured as well", now.WireName(m))
			continue
		}
		if a, b := old.WireName(old.Measurements[i]), now.WireName(m); a != b {
			l.say("%s is sent as %s", a, b)
		}
		differs(&l, "the unit of "+now.WireName(m), old.Measurements[i].Unit, m.Unit)
	}
	for _, m := range old.Measurements {
		if find(now.Measurements, m.Name) < 0 {
			l.say("%s is no longer measured", old.WireName(m))
		}
	}
	if len(l) == 0 && !slices.EqualFunc(old.Measurements, now.Measurements, func(a, b config.Measurement) bool { return a.Name == b.Name }) {
		l.say("the measurements are listed in another order")
	}
	if old.Interval != now.Interval {
		l.say("every %s instead of %s", now.Interval, old.Interval)
		if a, b := cloudwatch.ResolutionOf(old.Interval), cloudwatch.ResolutionOf(now.Interval); a != b {
			l.say("at a resolution of %s", b)
		}
	}
	l.list("resources", old.Resources, now.Resources)
	l.pairs("append_dimensions", old.AppendDimensions, now.AppendDimensions)
	l.list("drop_original_metrics", old.DropOriginal, now.DropOriginal)
	differs(&l, "the namespace", old.Namespace, now.Namespace)
	l.flag("totalcpu", old.TotalCPU, now.TotalCPU)
	l.list("ignore_file_system_types", old.IgnoreFileSystemTypes, now.IgnoreFileSystemTypes)
	l.flag("drop_device", old.DropDevice, now.DropDevice)
	l.flag("VolumeId", old.VolumeID, now.VolumeID)
	l.list("interface_include", old.InterfaceInclude, now.InterfaceInclude)
	l.list("interface_exclude", old.InterfaceExclude, now.InterfaceExclude)
	l.list("metrics_include", old.MetricsInclude, now.MetricsInclude)
	differs(&l, "pid_file", old.PidFile, now.PidFile)
	differs(&l, "exe", old.Exe, now.Exe)
	differs(&l, "pattern", old.Pattern, now.Pattern)
	l.flag("ignore_pseudo_file_systems", old.IgnorePseudoFileSystems, now.IgnorePseudoFileSystems)
	listeningDiffers(&l, old.Listening, now.Listening)
	return l
}

func listeningDiffers(l *differing, old, now config.Listening) {
	differs(l, "service_address", old.Address, now.Address)
	differs(l, "metrics_aggregation_interval", old.Aggregation.String(), now.Aggregation.String())
	differs(l, "metric_separator", old.Separator, now.Separator)
	differs(l, "allowed_pending_messages", old.Pending, now.Pending)
	differs(l, "name_prefix", old.NamePrefix, now.NamePrefix)
	differs(l, "collectd_security_level", old.SecurityLevel, now.SecurityLevel)
	differs(l, "collectd_auth_file", old.AuthFile, now.AuthFile)
	l.list("collectd_typesdb", old.TypesDB, now.TypesDB)
}

// metrics compares what holds for all metrics.
func (d *Difference) metrics(before, after *config.Config) {
	if before.Metrics == nil || after.Metrics == nil {
		return // everything starts or stops
	}
	old, now := before.Metrics, after.Metrics
	var l differing
	differs(&l, "the namespace", old.Namespace, now.Namespace)
	for _, name := range now.AppendDimensions {
		if !slices.Contains(old.AppendDimensions, name) {
			l.say("the dimension %s is appended", name)
		}
	}
	for _, name := range old.AppendDimensions {
		if !slices.Contains(now.AppendDimensions, name) {
			l.say("the dimension %s is no longer appended", name)
		}
	}
	if old.AppendsDimensions != now.AppendsDimensions {
		l.say("the dimension host is %s", map[bool]string{true: "not there any more, for append_dimensions is", false: "there again, without append_dimensions"}[now.AppendsDimensions])
	}
	l.list("aggregation_dimensions", rollUps(old), rollUps(now))
	if old.ForceFlushInterval != now.ForceFlushInterval {
		l.say("sent every %s instead of %s", now.ForceFlushInterval, old.ForceFlushInterval)
	}
	differs(&l, "endpoint_override", old.EndpointOverride, now.EndpointOverride)
	differs(&l, "the role", old.RoleARN, now.RoleARN)
	differs(&l, "the spool's size in bytes", old.SpoolBytes, now.SpoolBytes)
	differs(&l, "the series budget", old.SeriesBudget, now.SeriesBudget)
	d.change("all metrics", after.At("metrics"), l)
}

func rollUps(m *config.Metrics) (all []string) {
	for _, names := range m.AggregationDimensions {
		all = append(all, "["+strings.Join(names, " ")+"]")
	}
	return all
}

// files compares collect_list. Entries are the same if they are about the same path, group and stream, else about the same path.
func (d *Difference) files(before, after *config.Config) {
	old, now := filesOf(before), filesOf(after)
	partner := make([]int, len(now))
	taken := map[int]bool{}
	for _, strict := range []bool{true, false} {
		at := map[string][]int{}
		for i, f := range old {
			if !taken[i] {
				at[identityOf(f, strict)] = append(at[identityOf(f, strict)], i)
			}
		}
		for i, f := range now {
			if key := identityOf(f, strict); partner[i] == 0 && len(at[key]) > 0 {
				partner[i] = at[key][0] + 1
				taken[at[key][0]] = true
				at[key] = at[key][1:]
			}
		}
	}
	for i, f := range now {
		if partner[i] > 0 {
			d.change("log files "+f.Path, f.Place, fileDiffers(old[partner[i]-1], f))
		} else {
			d.add(starts, "log files "+f.Path, f.Place, destination(after, f))
		}
	}
	for i, f := range old {
		if !taken[i] {
			d.add(stops, "log files "+f.Path, f.Place, destination(before, f))
		}
	}
}

func filesOf(c *config.Config) []config.File {
	if c.Logs == nil {
		return nil
	}
	return c.Logs.Files
}

func identityOf(f config.File, strict bool) string {
	if !strict {
		return f.Path
	}
	return f.Path + "\x00" + f.LogGroupName + "\x00" + f.LogStreamName
}

// destination is where an entry's events go, in words.
func destination(c *config.Config, f config.File) string {
	group, stream := f.LogGroupName, f.LogStreamName
	if group == "" {
		group = "named after the path"
	}
	if stream == "" {
		stream = c.Logs.LogStreamName
	}
	if stream == "" {
		stream = "named after the host"
	}
	return fmt.Sprintf("log group %s, stream %s", group, stream)
}

func fileDiffers(old, now config.File) (l differing) {
	differs(&l, "the log group", old.LogGroupName, now.LogGroupName)
	differs(&l, "the log stream", old.LogStreamName, now.LogStreamName)
	if old.LogGroupClass != now.LogGroupClass {
		differs(&l, "log_group_class", old.LogGroupClass, now.LogGroupClass)
		l.say("a group that is there keeps its class")
	}
	if old.RetentionDays != now.RetentionDays {
		l.say("kept %s instead of %s", keptText(now.RetentionDays), keptText(old.RetentionDays))
	}
	differs(&l, "timestamp_format", old.TimestampFormat, now.TimestampFormat)
	differs(&l, "the timezone", old.Timezone.String(), now.Timezone.String())
	l.flag("trim_timestamp", old.TrimTimestamp, now.TrimTimestamp)
	l.flag("publish_multi_logs", old.PublishMultiLogs, now.PublishMultiLogs)
	l.flag("auto_removal", old.AutoRemoval, now.AutoRemoval)
	l.pattern("blacklist", old.Blacklist, now.Blacklist)
	l.pattern("multi_line_start_pattern", old.MultiLineStart, now.MultiLineStart)
	l.flag("multi_line_start_pattern {timestamp_format}", old.StartsWithTimestamp, now.StartsWithTimestamp)
	a, b := filters(old), filters(now)
	for _, f := range b {
		if !slices.Contains(a, f) {
			l.say("%s", f)
		}
	}
	for _, f := range a {
		if !slices.Contains(b, f) {
			l.say("no longer: %s", f)
		}
	}
	if len(l) == 0 && old.Key() != now.Key() {
		l.say("the filters are listed in another order")
	}
	return l
}

func keptText(days int) string {
	if days < 0 {
		return "as the group says"
	}
	return output.Count(days, "day")
}

func filters(f config.File) (all []string) {
	for _, x := range f.Filters {
		all = append(all, fmt.Sprintf("%s what matches %q", map[bool]string{true: "ships only", false: "leaves out"}[x.Include], x.Expression))
	}
	return all
}

// logs compares what holds for all log files.
func (d *Difference) logs(before, after *config.Config) {
	if before.Logs == nil || after.Logs == nil {
		return
	}
	old, now := before.Logs, after.Logs
	var l differing
	differs(&l, "the log stream of entries that name none", old.LogStreamName, now.LogStreamName)
	if old.ForceFlushInterval != now.ForceFlushInterval {
		l.say("sent every %s instead of %s", now.ForceFlushInterval, old.ForceFlushInterval)
	}
	differs(&l, "endpoint_override", old.EndpointOverride, now.EndpointOverride)
	differs(&l, "the role", old.RoleARN, now.RoleARN)
	differs(&l, "concurrency", old.Concurrency, now.Concurrency)
	l.flag("read_back", old.ReadBack, now.ReadBack)
	differs(&l, "the memory budget in bytes", old.MemoryBudget, now.MemoryBudget)
	differs(&l, "what deleted files may hold, in bytes,", old.DeletedBudget, now.DeletedBudget)
	differs(&l, "what events of listeners may take of the disk, in bytes,", old.EventsBytes, now.EventsBytes)
	d.change("all log files", after.At("logs"), l)
}

// emf compares where documents in the embedded metric format are listened for.
func (d *Difference) emf(before, after *config.Config) {
	const what = "the emf listener"
	old, now := emfOf(before), emfOf(after)
	switch {
	case old != nil && now != nil:
		var l differing
		l.list("service_address", addressesOf(old), addressesOf(now))
		d.change(what, now.Place, l)
	case now != nil:
		d.add(starts, what, now.Place, strings.Join(addressesOf(now), ", "))
	case old != nil:
		d.add(stops, what, old.Place, strings.Join(addressesOf(old), ", "))
	}
}

func emfOf(c *config.Config) *config.EMF {
	if c.Logs == nil {
		return nil
	}
	return c.Logs.EMF
}

func addressesOf(e *config.EMF) (all []string) {
	for _, a := range e.Addresses {
		all = append(all, a.Network+"://"+a.Address)
	}
	return all
}

// agent compares the agent section, but for what has come out already with what it is the default of.
func (d *Difference) agent(before, after *config.Config) {
	old, now := before.Agent, after.Agent
	var l differing
	differs(&l, "the region", old.Region, now.Region)
	differs(&l, "the host's name", old.Hostname, now.Hostname)
	l.flag("omit_hostname", old.OmitHostname, now.OmitHostname)
	l.flag("use_dualstack_endpoint", old.DualStack, now.DualStack)
	differs(&l, "user_agent", old.UserAgent, now.UserAgent)
	differs(&l, "the role", old.RoleARN, now.RoleARN)
	l.flag("debug", old.Debug, now.Debug)
	differs(&l, "the agent's own log file, from its next start,", old.LogFile, now.LogFile)
	differs(&l, "run_as_user, from its next start,", old.RunAsUser, now.RunAsUser)
	differs(&l, "status_address", old.StatusAddress, now.StatusAddress)
	d.change("the agent", after.At("agent"), l)
}
