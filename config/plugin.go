package config

import (
	"fmt"
	"slices"
	"strings"
)

// readPlugins reads the plugins that this version collects, in file order.
func readPlugins(s section, a Agent) (all []Plugin) {
	if !s.there() {
		return nil
	}
	for _, m := range s.node.members {
		k := s.shape.key(m.key)
		switch {
		case k == nil || k.state != done:
		case m.key == "nvidia_smi" && s.value("nvidia_gpu") != nil:
		case m.key == "statsd" || m.key == "collectd":
			all = append(all, readListener(m.key, section{m.value, k.shape}))
		case m.key == "procstat":
			all = append(all, readProcstat(s.items(m.key), a)...)
		case m.value.kind == object:
			all = append(all, readPlugin(m.key, section{m.value, k.shape}, a))
		}
	}
	return slices.DeleteFunc(all, func(p Plugin) bool { return len(p.Measurements) == 0 && p.Address == "" && p.Name != "ethtool" })
}

func readPlugin(name string, s section, a Agent) Plugin {
	p := Plugin{
		Name:             name,
		Place:            s.node.at,
		Interval:         a.Interval,
		Measurements:     readMeasurements(s),
		AppendDimensions: readStaticDimensions(s.value("append_dimensions")),
	}
	if s.shape.key("metrics_collection_interval") != nil && s.value("metrics_collection_interval") != nil {
		p.Interval = s.seconds("metrics_collection_interval")
	}
	for _, name := range s.texts("drop_original_metrics") {
		if s.shape.key("drop_original_metrics").state != done {
			break
		}
		if name = strings.TrimSpace(name); name != "" {
			p.DropOriginal = append(p.DropOriginal, name)
		}
	}
	switch name {
	case "cpu":
		p.Resources = s.texts("resources")
		p.TotalCPU = s.flag("totalcpu")
	case "disk":
		p.Resources = s.texts("resources")
		p.IgnoreFileSystemTypes = s.texts("ignore_file_system_types")
		p.DropDevice = s.flag("drop_device")
		p.IgnorePseudoFileSystems = s.flag("ignore_pseudo_file_systems")
		p.VolumeID = asksForVolume(s.value("append_dimensions"))
	case "ethtool":
		p.InterfaceInclude, p.InterfaceExclude = s.texts("interface_include"), s.texts("interface_exclude")
		p.MetricsInclude = s.texts("metrics_include")
	case "nvidia_smi":
		p.Name = "nvidia_gpu"
	case "diskio", "net", "systemd":
		p.Resources = s.texts("resources")
	}
	return p
}

// readMeasurements reads strings, and objects that rename a metric or change its unit. Of a metric that is named twice the
// first that decorates it counts.
func readMeasurements(s section) (all []Measurement) {
	of := s.shape.under("measurement")
	if of == nil { // ethtool has none
		return nil
	}
	n := s.value("measurement")
	if n == nil {
		return nil
	}
	for _, item := range n.items {
		m := Measurement{Place: item.at}
		raw := item
		if item.kind == object {
			raw = item.child("name")
			o := section{item, of.items.or}
			m.Rename, m.Unit = o.text("rename"), o.text("unit")
		}
		if raw == nil || raw.kind != text {
			continue
		}
		m.Written = strings.TrimSpace(raw.text)
		m.Name = of.items.measures.short(raw.text)
		i := slices.IndexFunc(all, func(o Measurement) bool { return o.Name == m.Name })
		if i < 0 {
			all = append(all, m)
		} else if all[i].Rename == "" && all[i].Unit == "" {
			all[i].Rename, all[i].Unit = m.Rename, m.Unit
		}
	}
	return all
}

// strangePlugin warns of a name among the plugins that is none.
func strangePlugin(r *reading, m member) {
	hint := didYouMean(m.key, r.pluginNames())
	if m.key == "append_dimensions" || m.key == "aggregation_dimensions" {
		hint = "it belongs beside metrics_collected, not into it"
	}
	r.warn(m.at, fmt.Sprintf("there is no plugin %q; it is ignored", m.key), hint)
}

// pluginNames are those of Linux.
func (r *reading) pluginNames() (names []string) {
	for _, k := range r.plugins().keys {
		if k.state != foreign {
			names = append(names, k.name)
		}
	}
	return names
}

func (r *reading) plugins() *shape { return r.root.under("metrics").under("metrics_collected") }

// strangeOption warns of an option that a plugin does not have; it may be one of another.
func (r *reading) strangeOption(plugin string, s *shape, m member) {
	var owners []string
	for _, k := range r.plugins().keys {
		if k.state != foreign && k.shape.kind == object && !k.shape.strict && k.shape.key(m.key) != nil {
			owners = append(owners, k.name)
		}
	}
	if len(owners) == 0 {
		r.warn(m.at, fmt.Sprintf("unknown key %q is ignored", m.key), keyHint(m.key, s.names()))
		return
	}
	last := len(owners) - 1
	of := owners[last]
	if last > 0 {
		of = strings.Join(owners[:last], ", ") + " and " + of
	}
	r.warn(m.at, fmt.Sprintf("%s has no %q; it is ignored", plugin, m.key), "it is an option of "+of)
}

// dropOriginal judges drop_original_metrics. The original does not check it, and ignores what is not a list.
func (r *reading) dropOriginal(n *node) {
	if n.kind != list {
		r.warn(n.at, fmt.Sprintf("is ignored: it is %s, not a list of names", n.kind), "put it in [ ]")
		n.kind = broken
		return
	}
	for _, item := range n.items {
		r.check(item, str(1, 255))
	}
}

// oneNvidia judges the plugin that has two names.
func (r *reading) oneNvidia(plugins *node) {
	if n := plugins.child("nvidia_smi"); n != nil && plugins.child("nvidia_gpu") != nil {
		r.warn(n.at, `is ignored: "nvidia_gpu" is another name of it, and goes before it`, "remove one of them")
	}
}

// cpu judges what cpu is to collect. With totalcpu false and no resources the original collects nothing at all.
func (r *reading) cpu(n *node) {
	total, resources := n.child("totalcpu"), n.child("resources")
	if total != nil && total.kind == boolean && total.text == "false" && (resources == nil || resources.kind == list && len(resources.items) == 0) {
		r.warn(total.at, "this section collects no CPU metric at all: totalcpu is false and there are no resources",
			`set "totalcpu": true, or "resources": ["*"] for one series per core`)
	}
}
