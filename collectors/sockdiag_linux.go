package collectors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"syscall"
)

// What is asked of sock_diag(7), and the sizes of what comes back (include/uapi/linux/{sock,inet,unix}_diag.h).
const (
	netlinkSockDiag  = 4
	sockDiagByFamily = 20
	tcpDiagGetSock   = 18 // of all families at once, as in the days before there was sockDiagByFamily

	tcpRequest  = 60 // struct inet_diag_req
	inetRequest = 56 // struct inet_diag_req_v2
	inetMessage = 72 // struct inet_diag_msg
	unixRequest = 24 // struct unix_diag_req
	unixMessage = 16 // struct unix_diag_msg
	showName    = 1  // UDIAG_SHOW_NAME
	nameKind    = 0  // UNIX_DIAG_NAME
)

// ask counts what the kernel lists. For TCP it goes through its whole table, which has hundreds of thousands of places on a
// large machine, however few are taken: once, and not for each family.
func (c *socketCounter) ask() error {
	if err := c.socket.open(); err != nil {
		return err
	}
	defer c.socket.close()
	if c.states != 0 {
		if err := c.socket.dump(tcpDiagGetSock, tcpQuestion(c.states), func(m []byte) {
			if ends, ok := endsOf(m); ok {
				c.tcp(ends)
			}
		}); err != nil {
			return fmt.Errorf("list TCP sockets: %w", err)
		}
	}
	for _, family := range []byte{syscall.AF_INET, syscall.AF_INET6} {
		if !c.udp {
			break
		}
		if err := c.socket.dump(sockDiagByFamily, udpQuestion(family), func(m []byte) {
			if ends, ok := endsOf(m); ok {
				c.datagram(ends)
			}
		}); err != nil {
			return fmt.Errorf("list UDP sockets: %w", err)
		}
	}
	if !c.unix {
		return nil
	}
	if err := c.socket.dump(sockDiagByFamily, unixQuestion(), func(m []byte) {
		if len(m) >= unixMessage {
			c.named(m[1], unixName(m[unixMessage:]))
		}
	}); err != nil {
		return fmt.Errorf("list Unix sockets: %w", err)
	}
	return nil
}

func tcpQuestion(states uint32) []byte {
	q := make([]byte, tcpRequest)
	binary.NativeEndian.PutUint32(q[52:], states)
	return q
}

func udpQuestion(family byte) []byte {
	q := make([]byte, inetRequest)
	q[0], q[1] = family, syscall.IPPROTO_UDP
	binary.NativeEndian.PutUint32(q[4:], ^uint32(0)) // all states
	return q
}

func unixQuestion() []byte {
	q := make([]byte, unixRequest)
	q[0] = syscall.AF_UNIX
	binary.NativeEndian.PutUint32(q[4:], ^uint32(0)) // all states
	binary.NativeEndian.PutUint32(q[12:], showName)
	return q
}

// mappedIPv4 is the third word of ::ffff:1.2.3.4.
var mappedIPv4 = binary.NativeEndian.Uint32([]byte{0, 0, 0xff, 0xff})

func endsOf(m []byte) (ends socketEnds, ok bool) {
	if len(m) < inetMessage {
		return ends, false
	}
	ends.kind = m[1]
	ends.localPort, ends.remotePort = binary.BigEndian.Uint16(m[4:]), binary.BigEndian.Uint16(m[6:])
	if m[0] == syscall.AF_INET {
		ends.local = [4]uint32{2: mappedIPv4, 3: binary.NativeEndian.Uint32(m[8:])}
		ends.remote = [4]uint32{2: mappedIPv4, 3: binary.NativeEndian.Uint32(m[24:])}
		return ends, true
	}
	for i := range 4 {
		ends.local[i] = binary.NativeEndian.Uint32(m[8+4*i:])
		ends.remote[i] = binary.NativeEndian.Uint32(m[24+4*i:])
	}
	return ends, true
}

