package listeners

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// writer remembers what was written.
type writer struct {
	mu  sync.Mutex
	all []string
	err error
}

func (w *writer) Write(s cloudwatch.LogStream, _ time.Time, event []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.all = append(w.all, s.Group+" "+string(event[:min(len(event), 60)]))
	return nil
}

func (w *writer) fails(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

func (w *writer) got() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.all)
}

// ear is a listener without a socket, in a bubble.
type ear struct {
	*testing.T
	*EMF
	to     *writer
	ctx    context.Context
	cancel context.CancelFunc
}

func inBubble(t *testing.T, test func(e *ear)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		to := &writer{}
		e := &ear{t, NewEMF(config.EMF{}, to, zap.NewNop()), to, ctx, cancel}
		context.AfterFunc(ctx, e.senders.end)
		test(e)
		cancel()
		e.senders.wait()
	})
}

// connect is a connection to the listener; nil: it was turned down.
func (e *ear) connect() net.Conn {
	theirs, ours := net.Pipe()
	one := e.senders.admit(ours)
	if one == nil {
		_ = ours.Close()
		return nil
	}
	e.senders.work.Go(func() {
		defer e.senders.leave(one)
		e.hear(e.ctx, one)
	})
	return theirs
}

func (e *ear) send(c net.Conn, text string) {
	e.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		e.Errorf("send: %v", err)
	}
	synctest.Wait()
}

func (e *ear) want(all ...string) {
	e.Helper()
	synctest.Wait()
	if got := e.to.got(); !slices.Equal(got, all) {
		e.Errorf("got %q, want %q", got, all)
	}
}

func (e *ear) refusals(want string) {
	e.Helper()
	synctest.Wait()
	if got := fmt.Sprint(e.Counts().Refused); got != "map["+want+"]" {
		e.Errorf("got %s, want %s", got, want)
	}
}

func doc(n int) string { return fmt.Sprintf(`{"log_group_name":"g","n":%d}`, n) }

func TestDocumentsComeInWholeHoweverTheyAreCut(t *testing.T) {
	inBubble(t, func(e *ear) {
		c := e.connect()
		for _, part := range []string{doc(1)[:5], doc(1)[5:] + "\n" + doc(2) + "\r\n\n\n" + doc(3)[:1], doc(3)[1:], "\n", doc(4)} {
			e.send(c, part)
		}
		e.want("g "+doc(1), "g "+doc(2), "g "+doc(3))
		_ = c.Close()
		e.want("g "+doc(1), "g "+doc(2), "g "+doc(3), "g "+doc(4))
		if n := e.Counts(); n.Received != 4 || n.Accepted != 4 || n.Senders != 0 {
			e.Errorf("got %+v", n)
		}
	})
}

// The original takes a datagram apart at its line ends; a document with line ends in it is taken as well.
func TestDatagramHoldsADocumentOrOneOnEachLine(t *testing.T) {
	inBubble(t, func(e *ear) {
		e.takeDatagram([]byte(doc(1) + "\n" + doc(2) + "\r\n\n"))
		e.takeDatagram([]byte(strings.ReplaceAll(doc(3), ",", ",\n")))
		e.takeDatagram([]byte(doc(4)))
		e.takeDatagram(nil)
		e.want("g "+doc(1), "g "+doc(2), "g "+doc(3), "g "+doc(4))
		if n := e.Counts(); n.Received != 4 {
			e.Errorf("got %+v", n)
		}
	})
}

func TestDocumentOfASenderThatBreaksOffIsCounted(t *testing.T) {
	inBubble(t, func(e *ear) {
		e.goodbye(e.ctx, &sender{}, []byte(doc(1)), false, syscall.ECONNRESET)
		e.goodbye(e.ctx, &sender{}, []byte(doc(2)[:9]), false, syscall.ECONNRESET)
		e.want("g " + doc(1))
		e.refusals("not_json:1")
	})
}

func TestDocumentThatIsTooLargeIsRefusedAndTheNextOneIsTaken(t *testing.T) {
	inBubble(t, func(e *ear) {
		c := e.connect()
		large := func(n int) string { return `{"log_group_name":"g","x":"` + strings.Repeat("x", n) + `"}` }
		e.send(c, large(3_000_000)+"\n"+doc(1)+"\n")
		e.want("g " + doc(1))
		e.refusals("too_large:1")
		e.send(c, large(maxDocument-100)+"\n"+doc(2)+"\n")
		if got := e.to.got(); len(got) != 3 || got[2] != "g "+doc(2) {
			e.Errorf("got %d: %q", len(got), got)
		}
		if e.senders.large != 0 {
			e.Errorf("%d bytes are not given back", e.senders.large)
		}
		_ = c.Close()
		synctest.Wait()
		_ = e.take([]byte(large(maxDocument)))
		e.refusals("too_large:2")
	})
}

func TestLargeDocumentsShareTheirMemory(t *testing.T) {
	inBubble(t, func(e *ear) {
		var all []net.Conn
		for range 40 {
			c := e.connect()
			all = append(all, c)
			e.send(c, `{"a":"`+strings.Repeat("x", 900_000))
		}
		if e.senders.large > largeBytes || e.Counts().Refused[refusedMemory] == 0 {
			e.Errorf("%d bytes, %v", e.senders.large, e.Counts().Refused)
		}
		for _, c := range all {
			_ = c.Close()
		}
		synctest.Wait()
		if e.senders.large != 0 {
			e.Errorf("%d bytes are not given back", e.senders.large)
		}
	})
}

