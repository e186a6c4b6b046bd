package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

func readAgent(s, ours section) Agent {
	return Agent{
		Interval:      s.seconds("metrics_collection_interval"),
		Region:        s.text("region"),
		Debug:         s.flag("debug"),
		LogFile:       s.text("logfile"),
		OmitHostname:  s.flag("omit_hostname"),
		Hostname:      s.text("hostname"),
		RoleARN:       s.section("credentials").text("role_arn"),
		RunAsUser:     s.text("run_as_user"),
		UserAgent:     s.text("user_agent"),
		DualStack:     s.flag("use_dualstack_endpoint"),
		StatusAddress: loopbackAddress(ours.text("status_address")),
	}
}

// loopback judges an address and port that only this host can reach. A name is refused: what it leads to is not for us to say.
func (r *reading) loopback(n *node) {
	example := "such as 127.0.0.1:4587"
	at, err := netip.ParseAddrPort(n.text)
	switch {
	case err != nil:
		if host, port, _ := strings.Cut(n.text, ":"); (host == "" || host == "localhost") && validPort(port) {
			example = fmt.Sprintf("write \"127.0.0.1:%s\"", port)
		}
		r.refuse(n, fmt.Sprintf("must be a loopback address and a port from 1 to 65535, not %q", n.text), example)
	case at.Port() == 0:
		r.refuse(n, "must have a port from 1 to 65535, not 0", "whoever asks has to know it")
	case !at.Addr().Unmap().IsLoopback() || at.Addr().Zone() != "":
		r.refuse(n, fmt.Sprintf("must be a loopback address, not %s", at.Addr()), "what it tells is for this host alone: 127.0.0.1 or [::1]")
	}
}

// loopbackAddress is one spelling of an address that loopback has accepted.
func loopbackAddress(written string) string {
	at, err := netip.ParseAddrPort(written)
	if err != nil {
		return ""
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()).String()
}

func validPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}

// headerValue judges what goes into a header of HTTP, where a line end would end the request.
func (r *reading) headerValue(n *node) {
	if i := strings.IndexFunc(n.text, func(c rune) bool { return c < ' ' || c > '~' }); i >= 0 {
		r.refuse(n, fmt.Sprintf("cannot hold %q: it is sent as it is, in the header of every request", n.text[i:i+1]), "letters, digits and signs of ASCII")
	}
}
