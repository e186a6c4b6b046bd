package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// EMF is metrics_collected.emf of the section logs: where documents in the embedded metric format are listened for.
type EMF struct {
	Addresses []EMFAddress
	Place     Place
}

// EMFAddress is an address as package net takes it.
type EMFAddress struct {
	Network string // tcp, udp, tcp4, …
	Address string // host:port; without a host: all interfaces
}

// defaultEMF is where the format's clients send to unless they are told otherwise; the original listens to other hosts too.
const defaultEMF = "127.0.0.1:25888"

// readEMF reads emf, or structuredlog, which it was called once; nil: neither is there.
func readEMF(collected section) *EMF {
	s := collected.section("emf")
	if !s.there() {
		s = collected.section("structuredlog")
	}
	if !s.there() {
		return nil
	}
	all, _ := emfAddresses(s.text("service_address"))
	return &EMF{Addresses: all, Place: s.node.at}
}

// emfAddresses takes an address apart: [tcp://|udp://][host]:port; tcp:host:port is the same, as older configurations have it.
func emfAddresses(written string) (all []EMFAddress, ok bool) {
	networks, address := []string{"tcp", "udp"}, written
	if written == "" {
		address = defaultEMF
	}
	if scheme, rest, found := strings.Cut(written, ":"); found && slices.Contains([]string{"tcp", "tcp4", "tcp6", "udp", "udp4", "udp6"}, scheme) {
		networks, address = []string{scheme}, strings.TrimSuffix(strings.TrimPrefix(rest, "//"), "/")
	}
	_, port, err := net.SplitHostPort(address)
	if number, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || number == 0 {
		return nil, false
	}
	for _, n := range networks {
		all = append(all, EMFAddress{n, address})
	}
	return all, true
}

// emfAddress refuses what cannot be listened on, and warns of what other hosts can reach: whoever sends decides on metrics that
// somebody pays for.
func (r *reading) emfAddress(n *node) {
	if strings.Contains(n.text, "${") { // a variable that is not set was told of
		return
	}
	if scheme, _, found := strings.Cut(n.text, "://"); found && !slices.Contains([]string{"tcp", "tcp4", "tcp6", "udp", "udp4", "udp6"}, scheme) {
		r.refuse(n, fmt.Sprintf("nothing listens by %q", scheme), "it begins with tcp:// or udp://, or has nothing before the address")
		return
	}
	all, ok := emfAddresses(n.text)
	if !ok {
		r.refuse(n, fmt.Sprintf("must be an address with a port from 1 to 65535, not %q", n.text), "such as 127.0.0.1:25888 or tcp://127.0.0.1:25888")
		return
	}
	host, port, _ := net.SplitHostPort(all[0].Address)
	ip := net.ParseIP(host)
	switch {
	case host == "localhost" || ip != nil && ip.IsLoopback():
	case host == "" || ip != nil && ip.IsUnspecified():
		r.warn(n.at, "listens on all interfaces: whoever reaches this port decides on log groups and metrics that you pay for",
			fmt.Sprintf("%q lets in this host alone; or close the port in the firewall", "127.0.0.1:"+port))
	default:
		r.warn(n.at, fmt.Sprintf("listens on %s: whoever reaches this port decides on log groups and metrics that you pay for", host),
			fmt.Sprintf("%q lets in this host alone; or close the port in the firewall", "127.0.0.1:"+port))
	}
}
