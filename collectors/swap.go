package collectors

import (
	"context"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// swapSpace is the swap space of a host, in bytes.
type swapSpace struct{ total, free float64 }

// swapTable has no total: the original does not register it.
var swapTable = []row[swapSpace]{
	{"free", cloudwatch.Bytes, func(s *swapSpace) float64 { return s.free }},
	{"used", cloudwatch.Bytes, func(s *swapSpace) float64 { return s.total - s.free }},
	{"used_percent", cloudwatch.Percent, (*swapSpace).usedPercent},
}

// usedPercent is 0 without swap space, as in the original: an alarm on it stays quiet instead of lacking data.
func (s *swapSpace) usedPercent() float64 {
	if s.total == 0 {
		return 0
	}
	return percentOf(s.total-s.free, s.total)
}

type swapCollector struct {
	reader swapReader
	data   []cloudwatch.Datum
	*sheet[swapSpace]
}

func buildSwap(p config.Plugin, h Host) (Collector, config.Problems) {
	s, problems := choose(p, swapTable)
	if s == nil {
		return nil, problems
	}
	return &swapCollector{reader: newSwapReader(h), sheet: s}, problems
}

func (c *swapCollector) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	s, err := c.reader.read(ctx)
	if err != nil {
		return nil, err
	}
	c.data = c.fill(c.data[:0], now, &s, c.static)
	return c.data, nil
}
