//go:build vm

package vmtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
)

// A disk is what real ones are: it acknowledges a write when it is in a cache that needs power, and keeps it from the next
// flush on. It speaks NBD to the virtual machine, and is the reason that a cut of the power costs all that nobody has synced:
// a file behind qemu would keep everything that the guest's kernel had handed over, in whatever order.
type disk struct {
	socket string

	mu       sync.Mutex
	stable   []byte
	volatile map[int64][]byte // by sector
	off      bool             // there is no power
	alarm    *alarm

	flushes, lostSectors, keptSectors int
}

const sector = 512

// A moment is what the disk is doing.
type moment string

const (
	written  moment = "a write was acknowledged, and nothing is flushed yet"
	flushing moment = "a flush was asked for"
	flushed  moment = "a flush is done, and nobody was told"
)

// An alarm strikes when a moment has come so many times.
type alarm struct {
	at     moment
	after  int
	strike func() // takes the power away
	struck chan struct{}
}

// newDisk serves the content of a file, which it leaves as it is.
func newDisk(t *testing.T, image, socket string) *disk {
	t.Helper()
	content, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	d := &disk{socket: socket, stable: content, volatile: map[int64][]byte{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer c.Close()
				if err := d.serve(c); err != nil && !errors.Is(err, io.EOF) && !d.dark() {
					fmt.Fprintln(os.Stderr, "disk:", err) // the guest will complain, too
				}
			}()
		}
	}()
	return d
}

func (d *disk) dark() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.off
}

// arm has the power cut at a moment to come.
func (d *disk) arm(at moment, after int, strike func()) *alarm {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alarm = &alarm{at, after, strike, make(chan struct{})}
	return d.alarm
}

// now is called with mu held. False: the power went.
func (d *disk) now(m moment) bool {
	a := d.alarm
	if a == nil || a.at != m {
		return true
	}
	if a.after--; a.after > 0 {
		return true
	}
	d.alarm, d.off = nil, true
	a.strike()
	close(a.struck)
	return false
}

// powerOff drops what was not flushed: each sector survives with a chance, as disks write when and in what order they like.
func (d *disk) powerOff(chance float64, random *rand.Rand) (lost, kept int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off, d.alarm = true, nil
	for at, data := range d.volatile {
		if random.Float64() < chance {
			kept++
			copy(d.stable[at:], data)
		} else {
			lost++
		}
	}
	clear(d.volatile)
	d.lostSectors, d.keptSectors = d.lostSectors+lost, d.keptSectors+kept
	return lost, kept
}

func (d *disk) powerOn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = false
}

func (d *disk) read(at int64, into []byte) {
	copy(into, d.stable[at:])
	for i := int64(0); i < int64(len(into)); i += sector {
		if data, ok := d.volatile[at+i]; ok {
			copy(into[i:], data)
		}
	}
}

func (d *disk) write(at int64, data []byte, through bool) {
	for i := int64(0); i < int64(len(data)); i += sector {
		if through {
			delete(d.volatile, at+i)
		} else {
			d.volatile[at+i] = slices.Clone(data[i : i+sector])
		}
	}
	if through {
		copy(d.stable[at:], data)
	}
}

func (d *disk) flush() {
	d.flushes++
	for at, data := range d.volatile {
		copy(d.stable[at:], data)
	}
	clear(d.volatile)
}

// What follows is NBD: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md

const (
	optMagic     = 0x49484156454F5054
	optReply     = 0x3e889045565a9
	requestMagic = 0x25609513
	replyMagic   = 0x67446698

	hasFlags, sendsFlush, sendsFUA = 1, 1 << 2, 1 << 3
)

// serve is one connection.
func (d *disk) serve(c net.Conn) error {
	order := binary.BigEndian
	hello := append([]byte("NBDMAGIC"), order.AppendUint64(nil, optMagic)...)
	if _, err := c.Write(order.AppendUint16(hello, 3)); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, make([]byte, 4)); err != nil { // the client's flags
		return err
	}
	export := order.AppendUint16(order.AppendUint64(nil, uint64(len(d.stable))), hasFlags|sendsFlush|sendsFUA)
	for agreed := false; !agreed; {
		var head [16]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		option := order.Uint32(head[8:])
		if _, err := io.CopyN(io.Discard, c, int64(order.Uint32(head[12:]))); err != nil {
			return err
		}
		answer := func(kind uint32, data []byte) error {
			reply := order.AppendUint32(order.AppendUint32(order.AppendUint64(nil, optReply), option), kind)
			_, err := c.Write(append(order.AppendUint32(reply, uint32(len(data))), data...))
			return err
		}
		var err error
		switch option {
		case 6, 7: // INFO, GO
			err = errors.Join(answer(3, append([]byte{0, 0}, export...)), answer(1, nil))
			agreed = option == 7
		case 1: // EXPORT_NAME
			_, err = c.Write(export)
			agreed = true
		case 2: // ABORT
			return answer(1, nil)
		default:
			err = answer(1<<31|1, nil) // not supported
		}
		if err != nil {
			return err
		}
	}
	for {
		if err := d.request(c); err != nil {
			return err
		}
	}
}

// request answers one request. Without power there is no answer.
func (d *disk) request(c net.Conn) error {
	order := binary.BigEndian
	var head [28]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	if order.Uint32(head[:]) != requestMagic {
		return errors.New("no request of NBD")
	}
	through, kind := order.Uint16(head[4:])&1 != 0, order.Uint16(head[6:])
	at, length := int64(order.Uint64(head[16:])), int64(order.Uint32(head[24:]))
	var data []byte
	if kind <= 1 {
		if at < 0 || at+length > int64(len(d.stable)) || at%sector != 0 || length%sector != 0 {
			return fmt.Errorf("%d bytes at %d are not on it", length, at)
		}
		data = make([]byte, length)
	}
	if kind == 1 {
		if _, err := io.ReadFull(c, data); err != nil {
			return err
		}
	}
	if !d.carryOut(kind, at, data, through) {
		return io.EOF
	}
	reply := append(order.AppendUint32(order.AppendUint32(nil, replyMagic), 0), head[8:16]...)
	if kind == 0 {
		reply = append(reply, data...)
	}
	_, err := c.Write(reply)
	return err
}

// carryOut is false when there is no power for it.
func (d *disk) carryOut(kind uint16, at int64, data []byte, through bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return false
	}
	switch kind {
	case 0:
		d.read(at, data)
	case 1:
		d.write(at, data, through)
		return through || d.now(written)
	case 2: // the client leaves
		return false
	case 3:
		if !d.now(flushing) {
			return false
		}
		d.flush()
		return d.now(flushed)
	}
	return true
}
