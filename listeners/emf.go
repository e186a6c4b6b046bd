package listeners

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// DefaultEMFGroup is the log group of documents that name none, as for the original.
const DefaultEMFGroup = "emf/logs/default"

const (
	// lastWords is how long documents are still read that have arrived when the listener is told to end.
	lastWords = 200 * time.Millisecond
	// rebindFirst and rebindMost are how long to wait before an address is tried again that could not be listened on.
	rebindFirst, rebindMost = time.Second, 30 * time.Second
	// socketBytes is how much the kernel is asked to hold of what comes by UDP; it may give less.
	socketBytes = 4 << 20
)

// EMF listens for documents in the embedded metric format, by TCP (each on a line) and UDP (each in a datagram), and writes them
// where events wait to be delivered. CloudWatch makes metrics of them.
type EMF struct {
	addresses []config.EMFAddress
	events    EventWriter
	log       *zap.Logger
	senders   senders

	received, accepted, bytes, stale atomic.Int64

	mu      sync.Mutex
	refused map[string]int64
	sockets []EMFSocket
	drops   map[net.PacketConn]*drops // of those that are open
	dropped int64                     // datagrams, by the kernel
}

// EMFSocket is an address, and how listening on it goes.
type EMFSocket struct {
	Network, Address string
	Err              error     // why nobody can be heard there; nil: they can, or it is being tried
	Since            time.Time // of Err
}

// EMFCounts is what has come in, since the listener was made.
type EMFCounts struct {
	Received int64            // documents
	Accepted int64            // … of which these are on their way
	Bytes    int64            // of those that were accepted
	Stale    int64            // accepted, but of a time that CloudWatch takes no metrics of
	Refused  map[string]int64 // by reason
	Dropped  int64            // datagrams that the kernel had no room for, as far as the system tells; nobody knows what was in them
	Senders  int              // connections now
	TurnedDown,
	ClosedSlow int64 // connections: there were too many; or a document did not end
	Sockets []EMFSocket
}

// NewEMF makes a listener that does not listen yet.
func NewEMF(c config.EMF, to EventWriter, log *zap.Logger) *EMF {
	l := &EMF{addresses: c.Addresses, events: to, log: log, refused: map[string]int64{}, drops: map[net.PacketConn]*drops{}}
	for _, a := range c.Addresses {
		l.sockets = append(l.sockets, EMFSocket{Network: a.Network, Address: a.Address})
	}
	return l
}

// Listen listens until ctx is done. An address that is taken is tried again and again; it holds up nobody else. tried is called
// when each has been tried once.
func (l *EMF) Listen(ctx context.Context, tried func()) {
	var all, first sync.WaitGroup
	first.Add(len(l.addresses))
	for i, a := range l.addresses {
		once := sync.OnceFunc(first.Done)
		all.Go(func() {
			defer once()
			l.keepListening(ctx, i, a, once)
		})
	}
	first.Wait()
	tried()
	all.Wait()
	l.senders.wait()
}

// keepListening binds an address and serves it; when that cannot be done it waits and tries again.
func (l *EMF) keepListening(ctx context.Context, i int, a config.EMFAddress, tried func()) {
	wait := rebindFirst
	for ctx.Err() == nil {
		serve, err := l.bind(ctx, a)
		l.note(i, err)
		tried()
		if err == nil {
			wait = rebindFirst
			err = serve(ctx)
			if ctx.Err() != nil {
				return
			}
			l.note(i, err)
		}
		again := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			again.Stop()
			return
		case <-again.C:
		}
		wait = min(2*wait, rebindMost)
	}
}

// bind takes an address; serve reads what comes until ctx is done, and then what has come already.
func (l *EMF) bind(ctx context.Context, a config.EMFAddress) (serve func(context.Context) error, err error) {
	var c net.ListenConfig
	if a.Network[:3] == "tcp" {
		socket, err := c.Listen(ctx, a.Network, a.Address)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) error { return l.serveTCP(ctx, socket) }, nil
	}
	socket, err := c.ListenPacket(ctx, a.Network, a.Address)
	if err != nil {
		return nil, err
	}
	if u, ok := socket.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(socketBytes) // as much as the system allows
		if raw, err := u.SyscallConn(); err == nil {
			l.mu.Lock()
			l.drops[socket] = &drops{raw: raw}
			l.mu.Unlock()
		}
	}
	return func(ctx context.Context) error { return l.serveUDP(ctx, socket) }, nil
}

