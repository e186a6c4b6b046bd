package listeners

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// collectd is plugin collectd: what the network plugin of collectd daemons sends, here or elsewhere. Each value is summed up
// with those of its series and its window, by the time that it was sent with.
type collectd struct {
	receiver

	// With the receiver's mutex:
	windows
	reader   packetReader
	least    security
	refused  bool     // something in the packet at hand was not as secure as it has to be
	types    dataSets // nil until it is opened
	typesErr error
	users    users
	clock    func() time.Time
	now      time.Time // of the packet at hand
	spelling []byte    // room for what a value list is found by
}

// The reasons for which collectd's datagrams are dropped; values are for their times.
const (
	NotSigned     = "not_signed"
	NotEncrypted  = "not_encrypted"
	UnknownUser   = "unknown_user"
	WrongPassword = "wrong_password"
	WrongTime     = "time_out_of_range" // CloudWatch takes two weeks into the past and two hours into the future
)

// mostAhead is how far in the future a datum may be: "up to two hours into the future"
// (docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html, Timestamp).
const mostAhead = 2 * time.Hour

// usualTypes is where collectd's packages put its types, for those who have added to them.
const usualTypes = "/usr/share/collectd/types.db"

func newCollectd(p config.Plugin, sockets *Sockets) *collectd {
	c := &collectd{windows: windows{width: p.Aggregation}, users: users{file: p.AuthFile}, clock: time.Now}
	c.receiver = newReceiver(p, sockets, c.packet)
	c.least = map[string]security{"none": plain, "sign": signedPart, "encrypt": encrypted}[p.SecurityLevel]
	c.reader = packetReader{password: c.users.password, unsigned: c.least == plain, values: c.list, notice: func() { c.drop(Events, 1) }}
	return c
}

// Open binds the address, and reads the files of types that are there.
func (c *collectd) Open() error {
	c.mu.Lock()
	if c.types == nil {
		c.types = knownTypes()
		files := c.plugin.TypesDB
		if files == nil {
			files = []string{usualTypes}
		}
		for _, file := range files {
			if err := c.types.read(file); !errors.Is(err, fs.ErrNotExist) { // of one that is not there check has told
				c.typesErr = errors.Join(c.typesErr, err)
			}
		}
	}
	c.mu.Unlock()
	return c.receiver.Open()
}

func (c *collectd) packet(packet []byte) {
	c.refused, c.now = false, c.clock()
	switch err := c.reader.read(packet); {
	case errors.Is(err, errUser):
		c.drop(UnknownUser, 1)
	case errors.Is(err, errPassword):
		c.drop(WrongPassword, 1)
	case err != nil:
		c.Malformed++
	case c.refused && c.least == encrypted:
		c.drop(NotEncrypted, 1)
	case c.refused:
		c.drop(NotSigned, 1)
	}
}

// list takes a list of values.
func (c *collectd) list(l *valueList) {
	if l.level < c.least {
		c.refused = true
		return
	}
	at := l.at
	if at.Unix() <= 0 {
		at = c.now
	}
	if ahead := at.Sub(c.now); ahead > mostAhead || -ahead > cloudwatch.MaxMetricAge {
		c.drop(WrongTime, int64(len(l.kinds)))
		return
	}
	for i := range l.kinds {
		v := l.value(i)
		if !cloudwatch.Sendable(v) { // not a number is how collectd says that it does not know
			c.drop(NotFinite, 1)
			continue
		}
		s := c.find(l, i)
		if s == nil {
			continue
		}
		if s.used = c.now; !c.add(s, at, v) {
			c.drop(TooVaried, 1)
			continue
		}
		c.Parsed++
	}
}

// find is the series of a value; nil: there is no room, or no name, and that is counted.
func (c *collectd) find(l *valueList, i int) *series {
	c.spelling = c.spelling[:0]
	for _, part := range [][]byte{l.host, l.plugin, l.pluginInstance, l.of, l.typeInstance} {
		c.spelling = append(append(c.spelling, part...), 0)
	}
	c.spelling = append(c.spelling, byte(i>>8), byte(i), byte(len(l.kinds)>>8), byte(len(l.kinds)))
	if s := c.catalogue.spelt[string(c.spelling)]; s != nil {
		return s
	}
	name := namePrintable(c.plugin.NamePrefix + string(l.plugin) + "_" + c.types.name(l.of, i, len(l.kinds)))
	if len(l.plugin) == 0 || name == "" {
		c.Malformed++
		return nil
	}
	s := c.catalogue.add(c.spelling, name, cloudwatch.Dimensions("host", string(l.host), "instance", string(l.pluginInstance),
		"type", string(l.of), "type_instance", string(l.typeInstance)), "")
	if s == nil {
		c.drop(TooMany, 1)
	}
	return s
}

// Collect hands over the windows that are over. What comes late for one is a datum of its own.
func (c *collectd) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	data := c.ended(now, ctx.Err() != nil || c.width == 0)
	c.catalogue.forget(now)
	err := c.typesErr
	if c.users.look(); c.users.err != nil && c.least > plain {
		err = errors.Join(err, fmt.Errorf("%w; nobody can be known without it", c.users.err))
	}
	return data, err
}
