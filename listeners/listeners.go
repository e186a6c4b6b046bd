// Package listeners is what other programs send to this host's agent: one protocol each. What becomes metrics is summed up
// where it arrives, so nothing of it waits but in the kernel's buffer; log events wait in files of our own. Whatever is not taken
// is counted with its reason.
//
// Names, dimensions and windows are the original agent's; docs/metrics.md has them.
package listeners

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// Listener is one plugin of metrics_collected that waits for what others send.
type Listener interface {
	// Open takes over the socket that a listener of the same address has left, or binds one. Listen does so if it was not
	// called; called before, it leaves no moment in which nobody listens.
	Open() error
	// Listen receives until ctx is done. An address that cannot be bound is an error, and it may be called again.
	Listen(ctx context.Context) error
	// Collect hands over what is summed up. The one whose ctx is done is the last, and hands over what is not complete, too.
	Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error)
	Counts() Counts
}

// Counts is what became of what was sent, since the listener was made.
type Counts struct {
	Received  int64            // datagrams
	Parsed    int64            // values that were taken
	Malformed int64            // what could not be understood: lines of StatsD, datagrams of collectd
	Dropped   map[string]int64 // by reason: datagrams for Kernel, TooLong and those of collectd's security, else values
	Series    int              // that are being summed up, or were of late
}

// The reasons for which something is dropped.
const (
	Kernel    = "receive_buffer_full" // the kernel had no room for a datagram
	TooLong   = "too_long"            // a datagram of more than 64 KiB
	TooMany   = "too_many_series"     // a series beyond the bound
	TooVaried = "too_many_values"     // a value that the memory for different values had no room for
	NotFinite = "not_finite"          // not a number, infinite, or beyond what CloudWatch takes
	Events    = "not_a_metric"        // events, service checks, notifications
)

// counts is how a listener counts; its mutex is the listener's.
type counts struct{ Counts }

func (c *counts) drop(reason string, n int64) {
	if n == 0 {
		return
	}
	if c.Dropped == nil {
		c.Dropped = map[string]int64{}
	}
	c.Dropped[reason] += n
}

func (c *counts) copy() Counts {
	all := c.Counts
	all.Dropped = maps.Clone(c.Dropped)
	return all
}

// Has tells whether there is a listener for a plugin.
func Has(plugin string) bool { return plugin == "statsd" || plugin == "collectd" }

// Build makes the listener of a plugin and opens nothing.
func Build(p config.Plugin, sockets *Sockets) (Listener, config.Problems) {
	switch p.Name {
	case "statsd":
		return newStatsD(p, sockets), nil
	case "collectd":
		return newCollectd(p, sockets), nil
	}
	return nil, config.Problems{config.Mistake(p.Place, fmt.Sprintf("nothing listens for %q", p.Name), "")}
}