// unixName finds the name among attributes, written as in /proc/net/unix: each NUL of an abstract name is an @.
func unixName(attributes []byte) []byte {
	for len(attributes) >= syscall.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < syscall.SizeofRtAttr || length > len(attributes) {
			return nil
		}
		if binary.NativeEndian.Uint16(attributes[2:]) == nameKind {
			name := attributes[syscall.SizeofRtAttr:length]
			if len(name) > 0 && name[0] != 0 {
				name = bytes.TrimSuffix(name, []byte{0})
			}
			for i := range name {
				if name[i] == 0 {
					name[i] = '@'
				}
			}
			return name
		}
		attributes = attributes[min(align4(length), len(attributes)):]
	}
	return nil
}

func align4(n int) int { return (n + 3) &^ 3 }

// sockDiag is a netlink socket to the kernel's list of sockets.
type sockDiag struct {
	fd       int
	sequence uint32
	room     []byte
}

// answerRoom is more than the kernel puts into one datagram (NLMSG_GOODSIZE, and 32 KiB where it can).
const answerRoom = 64 << 10

func (s *sockDiag) open() (err error) {
	if s.fd, err = syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, netlinkSockDiag); err != nil {
		return fmt.Errorf("ask the kernel for sockets: %w", err)
	}
	if s.room == nil {
		s.room = make([]byte, answerRoom)
	}
	// The kernel answers as it is read; should it not, the files will do.
	if err := syscall.SetsockoptTimeval(s.fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: 2}); err != nil {
		s.close()
		return fmt.Errorf("ask the kernel for sockets: %w", err)
	}
	return nil
}

func (s *sockDiag) close() { _ = syscall.Close(s.fd) } // nothing was written

// dump asks one question, of a kind, and visits each answer.
func (s *sockDiag) dump(kind uint16, question []byte, visit func([]byte)) error {
	s.sequence++
	request := make([]byte, syscall.SizeofNlMsghdr, syscall.SizeofNlMsghdr+tcpRequest)
	binary.NativeEndian.PutUint32(request, uint32(syscall.SizeofNlMsghdr+len(question)))
	binary.NativeEndian.PutUint16(request[4:], kind)
	binary.NativeEndian.PutUint16(request[6:], syscall.NLM_F_REQUEST|syscall.NLM_F_DUMP)
	binary.NativeEndian.PutUint32(request[8:], s.sequence)
	if err := syscall.Sendto(s.fd, append(request, question...), 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	for {
		n, err := again(func() (int, error) { return syscall.Read(s.fd, s.room) })
		if err != nil {
			return err
		}
		if done, err := eachMessage(s.room[:max(n, 0)], s.sequence, visit); done || err != nil {
			return err
		}
	}
}

// eachMessage visits the messages of one datagram, and tells whether it was the last.
func eachMessage(datagram []byte, sequence uint32, visit func([]byte)) (done bool, err error) {
	if len(datagram) < syscall.SizeofNlMsghdr {
		return false, syscall.EBADMSG
	}
	for len(datagram) >= syscall.SizeofNlMsghdr {
		length := int(binary.NativeEndian.Uint32(datagram))
		if length < syscall.SizeofNlMsghdr || length > len(datagram) {
			return false, syscall.EBADMSG
		}
		kind, body := binary.NativeEndian.Uint16(datagram[4:]), datagram[syscall.SizeofNlMsghdr:length]
		if binary.NativeEndian.Uint32(datagram[8:]) == sequence {
			switch kind {
			case syscall.NLMSG_ERROR, syscall.NLMSG_DONE:
				if len(body) >= 4 {
					if code := int32(binary.NativeEndian.Uint32(body)); code != 0 {
						return true, syscall.Errno(-code)
					}
				}
				return true, nil
			case sockDiagByFamily, tcpDiagGetSock:
				visit(body)
			}
		}
		datagram = datagram[min(align4(length), len(datagram)):]
	}
	return false, nil
}
