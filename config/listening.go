package config

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Listening is what a plugin has that waits for what others send: statsd and collectd.
type Listening struct {
	Address     string        // service_address; "": this plugin does not listen
	Aggregation time.Duration // metrics_aggregation_interval: over how long what comes is summed up; 0: not at all

	Separator string // statsd: metric_separator
	Pending   int    // statsd: allowed_pending_messages

	NamePrefix    string   // collectd: name_prefix
	SecurityLevel string   // collectd: collectd_security_level: none, sign or encrypt
	AuthFile      string   // collectd: collectd_auth_file
	TypesDB       []string // collectd: collectd_typesdb; nil: it is not said
}

// readListener reads statsd or collectd. collectd has no interval of its own: what came is looked at as often as it is
// summed up, and once a minute at least.
func readListener(name string, s section) Plugin {
	p := Plugin{Name: name, Place: s.node.at, DropOriginal: s.texts("drop_original_metrics")}
	p.Address = s.text("service_address")
	p.Aggregation = s.seconds("metrics_aggregation_interval")
	switch name {
	case "statsd":
		p.Interval = s.seconds("metrics_collection_interval")
		p.Separator = s.text("metric_separator")
		p.Pending = s.number("allowed_pending_messages")
	case "collectd":
		p.Interval = cmp.Or(min(p.Aggregation, time.Minute), 10*time.Second)
		p.NamePrefix = s.text("name_prefix")
		p.SecurityLevel = s.text("collectd_security_level")
		p.AuthFile = s.text("collectd_auth_file")
		p.TypesDB = s.texts("collectd_typesdb")
		p.AppendDimensions = readStaticDimensions(s.value("append_dimensions"))
	}
	return p
}

func (l *Listening) write(id *identity) {
	id.text("address", l.Address)
	id.text("aggregation", l.Aggregation.String())
	id.text("separator", l.Separator)
	id.text("pending", strconv.Itoa(l.Pending))
	id.text("prefix", l.NamePrefix)
	id.text("security", l.SecurityLevel)
	id.text("auth_file", l.AuthFile)
	id.texts("types", l.TypesDB)
}

// udpAddress refuses what is no address of UDP, and warns of one that others can reach.
func (r *reading) udpAddress(n *node) {
	scheme, address, ok := strings.Cut(n.text, "://")
	if !ok {
		scheme, address = "udp", n.text
	}
	if n.text != "" && !strings.Contains(n.text, "${") && !strings.HasPrefix(scheme, "udp") { // of those was told
		r.refuse(n, fmt.Sprintf("nothing listens by %q here", scheme), "it begins with udp://, or has nothing before the address")
		return
	}
	if r.listenAddress(n); n.kind == broken {
		return
	}
	host, port, err := net.SplitHostPort(strings.TrimSuffix(address, "/"))
	if ip := net.ParseIP(host); err == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		where := "on " + host
		if host == "" || ip != nil && ip.IsUnspecified() {
			where = "on all interfaces"
		}
		r.warn(n.at, fmt.Sprintf("listens %s: whoever reaches this port can send metrics, which you pay for", where),
			fmt.Sprintf("%q lets in this host alone; or close the port in the firewall", "127.0.0.1:"+port))
	}
}

// longestSocket is what fits into sun_path of unix(7), with a zero at the end.
const longestSocket = 107

// datagramAddress is the same, or unixgram:///path.
func (r *reading) datagramAddress(n *node) {
	path, ok := strings.CutPrefix(n.text, "unixgram://")
	switch {
	case !ok:
		r.udpAddress(n)
	case strings.Contains(path, "${"): // was told of
	case !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/"):
		r.refuse(n, fmt.Sprintf("must name a socket by its whole path, not %q", path), "such as unixgram:///run/statsd/statsd.sock")
	case len(path) > longestSocket:
		r.refuse(n, fmt.Sprintf("the path of a socket has %d bytes at most, and this one has %d", longestSocket, len(path)), "put it in a folder nearer to the root")
	}
}
