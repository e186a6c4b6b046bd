package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/publish"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// sky is a Cloud in memory.
type sky struct {
	mu       sync.Mutex
	region   string
	instance *Instance // nil: no metadata service
	group    string
	denied   bool // DescribeTags, DescribeVolumes
	volumes  map[string]string
	asked    int
	data     []cloudwatch.Datum
	// namespaces that were sent to, each once
	namespaces []string
	dests      []Destination
}

func (s *sky) Region(context.Context, Destination) (region, fallback string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.region, "", nil
}

func (s *sky) Logs(context.Context, Destination) (publish.LogsAPI, error) {
	return nil, errors.New("no logs in this test")
}

func (s *sky) Metrics(_ context.Context, d Destination) (publish.MetricsAPI, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dests = append(s.dests, d)
	return s, nil
}

func (s *sky) PutMetricData(_ context.Context, b cloudwatch.MetricBatch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = append(s.data, b.Data...)
	if !slices.Contains(s.namespaces, b.Namespace) {
		s.namespaces = append(s.namespaces, b.Namespace)
	}
	return nil
}

func (s *sky) Instance(context.Context) (Instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.instance == nil {
		return Instance{}, &cloudwatch.Failure{Class: cloudwatch.Unavailable, Err: errors.New("nobody answers")}
	}
	return *s.instance, nil
}

func (s *sky) AutoScalingGroup(context.Context, Instance, Destination) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.denied {
		return "", &cloudwatch.Failure{Class: cloudwatch.Denied, Err: errors.New("not allowed")}
	}
	return s.group, nil
}

func (s *sky) Volumes(context.Context, Instance, Destination) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.denied {
		return nil, &cloudwatch.Failure{Class: cloudwatch.Denied, Err: errors.New("not allowed")}
	}
	return s.volumes, nil
}

// sets lists the dimension sets that arrived, each once.
func (s *sky) sets() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.data {
		var names []string
		for _, dim := range d.Dimensions {
			names = append(names, dim.Name+"="+dim.Value)
		}
		if set := strings.Join(names, " "); !slices.Contains(all, set) {
			all = append(all, set)
		}
	}
	slices.Sort(all)
	return all
}

func (s *sky) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

var anInstance = &Instance{ID: "i-1", Type: "t3.small", ImageID: "ami-1", Region: "eu-west-1", AccountID: "1", PrivateIP: "10.0.0.1"}

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("test.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const memAppended = `{"metrics": {"append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}", "InstanceId": "${aws:InstanceId}"},
	"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}, "agent": {"hostname": "h"}}`

// bind runs identity and binder as the tasks of a configuration do, and returns what one datum becomes.
func bind(t *testing.T, s *sky, mode Mode, text string, after time.Duration) (dims []string, known bool) {
	t.Helper()
	id := newIdentity(Env{Mode: mode, Cloud: s, Log: zap.NewNop()})
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { id.find(ctx, needs(true, true), Destination{}) })
	time.Sleep(after)
	bound, known := id.binder(parse(t, text))([]cloudwatch.Datum{{Name: "m"}})
	cancel()
	work.Wait()
	if known {
		for _, d := range bound[0].Dimensions {
			dims = append(dims, d.Name+"="+d.Value)
		}
	}
	return dims, known
}

func TestDimensionsOfTheHost(t *testing.T) {
	f := func(s *sky, mode Mode, text string, after time.Duration, want string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			dims, known := bind(t, s, mode, text, after)
			got := strings.Join(dims, " ")
			if !known {
				got = "waits"
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	const plain = `{"metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}, "agent": {"hostname": "h"}}`
	inGroup := func() *sky { return &sky{instance: anInstance, group: "web"} }
	f(inGroup(), EC2, plain, time.Second, "host=h")
	f(inGroup(), EC2, memAppended, time.Second, "AutoScalingGroupName=web InstanceId=i-1")
	f(&sky{instance: anInstance}, EC2, memAppended, time.Second, "InstanceId=i-1") // in no group
	f(&sky{instance: anInstance, denied: true}, EC2, memAppended, time.Hour, "waits")
	f(&sky{}, EC2, memAppended, time.Hour, "waits") // the operator says that there is a metadata service
	f(&sky{}, OnPremise, memAppended, time.Second, "waits")
	f(&sky{}, OnPremise, memAppended, time.Minute, "host=h")
	f(inGroup(), EC2, strings.Replace(memAppended, `"hostname": "h"`, `"omit_hostname": true`, 1), time.Second, "AutoScalingGroupName=web InstanceId=i-1")
}

func TestMetadataServiceThatComesLateIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sky{group: "web"}
		go func() {
			time.Sleep(10 * time.Minute)
			s.set(func() { s.instance = anInstance })
		}()
		dims, _ := bind(t, s, OnPremise, memAppended, 20*time.Minute)
		if strings.Join(dims, " ") != "AutoScalingGroupName=web InstanceId=i-1" {
			t.Errorf("got %v", dims)
		}
		if s.asked > 20 {
			t.Errorf("asked %d times in 20 minutes", s.asked)
		}
	})
}

// ticker is a collector that notes when it is asked.
type ticker struct {
	mu    sync.Mutex
	at    []time.Time
	takes time.Duration
}

func (c *ticker) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	c.mu.Lock()
	c.at = append(c.at, now)
	c.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(c.takes):
	}
	return []cloudwatch.Datum{{Name: "m", Time: now}}, errors.New("only half of it")
}

func collect(t *testing.T, c *ticker, interval, atMost time.Duration) (data int) {
	ctx, cancel := context.WithTimeout(t.Context(), atMost)
	defer cancel()
	s := schedule{name: "c", interval: interval, collector: c, add: func(d []cloudwatch.Datum) { data += len(d) }, log: zap.NewNop()}
	s.run(ctx)
	return data
}

func TestIntervalsFollowTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(7300 * time.Millisecond) // to start at an odd moment
		c := &ticker{}
		if n := collect(t, c, 10*time.Second, 35*time.Second); n != 5 {
			t.Errorf("%d data", n)
		}
		for _, at := range c.at[1:] {
			if !at.Equal(at.Truncate(10 * time.Second)) {
				t.Errorf("collected at %v", at)
			}
		}
	})
}

func TestSlowCollectorMissesMomentsAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &ticker{takes: 25 * time.Second}
		collect(t, c, 10*time.Second, 2*time.Minute)
		for i := 1; i < len(c.at); i++ {
			if gap := c.at[i].Sub(c.at[i-1]); gap != 30*time.Second {
				t.Errorf("gap of %v", gap)
			}
		}
	})
}

func TestDataAreHeldWhileThePublisherIsReplaced(t *testing.T) {
	var s sink
	var got []cloudwatch.Datum
	take := func(d []cloudwatch.Datum) { got = append(got, d...) }
	s.connect(take)
	s.add([]cloudwatch.Datum{{Name: "1"}})
	s.connect(nil)
	s.add([]cloudwatch.Datum{{Name: "2"}})
	if len(got) != 1 {
		t.Errorf("got %v", got)
	}
	s.connect(take)
	if len(got) != 2 || len(s.held) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestDataThatNobodyTakesAreBoundedAndCounted(t *testing.T) {
	var s sink
	for range 3 {
		s.add(make([]cloudwatch.Datum, maxHeld/2))
	}
	if lost := s.connect(func([]cloudwatch.Datum) {}); lost != maxHeld/2 {
		t.Errorf("%d lost", lost)
	}
}

// logged makes a logger and what it was told.
func logged() (*zap.Logger, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.InfoLevel)
	return zap.New(core), logs
}

func TestApplyStartsAndStopsTheDifference(t *testing.T) {
	log, logs := logged()
	s := &sky{region: "eu-west-1"}
	a, err := New(Env{StateDir: filepath.Join(t.TempDir(), "state"), Mode: OnPremise, Cloud: s, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	apply := func(plugins, rest string, want string) {
		t.Helper()
		c, err := config.Parse("test.json", fmt.Appendf(nil, `{"agent": {"region": "eu-west-1"}, "metrics": {%s "metrics_collected": {%s}}}`, rest, plugins))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Apply(c); err != nil {
			t.Fatal(err)
		}
		last := logs.FilterMessage("configuration applied").All()
		fields := last[len(last)-1].ContextMap()
		if got := fmt.Sprint(fields["started"], fields["stopped"], fields["undisturbed"]); got != want {
			t.Errorf("%s: started, stopped, undisturbed: got %s, want %s", plugins, got, want)
		}
	}
	const mem, swap = `"mem": {"measurement": ["used_percent"]}`, `"swap": {"measurement": ["used_percent"]}`
	apply(mem, "", "2 0 0") // the publisher and the collector
	apply(mem, "", "0 0 2")
	apply(`"mem":{"measurement":[ "mem_used_percent" ]}`, "", "0 0 2") // other words, same meaning
	apply(mem+","+swap, "", "1 0 2")
	apply(swap, "", "0 1 2")
	apply(swap, `"namespace": "Other",`, "1 1 1")
	bad := parse(t, `{"logs": {"logs_collected": {"files": {"collect_list": [{"file_path": "/var/log/[a"}]}}}}`)
	if err := a.Apply(bad); err == nil || !strings.Contains(err.Error(), "test.json:1:") {
		t.Errorf("got %v", err)
	}
	apply(swap, `"namespace": "Other",`, "0 0 2")
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := a.Apply(bad); err == nil {
		t.Error("a closed agent took a configuration")
	}
}

func TestFirstDataArriveWithinASecond(t *testing.T) {
	s := &sky{region: "eu-west-1"}
	log, _ := logged()
	a, err := New(Env{StateDir: filepath.Join(t.TempDir(), "state"), Mode: OnPremise, Cloud: s, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Apply(parse(t, `{"agent": {"hostname": "h"}, "metrics": {"metrics_collected": {"mem": {"measurement": ["used_percent"]}}}}`)); err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(30 * time.Second) // no timing here: that it comes before the flush interval of a minute is the point
	for !slices.Equal(s.sets(), []string{"host=h"}) {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("got %v", s.sets())
		}
	}
}

func TestPlaceholders(t *testing.T) {
	id := newIdentity(Env{Mode: EC2, Log: zap.NewNop()})
	day := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f := func(name, want string) {
		t.Helper()
		if got := id.expand(config.Agent{Hostname: "h"}, "eu-west-1", day)(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	f("{instance_id}/{account_id}", "i-UNKNOWN/UNKNOWN-ACCOUNT")
	f("{hostname} {local_hostname} {aws_region} {date} {other}", "h h eu-west-1 2026-11-20 {other}")
	known := *anInstance
	known.Hostname = "ip-10-0-0-1.ec2.internal"
	id.instance = &known
	f("{instance_id} {hostname} {local_hostname} {ip_address} {account_id}", "i-1 ip-10-0-0-1.ec2.internal h 10.0.0.1 1")
}

func TestModes(t *testing.T) {
	f := func(text string, want Mode, ok bool) {
		t.Helper()
		if got, err := ParseMode(text); got != want || (err == nil) != ok {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	f("", Auto, true)
	f("ec2", EC2, true)
	f("onPrem", OnPremise, true)
	f("onpremise", OnPremise, true)
	f("azure", "", false)
}
