package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// userHZ is the unit of times in /proc/stat and /proc/PID/stat: a hundredth of a second on every architecture that Go knows (proc(5)).
const userHZ = 100

// cores is /proc/stat of a machine with so many cores, each a tenth busy: what cpu and whatever else reads it is to cost does
// not depend on the machine. It is a little cheaper to read than the kernel's.
type cores struct {
	file  *os.File
	n     int
	rest  string // behind the lines of cores, as it is here
	since time.Time
	stop  chan struct{}
	ended chan struct{}
	err   error // of the last write; to be read when it has ended
}

func newCores(dir string, n int) (*cores, error) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return nil, fmt.Errorf("make cores: %w", err)
	}
	_, rest, there := strings.Cut(string(raw), "\nintr")
	if !there {
		return nil, fmt.Errorf("make cores: /proc/stat has no line of interrupts")
	}
	f, err := os.Create(filepath.Join(dir, "stat"))
	if err != nil {
		return nil, fmt.Errorf("make cores: %w", err)
	}
	c := &cores{file: f, n: n, rest: "intr" + rest, since: time.Now(), stop: make(chan struct{}), ended: make(chan struct{})}
	if err := c.write(); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("make cores: %w", err)
	}
	go c.run()
	return c, nil
}

// mount puts them in place of those of the machine, for whoever is apart.
func (c *cores) mount() error { return mount(c.file.Name(), "/proc/stat") }

// run lets time pass.
func (c *cores) run() {
	defer close(c.ended)
	pass := time.NewTicker(100 * time.Millisecond)
	defer pass.Stop()
	for c.err == nil {
		select {
		case <-c.stop:
			return
		case <-pass.C:
			c.err = c.write()
		}
	}
}

// write puts the time in which they have been there into the file. The text is always as long, and never away.
func (c *cores) write() error {
	ticks := int(time.Since(c.since) / (time.Second / userHZ))
	var text strings.Builder
	line := func(name string, cores int) {
		const before = 1_000_000_000 // has digits enough for what is added
		fmt.Fprintf(&text, "%s %d %d %d %d %d 0 0 0 0 0\n", name, before+cores*ticks*6/100, before, before+cores*ticks*4/100, before+cores*ticks*90/100, before)
	}
	line("cpu ", c.n)
	for i := range c.n {
		line(fmt.Sprint("cpu", i), 1)
	}
	text.WriteString(c.rest)
	_, err := c.file.WriteAt([]byte(text.String()), 0)
	return err
}

func (c *cores) close() {
	close(c.stop)
	<-c.ended
	_ = c.file.Close() // nobody reads it any more
}
