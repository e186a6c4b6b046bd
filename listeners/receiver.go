package listeners

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"

	"github.com/nephoscope/nephoscope/config"
)

// receiver is what all listeners have: a socket, and what is summed up of what it brings.
type receiver struct {
	plugin  config.Plugin
	sockets *Sockets
	socket  atomic.Pointer[socket] // nil: none is open
	packet  func([]byte)           // is called with mu held; the bytes are good until it returns

	mu sync.Mutex
	counts
	catalogue *catalogue
}

func newReceiver(p config.Plugin, sockets *Sockets, packet func([]byte)) receiver {
	return receiver{plugin: p, sockets: sockets, catalogue: newCatalogue(p), packet: packet}
}

// pending is how many packets of a plugin may wait that does not say it.
const pending = 10_000

// Open binds the address.
func (r *receiver) Open() error {
	if r.socket.Load() != nil {
		return nil
	}
	opened, err := r.sockets.open(r.plugin.Address, cmp.Or(r.plugin.Pending, pending))
	if err == nil {
		r.socket.Store(opened)
	}
	return err
}

// Listen receives until ctx is done; the socket is then left to whoever listens next.
func (r *receiver) Listen(ctx context.Context) error {
	if err := r.Open(); err != nil {
		return err
	}
	opened := r.socket.Load()
	err := opened.receive(ctx, r.take)
	r.mu.Lock()
	r.drop(Kernel, opened.dropped())
	r.socket.Store(nil)
	r.mu.Unlock()
	if err != nil {
		opened.close()
		return err
	}
	r.sockets.keep(opened)
	return nil
}

// take sums up datagrams that came together.
func (r *receiver) take(packets func(yield func(packet []byte, whole bool) bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for packet, whole := range packets {
		r.Received++
		if !whole {
			r.drop(TooLong, 1)
			continue
		}
		r.packet(packet)
	}
}

// Counts is what became of all that was sent.
func (r *receiver) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	if opened := r.socket.Load(); opened != nil {
		r.drop(Kernel, opened.dropped())
	}
	r.Series = len(r.catalogue.same)
	return r.copy()
}
