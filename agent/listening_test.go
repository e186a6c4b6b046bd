package agent

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// listenAgent runs an agent that takes what is sent to it.
func listenAgent(t *testing.T, text string) (*Agent, *sky, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	s := &sky{region: "eu-west-1"}
	a, err := New(Env{StateDir: t.TempDir(), Mode: OnPremise, Cloud: s, Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if err := a.Apply(parse(t, text)); err != nil {
		t.Fatal(err)
	}
	return a, s, logs
}

// comes waits for what takes a moment.
func comes(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s does not come", what)
		}
	}
}

func listener(a *Agent, name string) (l ListenerLedger) {
	if m := a.Status().Metrics; m != nil {
		for _, l := range m.Listeners {
			if l.Name == name {
				return l
			}
		}
	}
	return l
}

func udpOf(t *testing.T) (address string, conn net.PacketConn) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().String(), conn
}

func shout(t *testing.T, address string, packets ...string) {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, p := range packets {
		if _, err := conn.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
	}
}

const statsdAndMem = `{"agent": {"hostname": "h"}, "metrics": {"force_flush_interval": 1, "metrics_collected": {
	"statsd": {"service_address": "%s", "metrics_collection_interval": 1, "metrics_aggregation_interval": %d},
	"mem": {"measurement": ["used_percent"], "metrics_collection_interval": %d}}}}`

