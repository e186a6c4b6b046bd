package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// metrics reads the "metrics" section, in which every key has to be known.
func (r *reading) metrics(n *node, a Agent) *Metrics {
	s := r.section(n)
	if s == nil {
		return nil
	}
	m := &Metrics{
		Namespace:          s.text("namespace", 1, 255),
		ForceFlushInterval: s.seconds("force_flush_interval", 60*time.Second),
		SpoolBytes:         int64(s.number("spool_mib", 64, 1, 1<<20)) << 20,
		EndpointOverride:   s.text("endpoint_override", 4, 2048),
		RoleARN:            s.roleARN(),
	}
	r.variables(s.node.child("namespace"))
	r.variables(s.node.child("endpoint_override"))
	if m.Namespace == "" {
		m.Namespace = "CWAgent"
	}
	if m.RoleARN == "" {
		m.RoleARN = a.RoleARN
	}
	if n := s.get("append_dimensions"); n != nil {
		m.AppendsDimensions = true
		m.AppendDimensions = r.ec2Dimensions(n)
	}
	m.AggregationDimensions = s.aggregations()
	s.destinations()
	s.require("metrics_collected", "it says which metrics to collect")
	m.Plugins = r.plugins(s.get("metrics_collected"), a.Interval)
	s.undone("service.name", "deployment.environment")
	s.strict()
	return m
}

// ec2Dimensions reads metrics.append_dimensions. Of it the original honours four pairs and ignores the rest.
func (r *reading) ec2Dimensions(n *node) []string {
	if !r.is(n, object) {
		return nil
	}
	if len(n.members) > 30 {
		r.wrong(n.at, fmt.Sprintf("must hold at most 30 dimensions, not %d", len(n.members)), "")
	}
	known := []string{"AutoScalingGroupName", "ImageId", "InstanceId", "InstanceType"}
	var names []string
	for _, m := range n.members {
		v := r.textOf(m.value, 1, 1024)
		if v == "" {
			continue
		}
		if slices.Contains(known, m.key) && v == "${aws:"+m.key+"}" {
			names = append(names, m.key)
			continue
		}
		hint := "only the four EC2 dimensions are appended to all metrics; others go into append_dimensions of a plugin"
		if near := nearest(m.key, known); near != "" {
			hint = fmt.Sprintf("did you mean %q: \"${aws:%s}\"?", near, near)
		}
		r.warn(m.at, fmt.Sprintf("the dimension %q: %s is ignored", m.key, m.value.short()), hint)
	}
	if len(names) == 0 {
		r.warn(n.at, "no dimension is appended, yet the key removes the dimension \"host\" from every metric", "remove append_dimensions, or name an EC2 dimension")
	}
	slices.Sort(names)
	return names
}

// aggregations reads aggregation_dimensions. The order in a list means nothing: ["a","b"] and ["b","a"] are one roll-up.
func (s *section) aggregations() [][]string {
	n := s.get("aggregation_dimensions")
	items := s.listOf(n, 1, 1024)
	s.unique(items)
	var all [][]string
	for _, item := range items {
		names := []string{}
		members := s.listOf(item, 0, 30)
		s.unique(members)
		for _, m := range members {
			if t := s.textOf(m, 1, 1024); t != "" {
				names = append(names, t)
			}
		}
		slices.Sort(names)
		if item.kind == list && !slices.ContainsFunc(all, func(l []string) bool { return slices.Equal(l, names) }) {
			all = append(all, names)
		}
	}
	return all
}

// destinations checks metrics_destinations. CloudWatch is the only one there is yet.
func (s *section) destinations() {
	d := s.section("metrics_destinations")
	if d == nil {
		return
	}
	if len(d.node.members) == 0 {
		d.wrong(d.node.at, "must not be empty", "leave it out: metrics go to CloudWatch")
	}
	d.get("cloudwatch")
	if n := d.get("amp"); n != nil {
		d.warn(n.at, `"amp" is not sent to by this version: metrics go to CloudWatch only`, "")
	}
	d.strict()
}

// staticDimensions reads a plugin's append_dimensions.
func (s *section) staticDimensions() map[string]string {
	n := s.get("append_dimensions")
	if !s.is(n, object) {
		return nil
	}
	if len(n.members) > 30 {
		s.wrong(n.at, fmt.Sprintf("must hold at most 30 dimensions, not %d", len(n.members)), "")
	}
	out := map[string]string{}
	for _, m := range n.members {
		v := s.textOf(m.value, 1, 1024)
		switch {
		case v == "":
		case m.key == "aws:StorageResolution" || m.key == "aws:AggregationInterval":
			s.warn(m.at, fmt.Sprintf("%q is reserved and never a dimension; it is ignored", m.key), "")
		case v == "${aws:VolumeId}":
			s.warn(m.at, `"${aws:VolumeId}" is not collected by this version; the dimension is ignored`, "")
		case strings.HasPrefix(v, "${aws:") && !ec2Value(v):
			s.warn(m.at, fmt.Sprintf("%q is not known; the dimension is ignored", v),
				didYouMean(v, []string{"${aws:AutoScalingGroupName}", "${aws:ImageId}", "${aws:InstanceId}", "${aws:InstanceType}"}))
		default:
			out[m.key] = v
		}
	}
	return out
}

func ec2Value(v string) bool {
	switch v {
	case "${aws:AutoScalingGroupName}", "${aws:ImageId}", "${aws:InstanceId}", "${aws:InstanceType}":
		return true
	}
	return false
}
