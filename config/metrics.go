package config

import (
	"fmt"
	"slices"
	"strings"
)

func readMetrics(s, ours section, a Agent) *Metrics {
	m := &Metrics{
		Namespace:             s.text("namespace"),
		ForceFlushInterval:    s.seconds("force_flush_interval"),
		SpoolBytes:            int64(ours.number("spool_mib")) << 20,
		SeriesBudget:          ours.number("series_budget"),
		EndpointOverride:      s.text("endpoint_override"),
		RoleARN:               s.section("credentials").text("role_arn"),
		AggregationDimensions: aggregations(s.value("aggregation_dimensions")),
		Plugins:               readPlugins(s.section("metrics_collected"), a),
	}
	if own := ours.section("self_metrics"); own.there() {
		m.Plugins = append(m.Plugins, Plugin{Name: SelfMetrics, Place: own.node.at, Interval: own.seconds("interval"), Namespace: own.text("namespace")})
	}
	if m.RoleARN == "" {
		m.RoleARN = a.RoleARN
	}
	for i := range m.Plugins {
		m.Plugins[i].VolumeID = m.Plugins[i].VolumeID && s.value("append_dimensions") != nil
	}
	if n := s.value("append_dimensions"); n != nil {
		m.AppendsDimensions = true
		for _, d := range n.members {
			if isEC2Dimension(d) {
				m.AppendDimensions = append(m.AppendDimensions, d.key)
			}
		}
		slices.Sort(m.AppendDimensions)
	}
	return m
}

func ec2Names() []string {
	return []string{"AutoScalingGroupName", "ImageId", "InstanceId", "InstanceType"}
}

func isEC2Dimension(m member) bool {
	return m.value.kind == text && slices.Contains(ec2Names(), m.key) && m.value.text == "${aws:"+m.key+"}"
}

// ec2Dimensions judges metrics.append_dimensions. Of it the original honours four pairs and ignores the rest.
func (r *reading) ec2Dimensions(n *node) {
	some := false
	for _, m := range n.members {
		if m.value.kind == broken || isEC2Dimension(m) {
			some = some || m.value.kind != broken
			continue
		}
		hint := "only the four EC2 dimensions are appended to all metrics; others go into append_dimensions of a plugin"
		if near := nearest(m.key, ec2Names()); near != "" {
			hint = fmt.Sprintf("did you mean %q: \"${aws:%s}\"?", near, near)
		}
		r.warn(m.at, fmt.Sprintf("the dimension %q: %s is ignored", m.key, m.value.short()), hint)
	}
	if !some {
		r.warn(n.at, "no dimension is appended, yet the key removes the dimension \"host\" from every metric", "remove append_dimensions, or name an EC2 dimension")
	}
}

// aggregations reads aggregation_dimensions. The order in a list means nothing: ["a","b"] and ["b","a"] are one roll-up.
func aggregations(n *node) (all [][]string) {
	if n == nil {
		return nil
	}
	for _, item := range n.items {
		if item.kind != list {
			continue
		}
		names := []string{}
		for _, m := range item.items {
			if m.kind == text {
				names = append(names, m.text)
			}
		}
		slices.Sort(names)
		if !slices.ContainsFunc(all, func(l []string) bool { return slices.Equal(l, names) }) {
			all = append(all, names)
		}
	}
	return all
}

// staticDimensions judges a plugin's append_dimensions.
func (r *reading) staticDimensions(n *node) {
	for _, m := range n.members {
		switch v := m.value.text; {
		case m.value.kind == broken || isStaticDimension(m):
		case isVolumeDimension(m) && n.at.Path == "metrics.metrics_collected.disk.append_dimensions":
		case v == "${aws:VolumeId}":
			r.warn(m.at, `"${aws:VolumeId}" is not known here; the dimension is ignored`, `only disk has it, as "VolumeId": "${aws:VolumeId}"`)
		case strings.HasPrefix(v, "${aws:"):
			r.warn(m.at, fmt.Sprintf("%q is not known; the dimension is ignored", v),
				didYouMean(v, []string{"${aws:AutoScalingGroupName}", "${aws:ImageId}", "${aws:InstanceId}", "${aws:InstanceType}"}))
		default:
			r.warn(m.at, fmt.Sprintf("%q is reserved and never a dimension; it is ignored", m.key), "")
		}
	}
}

// isStaticDimension tells whether a pair of a plugin's append_dimensions becomes a dimension.
func isStaticDimension(m member) bool {
	if m.value.kind != text || m.key == "aws:StorageResolution" || m.key == "aws:AggregationInterval" {
		return false
	}
	name, aws := strings.CutPrefix(m.value.text, "${aws:")
	return !aws || slices.Contains(ec2Names(), strings.TrimSuffix(name, "}")) && strings.HasSuffix(name, "}")
}

// isVolumeDimension tells whether a pair asks for the volume behind each file system.
func isVolumeDimension(m member) bool {
	return m.key == "VolumeId" && m.value.kind == text && m.value.text == "${aws:VolumeId}"
}

func asksForVolume(dimensions *node) bool {
	return dimensions != nil && slices.ContainsFunc(dimensions.members, isVolumeDimension)
}

// volumeAlone judges the dimension VolumeId of disk. What adds it in the original is there only where EC2 dimensions are
// appended to all metrics.
func (r *reading) volumeAlone(metrics *node) {
	plugins := metrics.child("metrics_collected")
	if plugins == nil || plugins.child("disk") == nil || metrics.child("append_dimensions") != nil || r.partial {
		return
	}
	if of := plugins.child("disk").child("append_dimensions"); asksForVolume(of) {
		r.warn(of.at, "VolumeId is ignored: it takes append_dimensions in the section metrics as well, as in the original",
			`add "append_dimensions": {"InstanceId": "${aws:InstanceId}"} to metrics`)
	}
}

func readStaticDimensions(n *node) map[string]string {
	if n == nil {
		return nil
	}
	out := map[string]string{}
	for _, m := range n.members {
		if isStaticDimension(m) {
			out[m.key] = m.value.text
		}
	}
	return out
}