// note remembers how listening on an address goes, and says so when that changes.
func (l *EMF) note(i int, err error) {
	l.mu.Lock()
	s := &l.sockets[i]
	before := s.Err
	switch {
	case err == nil:
		s.Err, s.Since = nil, time.Time{}
	case before == nil:
		s.Err, s.Since = err, time.Now()
	default:
		s.Err = err
	}
	where := zap.String("address", s.Network+"://"+s.Address)
	l.mu.Unlock()
	switch {
	case err != nil && (before == nil || before.Error() != err.Error()):
		l.log.Error("emf: nobody can be heard at this address; trying again, everything else goes on", where, zap.Error(err))
	case err == nil:
		l.log.Info("emf: listening", where)
	}
}

func (l *EMF) serveUDP(ctx context.Context, socket net.PacketConn) error {
	defer socket.Close()
	defer l.countDrops(socket)
	defer context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Now().Add(lastWords)) })()
	buf := make([]byte, 64<<10) // no datagram is larger
	for {
		n, _, err := socket.ReadFrom(buf)
		if n > 0 {
			l.takeDatagram(buf[:n])
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("read datagram: %w", err)
		default: // an answer to nothing of ours, such as of a port that nobody listens on
			if !pause(ctx, time.Millisecond) {
				return nil
			}
		}
	}
}

// takeDatagram takes a document that may have line ends in it, or several, each on a line as by TCP. There is nobody to tell
// what became of them.
func (l *EMF) takeDatagram(raw []byte) {
	if raw = bytes.TrimSpace(raw); bytes.IndexByte(raw, '\n') < 0 || json.Valid(raw) {
		_ = l.take(raw)
		return
	}
	for line := range bytes.Lines(raw) {
		_ = l.take(line)
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// take judges a document and writes it where events wait. The error is that there is no room for it, or none at all for any.
func (l *EMF) take(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil
	}
	l.received.Add(1)
	if len(raw) > maxDocument {
		l.refuse(refusedSize)
		return nil
	}
	now := time.Now()
	d, refused := parseEMF(raw, now)
	if refused != "" {
		l.refuse(refused)
		return nil
	}
	line, err := oneLine(raw)
	if err != nil {
		l.refuse(refusedJSON)
		return nil
	}
	if d.at.IsZero() {
		d.at = now
	}
	if d.group == "" {
		d.group = DefaultEMFGroup
	}
	err = l.events.Write(cloudwatch.LogStream{Group: d.group, Name: d.stream, RetentionDays: -1}, d.at, line)
	switch {
	case err == nil:
		l.accepted.Add(1)
		l.bytes.Add(int64(len(line)))
		if d.stale {
			l.stale.Add(1)
		}
	case errors.Is(err, ErrEventsFull):
		l.refuse(refusedFull)
	case errors.Is(err, ErrManyStreams):
		l.refuse(refusedStreams)
		return nil // others may come
	default:
		l.refuse(refusedDisk)
	}
	return err
}

func (l *EMF) refuse(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused[reason]++
}

// countDrops asks for the last time what the kernel had no room for.
func (l *EMF) countDrops(socket net.PacketConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.drops[socket]; d != nil {
		l.dropped += d.dropped()
		delete(l.drops, socket)
	}
}

// Counts tells what has come in.
func (l *EMF) Counts() EMFCounts {
	c := EMFCounts{Received: l.received.Load(), Accepted: l.accepted.Load(), Bytes: l.bytes.Load(), Stale: l.stale.Load()}
	c.Senders, c.TurnedDown, c.ClosedSlow = l.senders.counts()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.drops {
		l.dropped += d.dropped()
	}
	c.Dropped = l.dropped
	c.Refused, c.Sockets = maps.Clone(l.refused), append(c.Sockets, l.sockets...)
	return c
}
