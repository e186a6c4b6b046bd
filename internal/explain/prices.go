package explain

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Prices is what a region asks. A table of one's own is a JSON file of the same form (docs/explain.md).
type Prices struct {
	Region   string `json:"region"`
	Date     string `json:"date"` // when somebody looked
	Currency string `json:"currency"`
	Source   string `json:"source"`
	// MetricMonth is the price of a custom metric for a month, in tiers; the last tier has no end.
	MetricMonth         []Tier             `json:"metric_month"`
	RequestsPerThousand float64            `json:"requests_per_thousand"`
	LogIngestionGB      map[string]float64 `json:"log_ingestion_gb"` // by log group class
	LogStorageGBMonth   float64            `json:"log_storage_gb_month"`
	StoredShare         float64            `json:"stored_share"` // of what was ingested, after the service's compression
	AlarmMonth          struct {
		Standard       float64 `json:"standard"`
		HighResolution float64 `json:"high_resolution"`
	} `json:"alarm_month"`
	Free struct { // of an account and month
		Metrics  float64 `json:"metrics"`
		Requests float64 `json:"requests"`
		LogGB    float64 `json:"log_gb"`
	} `json:"free"`
}

// Tier is the price of each, of those up to a number.
type Tier struct {
	UpTo float64 `json:"up_to,omitempty"` // 0: without end
	Each float64 `json:"each"`
}

//go:embed prices.json
var embedded []byte

// The classes of log groups.
const (
	standard   = "STANDARD"
	infrequent = "INFREQUENT_ACCESS"
)

// DefaultPrices is the table that comes with the agent.
func DefaultPrices() (Prices, error) { return parsePrices("the table of the agent", embedded) }

// ReadPrices reads a table of the user's.
func ReadPrices(path string) (Prices, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return Prices{}, fmt.Errorf("read prices: %w", err)
	}
	return parsePrices(path, src)
}

func parsePrices(name string, src []byte) (p Prices, err error) {
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	if err = d.Decode(&p); err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("more than one JSON document")
		}
	}
	if err != nil {
		at := d.InputOffset()
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			at, err = int64(len(src)), errors.New("the file ends too early")
		}
		if e, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = e.Offset
		} else if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			at = e.Offset
		} else if _, key, unknown := strings.Cut(err.Error(), "unknown field "); unknown {
			at = int64(max(bytes.Index(src, []byte(key)), 0)) // the decoder goes on to the end before it tells
		}
		before := string(src[:min(int(at), len(src))])
		return Prices{}, fmt.Errorf("read prices: %s:%d:%d: %s (docs/explain.md shows a whole table)", name, strings.Count(before, "\n")+1, len(before)-strings.LastIndexByte(before, '\n'), strings.TrimPrefix(err.Error(), "json: "))
	}
	if err := p.check(); err != nil {
		return Prices{}, fmt.Errorf("read prices: %s: %w", name, err)
	}
	return p, nil
}

// check finds what would make nonsense of every bill.
func (p Prices) check() error {
	if p.Region == "" || p.Date == "" {
		return errors.New("region and date are missing: a bill has to say which prices it is made of")
	}
	if len(p.MetricMonth) == 0 {
		return errors.New("metric_month: no tier (one is enough: [{\"each\": 0.30}])")
	}
	below := 0.0
	for i, t := range p.MetricMonth {
		last := i == len(p.MetricMonth)-1
		switch {
		case t.Each < 0:
			return fmt.Errorf("metric_month[%d].each: must not be negative", i)
		case last && t.UpTo != 0:
			return fmt.Errorf("metric_month[%d].up_to: the last tier must have no end", i)
		case !last && t.UpTo <= below:
			return fmt.Errorf("metric_month[%d].up_to: must be more than %v, where the tier before it ends", i, below)
		}
		below = t.UpTo
	}
	for _, class := range []string{standard, infrequent} {
		if _, known := p.LogIngestionGB[class]; !known {
			return fmt.Errorf("log_ingestion_gb: the class %s is missing", class)
		}
	}
	for _, one := range []struct {
		key   string
		value float64
	}{
		{"requests_per_thousand", p.RequestsPerThousand}, {"log_storage_gb_month", p.LogStorageGBMonth}, {"stored_share", p.StoredShare},
		{"log_ingestion_gb.STANDARD", p.LogIngestionGB[standard]}, {"log_ingestion_gb.INFREQUENT_ACCESS", p.LogIngestionGB[infrequent]},
		{"free.metrics", p.Free.Metrics}, {"free.requests", p.Free.Requests}, {"free.log_gb", p.Free.LogGB},
	} {
		if one.value < 0 {
			return fmt.Errorf("%s: must not be negative", one.key)
		}
	}
	if p.StoredShare > 1 {
		return errors.New("stored_share: must not be more than 1, which is not compressed at all")
	}
	return nil
}

// metrics is what so many series cost for a month.
func (p Prices) metrics(n float64) (dollars float64) {
	below := 0.0
	for _, t := range p.MetricMonth {
		upTo := n
		if t.UpTo > 0 {
			upTo = min(n, t.UpTo)
		}
		if upTo <= below {
			break
		}
		dollars += (upTo - below) * t.Each
		below = upTo
	}
	return dollars
}

func (p Prices) requests(n float64) float64 { return n / 1000 * p.RequestsPerThousand }

// ingestion is the price of a gigabyte in a class; "" is the service's default.
func (p Prices) ingestion(class string) float64 {
	if class == infrequent {
		return p.LogIngestionGB[infrequent]
	}
	return p.LogIngestionGB[standard]
}
