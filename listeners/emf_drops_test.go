package listeners

import (
	"context"
	"net"
	"runtime"
	"slices"
	"testing"

	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// What the kernel has no room for is counted, also after the socket is closed.
func TestDatagramsThatTheKernelDropsAreCounted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells how much it drops")
	}
	l := NewEMF(config.EMF{}, &writer{}, zap.NewNop())
	serve, err := l.bind(t.Context(), config.EMFAddress{Network: "udp", Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	var address string
	for socket := range l.drops {
		address = socket.LocalAddr().String()
		if err := socket.(*net.UDPConn).SetReadBuffer(1); err != nil { // the least there is
			t.Fatal(err)
		}
	}
	const sent = 1000
	send(t, "udp", address, slices.Repeat([]string{"no document"}, sent)...)
	dropped := l.Counts().Dropped
	if dropped < sent/2 {
		t.Errorf("%d of %d are dropped, with room for a few", dropped, sent)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := serve(over); err != nil {
		t.Fatal(err)
	}
	if c := l.Counts(); c.Dropped != dropped || c.Dropped+c.Received != sent || len(l.drops) != 0 {
		t.Errorf("%d dropped, %d received, %d sent", c.Dropped, c.Received, sent)
	}
}
