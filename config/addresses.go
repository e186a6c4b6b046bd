package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// listenAddress refuses what cannot be listened on: an address is [scheme://][host]:port.
func (r *reading) listenAddress(n *node) {
	scheme, address, ok := strings.Cut(n.text, "://")
	if !ok {
		scheme, address = "udp", n.text
	}
	if n.text == "" || strings.Contains(n.text, "${") || strings.HasPrefix(scheme, "unix") { // empty: the default; a variable was told of
		return
	}
	known := []string{"udp", "udp4", "udp6", "tcp", "tcp4", "tcp6"}
	if !slices.Contains(known, scheme) {
		r.refuse(n, fmt.Sprintf("nothing listens by %q", scheme), "it begins with udp:// or tcp://")
		return
	}
	_, port, err := net.SplitHostPort(strings.TrimSuffix(address, "/"))
	if number, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || number == 0 {
		r.refuse(n, fmt.Sprintf("must be an address with a port from 1 to 65535, not %q", n.text), "such as 127.0.0.1:8125 or udp://127.0.0.1:25826")
	}
}

// typesDB warns of a file that is not there.
func (r *reading) typesDB(n *node) {
	if r.options.exists != nil && !r.options.exists(n.text) {
		r.problems = append(r.problems, Suspicion(n.at, fmt.Sprintf("there is no file %s", n.text), "the types that come with collectd are known without it"))
	}
}

// collectdUsers warns if nobody can be known.
func (r *reading) collectdUsers(n *node) {
	file, at := "/etc/collectd/auth_file", n.at
	if said := n.child("collectd_auth_file"); said != nil && said.kind == text {
		file, at = said.text, said.at
	}
	level := n.child("collectd_security_level")
	if r.options.exists == nil || level != nil && level.text == "none" || strings.Contains(file, "${") || r.options.exists(file) {
		return
	}
	r.warn(at, fmt.Sprintf("there is no file %s, so that nobody can be known and all is refused", file), "a line user: password for each who may send; or collectd_security_level none")
}

// resourceAttributes refuses those that the original keeps for itself.
func (r *reading) resourceAttributes(n *node) {
	for _, m := range n.members {
		switch m.key {
		case "aws.log.group.name", "aws.log.stream.name", "aws.log.source":
			r.wrong(m.at, fmt.Sprintf("%q is reserved", m.key), "remove it")
		}
	}
}

// clusterName refuses what no cluster can be called. Versions of the original differ in what they take; a name of one's own
// making may hold dots, and that of EKS may be written as an ARN.
func (r *reading) clusterName(n *node) {
	if strings.Contains(n.text, "${") { // a variable was told of
		return
	}
	for _, c := range n.text {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_.:/", c) {
			r.refuse(n, fmt.Sprintf("no cluster has %q in its name", c), "it may hold letters, digits, - and _")
			return
		}
	}
}
