package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// systems are those that a configuration can be read for: what runtime.GOOS calls them, and what people do.
var systems = map[string]string{"darwin": "macOS", "linux": "Linux", "windows": "Windows"}

// Systems are the names that For and LoadFor know, sorted.
func Systems() []string { return slices.Sorted(maps.Keys(systems)) }

// For has the configuration read for a system: what only others can do is a warning, and is not in what is read. Without it
// the configuration is one for any system.
func For(system string) Option { return func(o *options) { o.system = system } }

// onlyOn are the keys that not every system has, and which do.
var onlyOn = map[string][]string{
	"agent.run_as_user":                      {"linux"},
	"logs.logs_collected.journald":           {"linux"},
	"logs.logs_collected.windows_events":     {"windows"},
	"metrics.metrics_collected.collectd":     {"linux", "darwin"},
	"metrics.metrics_collected.dpdk":         {"linux"},
	"metrics.metrics_collected.efa":          {"linux"},
	"metrics.metrics_collected.ethtool":      {"linux"},
	"metrics.metrics_collected.netstat":      {"linux", "darwin"},
	"metrics.metrics_collected.nvidia_gpu":   {"linux"},
	"metrics.metrics_collected.nvidia_smi":   {"linux"},
	"metrics.metrics_collected.processes":    {"linux", "darwin"},
	"logs.metrics_collected.ecs":             {"linux"},
	"logs.metrics_collected.kubernetes":      {"linux"},
	"metrics.metrics_collected.win_services": {"windows"},
}

// unmeasured are what a plugin measures elsewhere and a system does not tell, by system and plugin. gopsutil has zero for it.
var unmeasured = map[string]map[string][]string{
	"darwin": {
		"cpu": {"time_guest", "time_guest_nice", "time_iowait", "time_irq", "time_softirq", "time_steal",
			"usage_guest", "usage_guest_nice", "usage_iowait", "usage_irq", "usage_softirq", "usage_steal"},
		"diskio": append([]string{"io_time", "iops_in_progress"}, nvmeNames()...),
		"mem":    {"buffered", "cached", "shared"},
	},
	"windows": {
		"cpu": {"time_guest", "time_guest_nice", "time_iowait", "time_irq", "time_nice", "time_softirq", "time_steal",
			"usage_guest", "usage_guest_nice", "usage_iowait", "usage_irq", "usage_nice", "usage_softirq", "usage_steal"},
		"disk":   {"inodes_free", "inodes_total", "inodes_used"},
		"diskio": append([]string{"io_time", "iops_in_progress", "read_time", "write_time"}, nvmeNames()...),
		"mem":    {"active", "buffered", "cached", "inactive", "shared"},
	},
}

// elsewhere tells whether a key is one that the system does not have, and says so.
func (r *reading) elsewhere(m member) bool {
	on, some := onlyOn[m.value.at.Path]
	if !some || systems[r.options.system] == "" || slices.Contains(on, r.options.system) {
		return false
	}
	names := make([]string, len(on))
	for i, system := range on {
		names[i] = systems[system]
	}
	r.warn(m.at, fmt.Sprintf("%q does nothing on %s: it is for %s", m.key, systems[r.options.system], strings.Join(names, " and ")), "")
	return true
}

// untold tells whether the system does not tell a measurement.
func (r *reading) untold(plugin, name string) bool {
	return slices.Contains(unmeasured[r.options.system][plugin], name)
}

// wholePath says what is wrong with a path that should lead to the same file wherever the agent is started; "": nothing.
func (r *reading) wholePath(path string) (wrong, hint string) {
	drive := onDrive(path)
	shared := strings.HasPrefix(path, `\\`)
	switch {
	case r.options.system == "windows" && !drive && !shared:
		return "is no whole path on Windows", `write it with its drive, such as C:\logs\app.log`
	case (r.options.system == "linux" || r.options.system == "darwin") && (drive || shared):
		return "is a path of Windows", "write the whole path, beginning with /"
	case !drive && path[0] != '/' && path[0] != '\\':
		return "is relative to the folder that the agent is started in", "write the whole path, beginning with /"
	}
	return "", ""
}