func TestSenderThatIsSlowIsClosedAndOneThatIsIdleIsNot(t *testing.T) {
	inBubble(t, func(e *ear) {
		slow, idle, steady := e.connect(), e.connect(), e.connect()
		e.send(idle, doc(1)+"\n")
		e.send(slow, doc(2)[:3])
		for n := range 100 { // each read ends within a document
			e.send(steady, doc(n)[3*min(n, 1):]+"\n"+doc(n + 1)[:3])
			time.Sleep(time.Second)
		}
		if _, err := slow.Read(make([]byte, 1)); err != io.EOF {
			e.Errorf("the slow one: %v", err)
		}
		e.send(idle, doc(3)+"\n")
		if n := e.Counts(); n.ClosedSlow != 1 || n.Accepted != 102 || n.Refused[refusedSlow] != 1 {
			e.Errorf("got %+v", n)
		}
		_, _ = idle.Close(), steady.Close()
	})
}

func TestConnectionsAreBoundedAndTheIdleMakeRoom(t *testing.T) {
	inBubble(t, func(e *ear) {
		var all []net.Conn
		for range maxSenders {
			all = append(all, e.connect())
		}
		if e.connect() != nil || e.Counts().TurnedDown != 1 {
			e.Errorf("got %+v", e.Counts())
		}
		time.Sleep(2 * maySend)
		for _, c := range all[1:] {
			e.send(c, doc(1)+"\n")
		}
		c := e.connect()
		if c == nil {
			e.Fatal("no room was made")
		}
		if _, err := all[0].Read(make([]byte, 1)); err != io.EOF {
			e.Errorf("the idle one: %v", err)
		}
		if n := e.Counts(); n.Senders != maxSenders {
			e.Errorf("got %+v", n)
		}
		for _, c := range append(all, c) {
			_ = c.Close()
		}
	})
}

func TestSenderIsToldThatThereIsNoRoom(t *testing.T) {
	inBubble(t, func(e *ear) {
		c := e.connect()
		e.to.fails(ErrManyStreams)
		e.send(c, doc(1)+"\n")
		e.to.fails(ErrEventsFull)
		e.send(c, doc(2)+"\n")
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			e.Errorf("got %v", err)
		}
		e.to.fails(errors.New("disk"))
		_ = e.take([]byte(doc(3)))
		e.refusals("disk:1 many_streams:1 spool_full:1")
		if n := e.Counts(); n.Received != 3 || n.Accepted != 0 || n.ClosedSlow != 0 {
			e.Errorf("got %+v", n)
		}
	})
}

func TestWhatComesBeforeTheSenderIsToldIsCounted(t *testing.T) {
	inBubble(t, func(e *ear) {
		c := e.connect()
		e.to.fails(ErrEventsFull)
		e.send(c, doc(1)+"\n"+doc(2)+"\n"+doc(3)[:4])
		e.send(c, doc(3)[4:]+"\n")
		e.refusals("spool_full:3")
		e.to.fails(nil)
		e.send(c, doc(4)+"\n"+doc(5)[:4])
		time.Sleep(2 * lastWords)
		e.want("g " + doc(4))
		e.refusals("not_json:1 spool_full:3")
		if _, err := c.Write([]byte(doc(6))); err == nil {
			e.Error("the sender is not told")
		}
		if n := e.Counts(); n.Received != 5 || n.ClosedSlow != 0 || n.Senders != 0 {
			e.Errorf("got %+v", n)
		}
	})
}

func TestWhatHasArrivedIsTakenWhenTheListenerEnds(t *testing.T) {
	inBubble(t, func(e *ear) {
		c, quiet := e.connect(), e.connect()
		e.send(c, doc(1)[:9])
		e.cancel()
		synctest.Wait()
		e.send(c, doc(1)[9:]+"\n"+doc(2))
		time.Sleep(2 * lastWords)
		e.want("g "+doc(1), "g "+doc(2))
		if _, err := quiet.Read(make([]byte, 1)); err != io.EOF {
			e.Errorf("got %v", err)
		}
		if e.connect() != nil {
			e.Error("a new connection was taken")
		}
	})
}

// The real sockets: a busy port is tried again, UDP and TCP come in, and nobody is left behind.
func TestListenerOnRealSockets(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := busy.Addr().String()
	to := &writer{}
	l := NewEMF(config.EMF{Addresses: []config.EMFAddress{{Network: "tcp", Address: addr}, {Network: "udp", Address: addr}}}, to, zap.NewNop())
	ctx, cancel := context.WithCancel(t.Context())
	tried, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		l.Listen(ctx, func() { close(tried) })
	}()
	<-tried
	if s := l.Counts().Sockets; s[0].Err == nil || s[0].Since.IsZero() || s[1].Err != nil {
		t.Errorf("got %+v", s)
	}
	_ = busy.Close()
	until := func(what string, holds func() bool) {
		t.Helper()
		look := time.NewTicker(20 * time.Millisecond)
		defer look.Stop()
		limit := time.After(time.Minute)
		for !holds() {
			select {
			case <-look.C:
			case <-limit:
				t.Fatalf("never happened: %s", what)
			}
		}
	}
	until("the port is taken", func() bool { return l.Counts().Sockets[0].Err == nil })
	for n, network := range []string{"tcp", "udp"} {
		c, err := net.Dial(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, doc(n))
		_ = c.Close()
	}
	until("both documents", func() bool { return len(to.got()) == 2 })
	cancel()
	<-ended
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Errorf("the port is not given back: %v", err)
	} else {
		_ = again.Close()
	}
}
