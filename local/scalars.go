package local

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// A Timestamp is a moment in a CloudWatch metrics request or answer: seconds since 1970 with a
// fraction in JSON, the same under tag 1 in CBOR, ISO 8601 in the Query protocol.
// (CloudWatch Logs has plain milliseconds instead.)
type Timestamp struct{ time.Time }

// fromSeconds refuses what no clock shows, so that arithmetic on times cannot overflow.
func fromSeconds(seconds float64) (Timestamp, error) {
	if math.IsNaN(seconds) || math.Abs(seconds) > 1e11 {
		return Timestamp{}, fmt.Errorf("read timestamp: %v is not a time", seconds)
	}
	return Timestamp{time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()}, nil
}

func (t Timestamp) seconds() float64 { return float64(t.UnixMilli()) / 1000 }

// MarshalJSON writes seconds since 1970.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, t.seconds(), 'f', -1, 64), nil
}

// UnmarshalJSON reads seconds since 1970, or ISO 8601 as some clients write it.
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		return t.UnmarshalText([]byte(text))
	}
	var seconds float64
	if err := json.Unmarshal(data, &seconds); err != nil {
		return fmt.Errorf("read timestamp: %w", err)
	}
	at, err := fromSeconds(seconds)
	*t = at
	return err
}

// MarshalText writes ISO 8601 in UTC.
func (t Timestamp) MarshalText() ([]byte, error) {
	return []byte(t.UTC().Format("2006-01-02T15:04:05.999Z")), nil
}

// UnmarshalText reads ISO 8601; a time without a zone is in UTC.
func (t *Timestamp) UnmarshalText(data []byte) error {
	text := string(data)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			if at.Year() < 0 || at.Year() > 5000 {
				return fmt.Errorf("read timestamp: %q is not a time", text)
			}
			t.Time = at.UTC()
			return nil
		}
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("read timestamp: %q is not in ISO 8601", text)
	}
	at, err := fromSeconds(seconds)
	*t = at
	return err
}

// MarshalCBOR writes tag 1 and a double.
func (t Timestamp) MarshalCBOR() ([]byte, error) {
	out := []byte{0xc1, 0xfb, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint64(out[2:], math.Float64bits(t.seconds()))
	return out, nil
}

// UnmarshalCBOR reads tag 1 and any number.
func (t *Timestamp) UnmarshalCBOR(data []byte) error {
	var tag cbor.RawTag
	if err := cbor.Unmarshal(data, &tag); err != nil || tag.Number != 1 {
		return errors.New("read timestamp: it is not an epoch time (tag 1)")
	}
	var seconds float64
	if err := cbor.Unmarshal(tag.Content, &seconds); err != nil {
		return fmt.Errorf("read timestamp: %w", err)
	}
	at, err := fromSeconds(seconds)
	*t = at
	return err
}

// A Double is a number that may be written as one of the words NaN, Infinity and -Infinity where
// the protocol has no sign for it. It is refused later, by name, as the service does.
type Double float64

// UnmarshalJSON reads a number or one of the three words.
func (d *Double) UnmarshalJSON(data []byte) error {
	if text, quoted := strings.CutPrefix(string(data), `"`); quoted {
		return d.UnmarshalText([]byte(strings.TrimSuffix(text, `"`)))
	}
	return d.UnmarshalText(data)
}

// UnmarshalText reads a decimal number or one of the three words.
func (d *Double) UnmarshalText(data []byte) error {
	value, err := strconv.ParseFloat(string(data), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("read number: %q is not one", data)
	}
	*d = Double(value) // out of range has become an infinity, which is refused by name
	return nil
}
