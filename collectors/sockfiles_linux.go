package collectors

import (
	"errors"
	"io/fs"
	"syscall"
)

// readFiles counts the lines of /proc/net/tcp and its sisters. Where there is no IPv6 there are no files of it.
func (c *socketCounter) readFiles() error {
	for _, t := range []struct {
		name   string
		wanted bool
		count  func(line []byte) bool
	}{
		{"tcp", c.states != 0, c.tcpLine}, {"tcp6", c.states != 0, c.tcpLine},
		{"udp", c.udp, c.udpLine}, {"udp6", c.udp, c.udpLine},
		{"unix", c.unix, c.unixLine},
	} {
		if !t.wanted {
			continue
		}
		if c.files[t.name] == nil {
			c.files[t.name] = &procFile{path: c.path(t.name)}
		}
		text, err := c.files[t.name].read()
		if errors.Is(err, fs.ErrNotExist) && t.name[len(t.name)-1] == '6' {
			continue
		}
		if err != nil {
			return err
		}
		var bad badLines
		_, text = nextLine(text) // the heading
		for len(text) > 0 {
			var line []byte
			if line, text = nextLine(text); !t.count(line) {
				bad.add(string(line))
			}
		}
		if err := bad.err(); err != nil {
			return &fs.PathError{Op: "read", Path: c.path(t.name), Err: err}
		}
	}
	return nil
}

func (c *socketCounter) tcpLine(line []byte) bool {
	ends, ok := lineEnds(line)
	if ok {
		c.tcp(ends)
	}
	return ok
}

func (c *socketCounter) udpLine(line []byte) bool {
	ends, ok := lineEnds(line)
	if ok {
		c.datagram(ends)
	}
	return ok
}

// lineEnds reads
//
//	0: 0100007F:1F90 00000000:0000 0A …
//
// where each eight digits are four bytes of an address as a number of this machine.
func lineEnds(line []byte) (ends socketEnds, ok bool) {
	_, line = nextWord(line)
	local, line := nextWord(line)
	remote, line := nextWord(line)
	state, _ := nextWord(line)
	kind, ok1 := hexadecimal(state)
	var ok2, ok3 bool
	ends.local, ends.localPort, ok2 = endpoint(local)
	ends.remote, ends.remotePort, ok3 = endpoint(remote)
	ends.kind = uint8(kind)
	return ends, ok1 && ok2 && ok3 && len(state) == 2
}

func endpoint(word []byte) (address [4]uint32, port uint16, ok bool) {
	digits := len(word) - len(":0000")
	if digits != 8 && digits != 32 || word[digits] != ':' {
		return address, 0, false
	}
	p, ok := hexadecimal(word[digits+1:])
	if digits == 8 {
		address[2] = mappedIPv4
		address[3], digits = hexadecimalWord(word[:8], &ok), 0
	}
	for i := range digits / 8 {
		address[i] = hexadecimalWord(word[8*i:8*i+8], &ok)
	}
	return address, uint16(p), ok
}

func hexadecimalWord(digits []byte, ok *bool) uint32 {
	n, fine := hexadecimal(digits)
	*ok = *ok && fine
	return n
}

// hexadecimal reads up to eight hexadecimal digits, and nothing else.
func hexadecimal(word []byte) (n uint32, ok bool) {
	for _, c := range word {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint32(c)
	}
	return n, len(word) > 0 && len(word) <= 8
}

// unixLine reads
//
//	ffff9c3d: 00000002 00000000 00010000 0001 01 19876 /run/systemd/journal/stdout
func (c *socketCounter) unixLine(line []byte) bool {
	var kind []byte
	for i := range 7 {
		var word []byte
		if word, line = nextWord(line); len(word) == 0 {
			return false
		}
		if i == 4 {
			kind = word
		}
	}
	n, ok := hexadecimal(kind)
	if len(line) > 0 {
		line = line[1:] // the blank before the name
	}
	if ok {
		c.named(byte(n), line)
	}
	return ok && (n == streamSocket || n == datagramSocket || n == syscall.SOCK_SEQPACKET)
}
