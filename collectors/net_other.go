//go:build !linux

package collectors

import (
	"cmp"
	"context"
	"fmt"
	stdnet "net"
	"slices"

	"github.com/shirou/gopsutil/v3/net"
)

// linkReader asks gopsutil.
type linkReader struct{ host Host }

func newLinkReader(h Host) linkReader { return linkReader{h} }

// read returns all interfaces or, with onlyUp, those that are up, but no loopback.
func (r linkReader) read(ctx context.Context, onlyUp bool) ([]link, error) {
	counters, err := net.IOCountersWithContext(r.host.context(ctx), true)
	if err != nil {
		return nil, fmt.Errorf("read network counters: %w", err)
	}
	up := map[string]bool{}
	if onlyUp {
		all, err := stdnet.Interfaces()
		if err != nil {
			return nil, fmt.Errorf("ask which interfaces are up: %w", err)
		}
		for _, i := range all {
			up[i.Name] = i.Flags&stdnet.FlagUp != 0 && i.Flags&stdnet.FlagLoopback == 0
		}
	}
	links := make([]link, 0, len(counters))
	for _, c := range counters {
		if onlyUp && !up[c.Name] {
			continue
		}
		links = append(links, link{c.Name, traffic{
			bytesIn: c.BytesRecv, packetsIn: c.PacketsRecv, errorsIn: c.Errin, droppedIn: c.Dropin,
			bytesOut: c.BytesSent, packetsOut: c.PacketsSent, errorsOut: c.Errout, droppedOut: c.Dropout,
		}})
	}
	slices.SortFunc(links, func(a, b link) int { return cmp.Compare(a.name, b.name) })
	return links, nil
}
