package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// plugins reads metrics_collected in file order.
func (r *reading) plugins(n *node, interval time.Duration) []Plugin {
	s := r.section(n)
	if s == nil {
		return nil
	}
	if len(n.members) == 0 && !r.mayGrow(n) {
		r.wrong(n.at, "must not be empty", "name at least one plugin, such as \"mem\": {\"measurement\": [\"used_percent\"]}")
	}
	known := []string{"cpu", "disk", "diskio", "mem", "swap"}
	later := []string{"collectd", "efa", "ethtool", "jmx", "net", "netstat", "nvidia_gpu", "nvidia_smi", "otlp", "processes",
		"procstat", "prometheus", "statsd"}
	var all []Plugin
	for _, m := range n.members {
		switch {
		case slices.Contains(later, m.key):
			s.later(m.key)
		case slices.Contains(known, m.key):
			if p, ok := r.plugin(m, interval); ok {
				all = append(all, p)
			}
		default:
			hint := didYouMean(m.key, slices.Concat(known, later))
			if m.key == "append_dimensions" || m.key == "aggregation_dimensions" {
				hint = "it belongs beside metrics_collected, not into it"
			}
			r.warn(m.at, fmt.Sprintf("there is no plugin %q; it is ignored", m.key), hint)
			if p := r.section(m.value); p != nil { // the original wants even these to have the basic shape
				p.basics(m.key, interval)
			}
		}
	}
	return all
}

// plugin reads one section of metrics_collected. ok is false when it collects nothing.
func (r *reading) plugin(m member, interval time.Duration) (p Plugin, ok bool) {
	s := r.section(m.value)
	if s == nil {
		return p, false
	}
	p = s.basics(m.key, interval)
	p.TotalCPU = m.key == "cpu"
	switch m.key {
	case "cpu":
		s.cpu(&p)
	case "disk":
		p.Resources = s.texts("resources", 256, 4096)
		p.IgnoreFileSystemTypes = s.texts("ignore_file_system_types", 256, 4096)
		p.DropDevice = s.flag("drop_device", false)
		p.IgnorePseudoFileSystems = s.flag("ignore_pseudo_file_systems", false)
	case "diskio":
		p.Resources = s.texts("resources", 256, 4096)
	}
	s.elsewhere(p.Name)
	s.open()
	return p, len(p.Measurements) > 0
}

// basics reads the keys that every plugin has.
func (s *section) basics(name string, interval time.Duration) Plugin {
	p := Plugin{Name: name, Place: s.node.at}
	p.Interval = s.seconds("metrics_collection_interval", interval)
	s.require("measurement", "list the metrics to collect; there is no default")
	p.Measurements = s.measurements(name)
	p.AppendDimensions = s.staticDimensions()
	p.DropOriginal = s.dropOriginal()
	return p
}

// dropOriginal reads drop_original_metrics. The original does not check it, and ignores what is not a list.
func (s *section) dropOriginal() []string {
	n := s.get("drop_original_metrics")
	if n == nil || n.kind == broken {
		return nil
	}
	if n.kind != list {
		s.warn(n.at, fmt.Sprintf("is ignored: it is %s, not a list of names", n.kind), "put it in [ ]")
	}
	var names []string
	for _, item := range n.items {
		if t := strings.TrimSpace(s.textOf(item, 1, 255)); t != "" {
			names = append(names, t)
		}
	}
	return names
}

// cpu reads what only cpu has. With totalcpu false and no resources the original collects nothing at all.
func (s *section) cpu(p *Plugin) {
	n := s.get("resources")
	if n != nil {
		p.Resources = []string{}
	}
	for _, item := range s.listOf(n, 0, 1) {
		if t := s.textOf(item, 0, 4096); item.kind == text && t != "*" {
			s.wrong(item.at, fmt.Sprintf("must be \"*\", not %s", item.short()), "cpu measures all cores or none")
		} else if t == "*" {
			p.Resources = append(p.Resources, t)
		}
	}
	p.TotalCPU = s.flag("totalcpu", true)
	if total := s.node.child("totalcpu"); !p.TotalCPU && total.kind == boolean && (n == nil || n.kind == list && len(n.items) == 0) {
		s.warn(total.at, "this section collects no CPU metric at all: totalcpu is false and there are no resources",
			`set "totalcpu": true, or "resources": ["*"] for one series per core`)
	}
}

// elsewhere says of an option of another plugin that it is one.
func (s *section) elsewhere(name string) {
	options := []struct{ key, plugins string }{
		{"resources", "cpu, disk and diskio"}, {"totalcpu", "cpu"}, {"ignore_file_system_types", "disk"}, {"drop_device", "disk"},
		{"ignore_pseudo_file_systems", "disk"},
	}
	for _, o := range options {
		if slices.Contains(s.asked, o.key) {
			continue
		}
		if at, ok := s.place(o.key); ok {
			s.warn(at, fmt.Sprintf("%s has no %q; it is ignored", name, o.key), "it is an option of "+o.plugins)
		}
	}
	s.idle("counters are always reported as differences", "report_deltas")
}

// measurements reads the measurement list of a plugin: strings, or objects that rename a metric or change its unit.
func (s *section) measurements(plugin string) []Measurement {
	n := s.get("measurement")
	if n != nil && n.kind == list && len(n.items) == 0 {
		s.warn(n.at, fmt.Sprintf("the list is empty: %s collects nothing", plugin), "")
	}
	items := s.listOf(n, 0, 65536)
	again := s.unique(items)
	var all []Measurement
	for _, item := range items {
		m, ok := s.measurement(item, plugin)
		if !ok {
			continue
		}
		i := slices.IndexFunc(all, func(o Measurement) bool { return o.Name == m.Name })
		if i < 0 {
			all = append(all, m)
			continue
		}
		if !again[item] {
			s.warn(item.at, fmt.Sprintf("%q is measured already, at %d:%d", m.Name, all[i].Place.Line, all[i].Place.Column), "remove one of them")
		}
		if all[i].Rename == "" && all[i].Unit == "" { // the first that decorates it counts
			all[i].Rename, all[i].Unit = m.Rename, m.Unit
		}
	}
	return all
}

func (s *section) measurement(n *node, plugin string) (Measurement, bool) {
	m := Measurement{Place: n.at}
	raw := n
	if n.kind == object {
		o := s.reading.section(n)
		o.require("name", "")
		raw = o.get("name")
		m.Rename = o.text("rename", 1, 255)
		m.Unit = o.text("unit", 1, 256)
		o.open()
	} else if n.kind != text && n.kind != broken {
		s.wrong(n.at, fmt.Sprintf("must be a string or an object with a name, not %s", n.kind), "")
		return m, false
	}
	m.Written = strings.TrimSpace(s.textOf(raw, 1, 255))
	m.Name = strings.TrimPrefix(m.Written, plugin+"_")
	if raw != nil && raw.kind == text && raw.text != "" && m.Name == "" {
		s.wrong(raw.at, "must be the name of a metric, not blank", "")
	}
	return m, m.Name != ""
}
