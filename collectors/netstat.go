package collectors

import "github.com/nephoscope/nephoscope/cloudwatch"

// The states of a TCP socket (include/net/tcp_states.h), which are the same in /proc/net/tcp and in the kernel's answers.
const (
	tcpEstablished = iota + 1
	tcpSynSent
	tcpSynRecv
	tcpFinWait1
	tcpFinWait2
	tcpTimeWait
	tcpClose
	tcpCloseWait
	tcpLastAck
	tcpListen
	tcpClosing
	tcpStates // one more than there are
)

// socketCounts is how many sockets there are, as the original counts them: sockets with the same ends and state are one, and
// so are Unix sockets of one kind and name; all that have none are one.
type socketCounts struct {
	tcp          [tcpStates]int
	udp          int
	unixDatagram int
	unixOther    int // stream and sequential packets
}

// netstatTable: the original counts Unix sockets as well, datagram sockets as UDP and the others as TCP without a state.
var netstatTable = []row[socketCounts]{
	{"tcp_close", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.tcp[tcpClose]) }},
	{"tcp_close_wait", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.tcp[tcpCloseWait]) }},
	{"tcp_closing", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.tcp[tcpClosing]) }},
	{"tcp_established", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.tcp[tcpEstablished]) }},
	{"tcp_fin_wait1", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.tcp[tcpFinWait1]) }},
	{"tcp_fin_wait2", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.tcp[tcpFinWait2]) }},
	{"tcp_last_ack", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.tcp[tcpLastAck]) }},
	{"tcp_listen", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.tcp[tcpListen]) }},
	{"tcp_none", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.unixOther) }},
	{"tcp_syn_recv", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.tcp[tcpSynRecv]) }},
	{"tcp_syn_sent", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.tcp[tcpSynSent]) }},
	{"tcp_time_wait", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.tcp[tcpTimeWait]) }},
	{"udp_socket", cloudwatch.Count, func(s *socketCounts) float64 { return float64(s.udp + s.unixDatagram) }},
}
