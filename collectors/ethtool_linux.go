package collectors

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

type ethtoolCollector struct {
	reader           *nicReader
	include, exclude *regexp.Regexp // names of interfaces; nil: all, and none
	metrics          *regexp.Regexp // names of counters; nil: all
	plugin           config.Plugin
	known            map[string]*knownNIC
	data             []cloudwatch.Datum
}

// knownNIC is an interface as its driver described it.
type knownNIC struct {
	of   *nicNames
	dims []cloudwatch.Dimension
	*sheet[nicReading]
}

func buildEthtool(p config.Plugin, h Host) (Collector, config.Problems) {
	c := &ethtoolCollector{reader: newNICReader(h), include: globs(p.InterfaceInclude), plugin: p, known: map[string]*knownNIC{}}
	if len(p.InterfaceExclude) > 0 {
		if c.exclude = globs(p.InterfaceExclude); c.exclude == nil { // "*"
			return nil, config.Problems{config.Suspicion(p.Place, "ethtool collects nothing: interface_exclude names all interfaces", "")}
		}
	}
	names := make([]string, len(p.MetricsInclude))
	for i, name := range p.MetricsInclude {
		names[i] = short("ethtool", name)
	}
	c.metrics = globs(names)
	return c, nil
}

func (c *ethtoolCollector) wants(name string) bool {
	return (c.include == nil || c.include.MatchString(name)) && (c.exclude == nil || !c.exclude.MatchString(name))
}

func (c *ethtoolCollector) Collect(_ context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	links, err := c.reader.links()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	end, err := c.reader.begin()
	if err != nil {
		return nil, fmt.Errorf("ask network drivers: %w", err)
	}
	defer end()
	c.data = c.data[:0]
	var trouble troubles
	seen := 0
	for _, l := range links {
		if l.loopback || !c.wants(l.name) {
			continue
		}
		names, counters, err := c.reader.read(l.name)
		if err != nil {
			trouble.add(l.name, err)
		}
		if names == nil { // it is gone, or its driver counts nothing
			continue
		}
		seen++
		known := c.known[l.name]
		if known == nil || known.of != names {
			known = c.describe(l.name, names)
			c.known[l.name] = known
		}
		r := nicReading{counters: counters}
		if l.up {
			r.up = 1
		}
		c.data = known.fill(c.data, now, &r, known.dims)
	}
	if len(c.known) > seen { // interfaces of containers come and go
		for name := range c.known {
			if !slices.ContainsFunc(links, func(l nicLink) bool { return l.name == name }) {
				delete(c.known, name)
				c.reader.forget(name)
			}
		}
	}
	return c.data, trouble.err()
}

// describe makes the sheet of an interface: a column for each counter that is wanted.
func (c *ethtoolCollector) describe(name string, names *nicNames) *knownNIC {
	k := &knownNIC{of: names, sheet: &sheet[nicReading]{
		resolution: cloudwatch.ResolutionOf(c.plugin.Interval), static: staticDimensions(c.plugin.AppendDimensions),
	}}
	for _, r := range ethtoolTable {
		k.add(c, r)
	}
	for i, counter := range names.counters {
		if counter == "interface_up" { // ENA counts how often it came up, under the name of what the original adds
			counter = "interface_up_counter"
		}
		if slices.Contains(names.counters[i+1:], counter) {
			continue // of two of one name the last counts
		}
		k.add(c, row[nicReading]{counter, cloudwatch.None, func(r *nicReading) float64 { return r.counter(i) }})
	}
	k.dims = k.dimensions("interface", name, "driver", names.driver)
	return k
}

func (k *knownNIC) add(c *ethtoolCollector, r row[nicReading]) {
	if r.name == "" || c.metrics != nil && !c.metrics.MatchString(r.name) {
		return
	}
	dropped := slices.ContainsFunc(c.plugin.DropOriginal, func(name string) bool { return name == "*" || short("ethtool", name) == r.name })
	k.columns = append(k.columns, column[nicReading]{
		measurement: r.name, name: "ethtool_" + strings.ToValidUTF8(r.name, ""), unit: r.unit, scale: 1, rollUpOnly: dropped, value: r.value,
	})
}
