package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	emfGroup  = "torture/emf"
	emfStream = "documents"
	// askTime is how often the agent is asked how many documents it has accepted.
	askTime = 300 * time.Millisecond
	// letterTime is how long a document's way into the kernel may take.
	letterTime = 5 * time.Second
)

// sender is a program that sends numbered documents in the embedded metric format by TCP. The format has no acknowledgement:
// what was accepted is what the agent says of it. Documents of one connection are accepted in their order, so that a number of
// them is enough; therefore there is one connection to each process.
type sender struct {
	t       *torture
	address string
	random  *rand.Rand
	rate    float64 // documents a second

	mu   sync.Mutex
	sent int          // so many were written into connections, with the numbers 1 to sent; some went down with the agent
	kept map[int]bool // those of which the agent has said that it accepted them
}

func newSender(t *torture) (*sender, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("find a free port: %w", err)
	}
	address := free.Addr().String()
	return &sender{t: t, address: address, random: t.random(99), rate: float64(t.rate) / 20, kept: map[int]bool{}}, free.Close()
}

// section is the sender's part of the configuration.
func (s *sender) section() map[string]any {
	return map[string]any{"emf": map[string]any{"service_address": "tcp://" + s.address}}
}

// run sends to one process after the other until ctx is done.
func (s *sender) run(ctx context.Context) {
	for last := 0; pause(ctx, 20*time.Millisecond); {
		pid := s.t.agent.pid()
		if pid == 0 || pid == last {
			continue
		}
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			continue // it does not listen yet
		}
		if s.t.agent.pid() == pid { // else it may be the next one's
			last = pid
			s.serve(ctx, conn, pid)
		}
		_ = conn.Close()
	}
}

// serve sends to one process until it ends, or the end of ctx; then it waits until all is accepted.
func (s *sender) serve(ctx context.Context, conn net.Conn, pid int) {
	s.mu.Lock()
	before := s.sent
	s.mu.Unlock()
	began, asked := time.Now(), time.Now()
	var broken error
	for broken == nil && ctx.Err() == nil {
		broken = s.send(conn, before+1+int(time.Since(began).Seconds()*s.rate))
		if time.Since(asked) >= askTime {
			asked = time.Now()
			s.ask(pid, before)
		}
		pause(ctx, time.Duration(s.random.Int64N(int64(40*time.Millisecond))))
	}
	for ctx.Err() != nil && broken == nil && s.t.agent.pid() == pid && s.missing() > 0 && time.Since(asked) < letterTime {
		s.ask(pid, before)
	}
	if errors.Is(broken, errRefused) {
		s.t.blame("%v", broken)
	}
}

var errRefused = errors.New("the agent takes no document")

// send writes documents up to a number: several with one call or one with several, cut anywhere.
func (s *sender) send(conn net.Conn, upTo int) error {
	s.mu.Lock()
	var text strings.Builder
	for s.sent < upTo {
		s.sent++
		text.WriteString(s.content(s.sent) + "\n")
	}
	s.mu.Unlock()
	for rest := text.String(); rest != ""; {
		n := len(rest)
		if s.random.IntN(4) == 0 {
			n = 1 + s.random.IntN(n)
		}
		if err := conn.SetWriteDeadline(time.Now().Add(letterTime)); err != nil {
			return err
		}
		_, err := conn.Write([]byte(rest[:n]))
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return fmt.Errorf("%w for %s", errRefused, letterTime)
		}
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// ask has the agent tell how much of a connection it has accepted; before is the last number that went to another process.
func (s *sender) ask(pid, before int) {
	said, err := s.t.agent.status(context.Background())
	if err != nil || said.PID != pid || said.EMF == nil {
		return // it has been killed meanwhile
	}
	if len(said.EMF.Refused) > 0 {
		s.t.blame("documents were refused: %v", said.EMF.Refused)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if before+said.EMF.Accepted > s.sent {
		go s.t.blame("%d documents accepted, and only %d were sent", said.EMF.Accepted, s.sent-before)
	}
	for n := before + said.EMF.Accepted; n > before && !s.kept[n]; n-- {
		s.kept[n] = true
	}
}

// missing is how many documents are not known to be accepted.
func (s *sender) missing() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < s.sent && !s.kept[s.sent-n] {
		n++
	}
	return n
}

// content is a document; it follows from its number. Its length does, too, up to some tens of KiB.
func (s *sender) content(number int) string {
	draw := uint32(number) * 2654435761 >> 8 // well mixed (Knuth's multiplicative hashing)
	size := int(draw % 300)
	if draw%199 == 0 {
		size = int(draw % uint32(len(padding)))
	}
	return fmt.Sprintf(`{"log_group_name":%q,"log_stream_name":%q,"number":%d,"text":%q}`, emfGroup, emfStream, number, padding[:size])
}

// read finds the number of a document. False: it is none that was sent.
func (s *sender) read(message string) (number int, ok bool) {
	var d struct{ Number int }
	if json.Unmarshal([]byte(message), &d) != nil || d.Number < 1 {
		return 0, false
	}
	return d.Number, message == s.content(d.Number)
}

// result holds what is stored against what was accepted. What was not may have arrived or not, and kill -9 may repeat.
func (s *sender) result(h harvest) result {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := result{File: "emf", Stream: emfGroup + " " + emfStream, Events: len(s.kept), Lines: s.sent, records: h.records}
	seen := map[int]bool{}
	for _, e := range h.records {
		if e.number > s.sent {
			r.fault("document %d was stored, and only %d were sent", e.number, s.sent)
		}
		if seen[e.number] {
			r.Extra++
		}
		seen[e.number] = true
		r.Bytes += int64(e.bytes)
	}
	first := 0
	for n := range s.kept {
		if !seen[n] {
			r.Lost++
			first = max(first, n)
		}
	}
	if r.Lost > 0 {
		r.fault("%d documents are lost that had been accepted, such as %d", r.Lost, first)
	}
	r.findMangled(h)
	return r
}
