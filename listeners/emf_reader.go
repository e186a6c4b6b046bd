package listeners

import (
	"bufio"
	"errors"
	"io"
)

// Read takes documents of a program that the agent has started, each on a line, until from ends: they are judged, counted and
// written down as those that come by a socket. The pipe is the queue: who writes faster than documents are taken waits. What
// there is no room for is refused and counted.
func (l *EMF) Read(from io.Reader) error {
	lines := bufio.NewReaderSize(from, 64<<10)
	var long []byte // a document that is longer than the buffer
	skipping := false
	for {
		part, err := lines.ReadSlice('\n')
		cut := errors.Is(err, bufio.ErrBufferFull)
		switch {
		case skipping: // the rest of one that is too large, and counted
		case len(long)+len(part) > maxDocument+2: // a line end of two bytes
			l.received.Add(1)
			l.refuse(refusedSize)
			long, skipping = nil, true
		case cut:
			long = append(long, part...)
		case long != nil:
			_ = l.take(append(long, part...)) // it is counted
			long = nil
		default:
			_ = l.take(part) // the same
		}
		switch {
		case err == nil:
			skipping = false
		case errors.Is(err, io.EOF):
			return nil
		case !cut:
			return err
		}
	}
}
