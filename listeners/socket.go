package listeners

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Sockets are those that are bound and that nobody listens on at the moment: a reload that changes what is done with the
// datagrams of an address does not let go of it, and they wait in the kernel meanwhile.
type Sockets struct {
	mu   sync.Mutex
	idle map[string]*socket
}

// Sweep closes the sockets that nobody has taken over.
func (s *Sockets) Sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for address, idle := range s.idle {
		idle.close()
		delete(s.idle, address)
	}
}

// open takes an idle socket over, or binds one.
func (s *Sockets) open(address string, pending int) (*socket, error) {
	s.mu.Lock()
	found := s.idle[address]
	delete(s.idle, address)
	s.mu.Unlock()
	if found == nil {
		conn, err := bind(address)
		if op, ok := errors.AsType[*net.OpError](err); ok {
			err = op.Err // it names the address once more
		}
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", address, err)
		}
		if found, err = newSocket(address, conn); err != nil {
			conn.Close()
			return nil, fmt.Errorf("listen on %s: %w", address, err)
		}
	}
	found.enlarge(pending * smallPacket)
	return found, nil
}

// keep makes a socket idle.
func (s *Sockets) keep(one *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle == nil {
		s.idle = map[string]*socket{}
	}
	if other := s.idle[one.address]; other != nil {
		other.close()
	}
	s.idle[one.address] = one
}

// smallPacket is about half of what the kernel charges a socket for a datagram of some hundred bytes; it doubles SO_RCVBUF.
const smallPacket = 512

// datagrams is a socket that receives them.
type datagrams interface {
	net.PacketConn
	syscall.Conn
	SetReadBuffer(bytes int) error
}

// bind listens on an address of config.Listening.
func bind(address string) (datagrams, error) {
	network, host, ok := strings.Cut(address, "://")
	if !ok {
		network, host = "udp", address
	}
	if network == "unixgram" {
		return bindUnix(host)
	}
	at, err := net.ResolveUDPAddr(network, strings.TrimSuffix(host, "/"))
	if err != nil {
		return nil, err
	}
	if at.IP.IsMulticast() {
		return net.ListenMulticastUDP(network, nil, at)
	}
	return net.ListenUDP(network, at)
}

// bindUnix listens on a socket in the file system, in the place of one that an earlier run has left. Who may send to it is
// for the folder that it is in to say.
func bindUnix(path string) (datagrams, error) {
	at := &net.UnixAddr{Name: path, Net: "unixgram"}
	conn, err := net.ListenUnixgram("unixgram", at)
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(path) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		conn, err = net.ListenUnixgram("unixgram", at)
	}
	if err != nil {
		return nil, err
	}
	if err := openToAll(path); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// openToAll lets everybody send to a socket. Whoever may write to its folder may have put a link in its place meanwhile: what
// that leads to elsewhere is left as it is.
func openToAll(path string) error {
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Chmod(filepath.Base(path), 0o666)
}

// abandoned tells whether a path is a socket that nobody listens on.
func abandoned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	conn, err := net.Dial("unixgram", path)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// socket receives datagrams, many at a time where the system has a call for it.
type socket struct {
	address string
	conn    datagrams
	drops
	*inbox
}

// drops asks the kernel how many datagrams it had no room for.
type drops struct {
	raw  syscall.RawConn
	lost uint32 // what it had dropped when it was last asked
}

func newSocket(address string, conn datagrams) (*socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &socket{address: address, conn: conn, drops: drops{raw: raw}, inbox: newInbox()}, nil
}

// close lets go of the address.
func (s *socket) close() {
	s.conn.Close()
	if path, ok := strings.CutPrefix(s.address, "unixgram://"); ok {
		os.Remove(path) // else the next one does it
	}
}

// receive gives datagrams to take until ctx is done, and then those that have arrived by then. They come as many together as were
// there; of one that is not whole the beginning.
func (s *socket) receive(ctx context.Context, take func(packets func(yield func(packet []byte, whole bool) bool))) error {
	if err := s.conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { s.conn.SetReadDeadline(time.Unix(1, 0)) })()
	for ctx.Err() == nil {
		n, err := s.wait(s)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if n > 0 {
			take(s.packets(n))
		}
	}
	for range drained { // it may never be empty
		n := s.rest(s)
		if n == 0 {
			break
		}
		take(s.packets(n))
	}
	return nil
}

// drained is how many times an inbox is emptied at the end.
const drained = 1000
