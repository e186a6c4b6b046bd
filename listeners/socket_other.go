//go:build !linux

package listeners

// longest is more than any datagram of UDP.
const longest = 64 << 10

// inbox is room for one datagram: this system has no call for several.
type inbox struct {
	room   []byte
	length int
}

func newInbox() *inbox { return &inbox{room: make([]byte, longest+1)} }

// wait waits for a datagram.
func (in *inbox) wait(s *socket) (n int, err error) {
	if in.length, _, err = s.conn.ReadFrom(in.room); err != nil {
		return 0, err
	}
	return 1, nil
}

// rest cannot tell without waiting.
func (in *inbox) rest(*socket) int { return 0 }

// packets are those that the last call received.
func (in *inbox) packets(int) func(yield func(packet []byte, whole bool) bool) {
	return func(yield func([]byte, bool) bool) {
		yield(in.room[:min(in.length, longest)], in.length <= longest)
	}
}

func (s *socket) enlarge(bytes int) { s.conn.SetReadBuffer(bytes) }

// dropped is not known: this system does not tell of a single socket.
func (s *drops) dropped() int64 { return 0 }
