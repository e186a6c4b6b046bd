package listeners

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// maxSenders is how many connections there may be. One that is idle costs a descriptor and a few KiB.
	maxSenders = 256
	// maySend is how long a connection has been idle when it may be closed to make room for another. Clients of the format keep
	// theirs open, and lose what they write first after it was closed: none is closed without need.
	maySend = time.Minute
	// slowest is how long a document may take from its first byte to its last.
	slowest = 30 * time.Second
	// smallDocument is what a connection reads into at first; all that is above it comes out of largeBytes, of all together.
	smallDocument = 8 << 10
	largeBytes    = 16 << 20
)

// senders are the connections that are open.
type senders struct {
	mu         sync.Mutex
	all        map[*sender]struct{}
	turnedDown int64
	slow       int64
	large      int64 // bytes of buffers above smallDocument
	ended      bool
	work       sync.WaitGroup
}

// sender is one connection.
type sender struct {
	net.Conn
	of   *senders
	idle time.Time // since when no document is being read; zero: one is. Guarded by of.mu
	own  int64     // its part of senders.large
	over bool      // a document of it was refused for want of room: it is told, as soon as what it has sent by now is counted
}

// admit makes room for a connection if there is none and another one is idle; nil: there are too many.
func (s *senders) admit(c net.Conn) *sender {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil
	}
	if len(s.all) >= maxSenders {
		var longest *sender
		for o := range s.all {
			if !o.idle.IsZero() && (longest == nil || o.idle.Before(longest.idle)) {
				longest = o
			}
		}
		if longest == nil || time.Since(longest.idle) < maySend {
			s.turnedDown++
			return nil
		}
		delete(s.all, longest)
		_ = longest.Close()
	}
	if s.all == nil {
		s.all = map[*sender]struct{}{}
	}
	one := &sender{Conn: c, of: s, idle: time.Now()}
	s.all[one] = struct{}{}
	return one
}

func (s *senders) leave(one *sender) {
	_ = one.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, one)
	s.large -= one.own
	one.own = 0
}

func (s *senders) counts() (open int, turnedDown, slow int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all), s.turnedDown, s.slow
}

// end gives all senders a moment for what is on its way.
func (s *senders) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for one := range s.all {
		_ = one.SetReadDeadline(time.Now().Add(lastWords))
	}
}

func (s *senders) wasSlow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow++
}

func (s *senders) wait() { s.work.Wait() }

func (l *EMF) serveTCP(ctx context.Context, socket net.Listener) error {
	defer context.AfterFunc(ctx, func() { _ = socket.Close(); l.senders.end() })()
	defer socket.Close()
	for {
		c, err := socket.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = c.Close()
			}
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil { // no descriptor is left, perhaps
			if !pause(ctx, 100*time.Millisecond) {
				return nil
			}
			continue
		}
		one := l.senders.admit(c)
		if one == nil {
			_ = c.Close()
			continue
		}
		l.senders.work.Go(func() {
			defer l.senders.leave(one)
			l.hear(ctx, one)
		})
	}
}

// hear takes the documents of one connection, each ended by a line end; of the last one the connection's end is enough.
func (l *EMF) hear(ctx context.Context, from *sender) {
	buf, used, skipping := make([]byte, smallDocument), 0, false
	for {
		n, err := from.Read(buf[used:])
		start, searched := 0, used
		used += n
		for {
			end := bytes.IndexByte(buf[searched:used], '\n')
			if end < 0 {
				break
			}
			end += searched
			if !skipping && l.take(buf[start:end]) != nil && !from.over {
				from.over = true // the end of its connection is the only way to tell it
				_ = from.SetReadDeadline(time.Now().Add(lastWords))
			}
			start, searched, skipping = end+1, end+1, false
		}
		used = copy(buf, buf[start:used])
		if skipping {
			used = 0
		}
		if err != nil {
			l.goodbye(ctx, from, buf[:used], skipping, err)
			return
		}
		if used == len(buf) {
			var refused string
			if buf, refused = from.grow(buf); refused != "" {
				l.received.Add(1)
				l.refuse(refused)
				skipping, used = true, 0
			}
		}
		if used == 0 && !skipping {
			buf = from.shrink(buf)
		}
		from.reads(ctx, used > 0 || skipping, start > 0)
	}
}

// goodbye takes the last document of a connection, which needs no line end.
func (l *EMF) goodbye(ctx context.Context, from *sender, last []byte, skipping bool, err error) {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil && !from.over:
		l.senders.wasSlow()
		if !skipping { // else it is counted
			l.received.Add(1)
			l.refuse(refusedSlow)
		}
	default:
		_ = l.take(last) // a part of one is no JSON, and counted as that
	}
}

// reads notes whether a document is being read, and bounds how long that may take; anew: it has begun since this was said last.
func (s *sender) reads(ctx context.Context, begun, anew bool) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	switch {
	case ctx.Err() != nil || s.over: // what is left has a deadline of its own
	case !begun:
		s.idle = time.Now()
		_ = s.SetReadDeadline(time.Time{})
	case anew || !s.idle.IsZero():
		s.idle = time.Time{}
		_ = s.SetReadDeadline(time.Now().Add(slowest))
	}
}

// grow returns a larger buffer with the same content, or why there is none.
func (s *sender) grow(buf []byte) (bigger []byte, refused string) {
	if len(buf) > maxDocument {
		return buf, refusedSize
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	size := min(2*len(buf), maxDocument+2) // a line end of two bytes
	if len(buf) > maxDocument || s.of.large+int64(size-len(buf)) > largeBytes {
		return buf, refusedMemory
	}
	s.of.large += int64(size - len(buf))
	s.own += int64(size - len(buf))
	return append(make([]byte, 0, size), buf...)[:size], ""
}

// shrink gives back what was only needed for a large document.
func (s *sender) shrink(buf []byte) []byte {
	if len(buf) == smallDocument {
		return buf
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.large -= s.own
	s.own = 0
	return make([]byte, smallDocument)
}
