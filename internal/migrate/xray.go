package migrate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/config"
	"go.yaml.in/yaml/v3"
)

// XRay reads the configuration (YAML) of the X-Ray daemon. Config has a traces section and nothing else.
func XRay(path string) (Imported, error) {
	d, err := readDocument(path)
	if err != nil {
		return Imported{}, err
	}
	return xray(d)
}

// xray makes a traces section. What the file does not say is the daemon's default ("Configuring the AWS X-Ray daemon",
// https://docs.aws.amazon.com/xray/latest/devguide/xray-daemon-configuration.html).
func xray(d document) (Imported, error) {
	m := newImporting()
	m.files = []string{d.name}
	root := m.readYAML(d)
	if root != nil && root.Kind != yaml.MappingNode && root.Tag != "!!null" {
		m.wrong(d.at(root.Line, root.Column, ""), "must be a mapping of keys and values, not "+yamlKind(root), "")
	}
	top := d.at(1, 1, "")
	traces := object(top)
	m.root.set("traces", top, traces)
	daemon := traces.within("traces_collected", "xray")
	daemon.set("bind_address", top, "127.0.0.1:2000")
	daemon.within("tcp_proxy").set("bind_address", top, "127.0.0.1:2000")
	traces.set("concurrency", top, 8)
	traces.set("buffer_size_mb", top, 3)
	x := xrayFile{m, d, traces}
	for _, p := range d.pairs(root, "") {
		x.key(p)
	}
	return m.settle()
}

type xrayFile struct {
	*importing
	document
	traces *draft
}

func (x xrayFile) key(p yamlPair) {
	switch p.key {
	case "TotalBufferSizeMB":
		x.buffer(p)
	case "Concurrency":
		if n, ok := x.number(p); ok && n > 0 {
			x.traces.set("concurrency", p.at, n)
		}
	case "Region":
		x.text(x.traces, "region_override", p)
	case "Endpoint":
		x.text(x.traces, "endpoint_override", p)
	case "ProxyAddress":
		x.text(x.traces, "proxy_override", p)
	case "ResourceARN":
		x.text(x.traces, "resource_arn", p)
	case "RoleARN":
		if p.value.Value != "" {
			x.text(x.traces.within("credentials"), "role_arn", p)
		}
	case "LocalMode":
		x.flag("local_mode", p)
	case "NoVerifySSL":
		x.flag("insecure", p)
	case "Socket":
		x.socket(p)
	case "Logging":
		x.logging(p)
	case "Profile":
		if p.value.Value != "" {
			x.note(p.at, "is not taken over: a profile counts for all that the agent sends", "set shared_credential_profile in common-config.toml")
		}
	case "Version":
		if n, ok := x.number(p); ok && n != 1 && n != 2 {
			x.note(p.at, fmt.Sprintf("the version %d of this file is not known; it is read as version 2", n), "")
		}
	default:
		x.unknown(p, "TotalBufferSizeMB", "Concurrency", "Region", "Endpoint", "ProxyAddress", "ResourceARN", "RoleARN", "LocalMode", "NoVerifySSL", "Socket", "Logging", "Profile", "Version")
	}
}

func (x xrayFile) unknown(p yamlPair, known ...string) {
	x.note(p.at, fmt.Sprintf("unknown key %q is ignored", p.at.Path), config.Suggestion(p.key, known))
}

// buffer takes the size over. 0 is one hundredth of the memory for the daemon, and 3 its least.
func (x xrayFile) buffer(p yamlPair) {
	n, ok := x.number(p)
	switch {
	case !ok:
	case n == 0:
		x.note(p.at, "0 stands for a hundredth of the host's memory; here it becomes the least there is, 3 MB", "")
	case n < 3:
		x.note(p.at, fmt.Sprintf("%d becomes 3, the least there is", n), "")
	default:
		x.traces.set("buffer_size_mb", p.at, n)
	}
}

func (x xrayFile) socket(p yamlPair) {
	daemon := x.traces.within("traces_collected", "xray")
	for _, s := range x.pairs(p.value, p.key) {
		switch s.key {
		case "UDPAddress":
			x.text(daemon, "bind_address", s)
		case "TCPAddress":
			x.text(daemon.within("tcp_proxy"), "bind_address", s)
		default:
			x.unknown(s, "UDPAddress", "TCPAddress")
		}
	}
}

func (x xrayFile) logging(p yamlPair) {
	for _, l := range x.pairs(p.value, p.key) {
		switch l.key {
		case "LogRotation": // the agent's own log is always bounded
		case "LogLevel":
			if v := l.value.Value; v != "" && v != "prod" && v != "info" {
				x.note(l.at, "is not taken over: the agent has one log level for all it does", "agent.debug in config.json")
			}
		case "LogPath":
			if l.value.Value != "" {
				x.note(l.at, "is not taken over: the agent has one log for all it does", "agent.logfile in config.json")
			}
		default:
			x.unknown(l, "LogRotation", "LogLevel", "LogPath")
		}
	}
}

// text takes a string over; an empty one stands for the default.
func (x xrayFile) text(into *draft, key string, p yamlPair) {
	if p.value.Kind != yaml.ScalarNode {
		x.wrong(p.at, "must be a string, not "+yamlKind(p.value), "")
		return
	}
	if p.value.Value != "" && p.value.Tag != "!!null" {
		into.set(key, x.at(p.value.Line, p.value.Column, p.at.Path), p.value.Value)
	}
}

func (x xrayFile) number(p yamlPair) (int, bool) {
	if p.value.Tag == "!!null" {
		return 0, false
	}
	n, err := strconv.Atoi(p.value.Value)
	if p.value.Kind != yaml.ScalarNode || err != nil {
		x.wrong(p.at, "must be a whole number, not "+yamlKind(p.value), "")
		return 0, false
	}
	return n, true
}

// flag reads what the daemon's YAML reader takes for true and false.
func (x xrayFile) flag(key string, p yamlPair) {
	switch strings.ToLower(p.value.Value) {
	case "true", "yes", "on", "y":
		x.traces.set(key, p.at, true)
	case "false", "no", "off", "n":
		x.traces.set(key, p.at, false)
	case "":
	default:
		x.wrong(p.at, "must be true or false, not "+yamlKind(p.value), "")
	}
}