func TestStatsDArrivesWithTheDimensionsOfTheHost(t *testing.T) {
	t.Parallel()
	address, conn := udpOf(t)
	conn.Close()
	a, s, _ := listenAgent(t, fmt.Sprintf(statsdAndMem, address, 0, 60))
	comes(t, "a listener", func() bool { l := listener(a, "statsd"); return l.Name != "" && l.Trouble == nil })
	shout(t, address, "app.hits:3|c|#env:prod", "nonsense")
	comes(t, "the datum", func() bool { return slices.Contains(s.sets(), "env=prod host=h metric_type=counter") })
	l := listener(a, "statsd")
	if l.Received != 2 || l.Parsed != 1 || l.Malformed != 1 || l.Series != 1 || l.Address != address || l.Lost() != 0 {
		t.Errorf("got %+v", l)
	}
	text := string((&labels{}).prometheus(a.Status()))
	for _, want := range []string{`nephoscope_listener_datagrams_total{listener="statsd"} 2`, `nephoscope_listener_malformed_total{listener="statsd"} 1`, `nephoscope_listener_trouble{listener="statsd"} 0`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if raw, err := json.Marshal(a.Status()); err != nil || !strings.Contains(string(raw), `"listeners":[{"name":"statsd"`) {
		t.Errorf("got %s, %v", raw, err)
	}
}

// What belongs to a window that is not over when the agent stops arrives all the same.
func TestStopSendsTheWindowThatIsNotOver(t *testing.T) {
	t.Parallel()
	address, conn := udpOf(t)
	conn.Close()
	a, s, _ := listenAgent(t, fmt.Sprintf(statsdAndMem, address, 3600, 60))
	comes(t, "a listener", func() bool { return listener(a, "statsd").Name != "" })
	shout(t, address, "a:1|c")
	comes(t, "the value", func() bool { return listener(a, "statsd").Parsed == 1 })
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(s.sets(), "host=h metric_type=counter") {
		t.Errorf("got %q", s.sets())
	}
}

func TestBusyAddressConcernsNobodyElse(t *testing.T) {
	t.Parallel()
	address, conn := udpOf(t)
	a, s, logs := listenAgent(t, fmt.Sprintf(statsdAndMem, address, 60, 1))
	comes(t, "memory", func() bool { return slices.Contains(s.sets(), "host=h") })
	comes(t, "the trouble", func() bool {
		l := listener(a, "statsd")
		return l.Trouble != nil && strings.Contains(l.Trouble.Error, "in use")
	})
	status := a.Status()
	if status.Health != Degraded || !strings.Contains(status.Reasons[0].What, "statsd receives nothing: listen on "+address) {
		t.Errorf("got %s %+v", status.Health, status.Reasons)
	}
	comes(t, "another try", func() bool { return listener(a, "statsd").Trouble.Failures > 1 })
	if n := logs.FilterMessageSnippet("nothing is received").Len(); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	conn.Close()
	comes(t, "the end of the trouble", func() bool { return listener(a, "statsd").Trouble == nil })
	shout(t, address, "a:1|c")
	comes(t, "a value", func() bool { return listener(a, "statsd").Parsed == 1 })
}

// A reload that is about something else leaves the listener alone, and one that is about it keeps the socket.
func TestReloadKeepsTheSocket(t *testing.T) {
	t.Parallel()
	address, conn := udpOf(t)
	conn.Close()
	a, _, logs := listenAgent(t, fmt.Sprintf(statsdAndMem, address, 60, 60))
	comes(t, "a listener", func() bool { return listener(a, "statsd").Name != "" })
	shout(t, address, "a:1|c")
	comes(t, "a value", func() bool { return listener(a, "statsd").Parsed == 1 })
	if err := a.Apply(parse(t, fmt.Sprintf(statsdAndMem, address, 60, 30))); err != nil {
		t.Fatal(err)
	}
	if l := listener(a, "statsd"); l.Parsed != 1 || logs.FilterMessageSnippet("listener stopped").Len() > 0 {
		t.Errorf("it was restarted: %+v", l)
	}
	done, sent := make(chan struct{}), make(chan int)
	client, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	go func() {
		n := 0
		defer func() { sent <- n }()
		for {
			select {
			case <-done:
				return
			default:
				if _, err := client.Write([]byte("a:1|c")); err != nil {
					t.Error("nobody listened:", err) // which the kernel says with ECONNREFUSED
					return
				}
				n++
			}
		}
	}()
	for _, aggregation := range []int{30, 10, 60} {
		if err := a.Apply(parse(t, fmt.Sprintf(statsdAndMem, address, aggregation, 30))); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	n := int64(<-sent)
	stopped := func() (values, dropped int64) {
		for _, e := range logs.FilterMessageSnippet("listener stopped").All() {
			values += e.ContextMap()["values"].(int64)
			if d, ok := e.ContextMap()["dropped"].(map[string]int64); ok {
				for _, lost := range d {
					dropped += lost
				}
			}
		}
		return values, dropped
	}
	comes(t, "all that was sent", func() bool {
		l := listener(a, "statsd")
		values, dropped := stopped()
		return values+dropped+l.Parsed+l.Lost() == n+1
	})
}

// append_dimensions takes the dimension host off what others send, too: dashboards are made for that.
func TestAppendDimensionsTakesTheHostOfASenderOff(t *testing.T) {
	t.Parallel()
	f := func(metrics string, want ...string) {
		t.Helper()
		c := parse(t, `{"agent": {"hostname": "h"}, "metrics": {`+metrics+`"metrics_collected": {"collectd": {}}}}`)
		id := newIdentity(Env{})
		id.instance = anInstance
		data := []cloudwatch.Datum{{Name: "a", Dimensions: cloudwatch.Dimensions("host", "web1", "type", "load")}, {Name: "b"}}
		bound, known := id.binder(c)(data)
		var got []string
		for _, d := range bound {
			got = append(got, fmt.Sprint(d.Dimensions))
		}
		if !known || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %t, want %q", metrics, got, known, want)
		}
	}
	f(``, "[{host web1} {type load}]", "[{host h}]")
	f(`"append_dimensions": {"InstanceId": "${aws:InstanceId}"}, `, "[{InstanceId i-1} {type load}]", "[{InstanceId i-1}]")
	f(`"append_dimensions": {}, `, "[{type load}]", "[]")
}
