package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// identity writes values one after the other so that two different sequences never read the same.
type identity struct{ strings.Builder }

func (id *identity) text(name, v string) { fmt.Fprintf(id, " %s=%s", name, strconv.Quote(v)) }

func (id *identity) flag(name string, v bool) { id.text(name, strconv.FormatBool(v)) }

// texts tells a list that is not there from one that is empty.
func (id *identity) texts(name string, v []string) {
	if v != nil {
		fmt.Fprintf(id, " %s=%q", name, v)
	}
}

func (id *identity) pattern(name string, v *regexp.Regexp) {
	if v != nil {
		id.text(name, v.String())
	}
}

// Key is the identity of the section's content: two plugins with equal keys collect the same in the same way, wherever and
// however they are written.
func (p Plugin) Key() string {
	var id identity
	id.WriteString("plugin")
	id.text("name", p.Name)
	id.text("interval", p.Interval.String())
	for _, m := range p.Measurements {
		id.text("measurement", m.Name)
		id.text("rename", m.Rename)
		id.text("unit", m.Unit)
	}
	id.texts("resources", p.Resources)
	for _, name := range slices.Sorted(maps.Keys(p.AppendDimensions)) {
		id.text("dimension", name)
		id.text("value", p.AppendDimensions[name])
	}
	id.texts("drop_original", p.DropOriginal)
	id.flag("totalcpu", p.TotalCPU)
	id.texts("ignore_types", p.IgnoreFileSystemTypes)
	id.flag("drop_device", p.DropDevice)
	id.flag("ignore_pseudo", p.IgnorePseudoFileSystems)
	if p.VolumeID {
		id.flag("volume", true)
	}
	id.texts("include", p.InterfaceInclude)
	id.texts("exclude", p.InterfaceExclude)
	id.texts("metrics", p.MetricsInclude)
	if p.Namespace != "" {
		id.text("namespace", p.Namespace)
	}
	if p.Called() != p.Name {
		id.text("pid_file", p.PidFile)
		id.text("exe", p.Exe)
		id.text("pattern", p.Pattern)
	}
	return id.String()
}

// Key is the identity of the entry's content: two entries with equal keys read the same files in the same way, wherever and
// however they are written. What an entry takes over from Logs is not in it.
func (f File) Key() string {
	var id identity
	id.WriteString("file")
	id.text("path", f.Path)
	id.text("group", f.LogGroupName)
	id.text("stream", f.LogStreamName)
	id.text("class", f.LogGroupClass)
	id.text("retention", strconv.Itoa(f.RetentionDays))
	id.text("timestamp", f.TimestampFormat)
	if f.Timezone != nil {
		id.text("zone", f.Timezone.String())
	}
	id.text("encoding", f.Encoding)
	id.flag("trim", f.TrimTimestamp)
	id.flag("multi", f.PublishMultiLogs)
	id.flag("remove", f.AutoRemoval)
	id.pattern("blacklist", f.Blacklist)
	id.pattern("start", f.MultiLineStart)
	id.flag("start_with_timestamp", f.StartsWithTimestamp)
	for _, x := range f.Filters {
		id.flag("include", x.Include)
		id.pattern("expression", x.Expression)
	}
	return id.String()
}
