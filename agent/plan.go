package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/durable"
	"github.com/nephoscope/nephoscope/listeners"
	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

// Plan is what a configuration would do on this host, found out from the host alone: the network is not asked, nothing is
// written, and no credentials are needed.
type Plan struct {
	OnEC2    bool   // as far as the host itself tells; what EC2 alone knows is a placeholder
	Hostname string // as a dimension or a placeholder has it
	Region   string // of the configuration or the environment; "": not known without asking
	Plugins  []PlannedPlugin
	// Listening are those that send what others send them: nobody knows what that will be.
	Listening []config.Plugin
	Files     []PlannedFile
	Volumes   bool // EC2 is to be asked which EBS volumes are attached
	// Unremembered says why it is not known where an earlier run stopped; nil: it is known, or there was none.
	Unremembered error
}

// PlannedPlugin is what one plugin would send.
type PlannedPlugin struct {
	Plugin config.Plugin
	// Data is one datum for each series, roll-ups behind the others. Times and values are those of a moment ago.
	Data    []cloudwatch.Datum
	RollUps int // how many of them are roll-ups
	Refused int // how many of Data the series budget has no room for
	Split   int // how many have more values at a time than a datum holds
	Cut     int // how many have more dimensions than a datum may, or some that it may not
	// Advice is what the collector itself has to say. Err is what it could not read.
	Advice []config.Problem
	Err    error
}

// PlannedFile is what one entry of collect_list would follow.
type PlannedFile struct {
	File    config.File
	Entry   *tailer.Entry // good for samples
	Listing tailer.Listing
	// Group and Stream may be those of any host: * stands for what differs from host to host, from file to file, or from run to run.
	Group, Stream string
}

const (
	// looks is how often a plan has everything collected: once more than a difference takes, for a kernel may take time back.
	looks = 3
	// between two of them is long for the processor's clock, which ticks a hundred times a second.
	between = 150 * time.Millisecond
)

// MakePlan finds out what a configuration would do here. Of the environment Mode, Host, StateDir, Adopt and, for the region,
// Cloud count; Cloud may be nil. The configuration must be one that Check accepts.
func MakePlan(ctx context.Context, c *config.Config, env Env) (*Plan, error) {
	env.Log = zap.NewNop()
	p := &Plan{OnEC2: env.Mode == EC2 || env.Mode != OnPremise && LooksLikeEC2(os.ReadFile), Hostname: hostName(c.Agent), Region: c.Agent.Region}
	p.Volumes = p.OnEC2 && wantsVolumes(c, env.Host)
	if p.Region == "" && env.Cloud != nil {
		region, fallback, _ := env.Cloud.Region(ctx, Destination{}) // what cannot be read tells none
		if p.Region = region; region == "" && !p.OnEC2 {
			p.Region = fallback
		}
	}
	done := make(chan error, 2)
	go func() { done <- p.collect(ctx, c, env) }()
	go func() {
		p.list(c, env)
		done <- nil
	}()
	for range cap(done) {
		select {
		case <-ctx.Done(): // what hangs is not waited for
			return nil, ctx.Err()
		case err := <-done:
			if err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// identity is one that is settled: with placeholders where EC2 would have to be asked.
func (p *Plan) identity(env Env, as Instance, group string) *identity {
	id := newIdentity(env)
	if id.absent = !p.OnEC2; p.OnEC2 {
		id.instance, id.group = &as, &group
	}
	close(id.settled)
	return id
}

// collect has all collectors collect several times: what is a difference is not there at first.
func (p *Plan) collect(ctx context.Context, c *config.Config, env Env) error {
	if c.Metrics == nil {
		return nil
	}
	var workers []collectors.Collector
	for _, plugin := range c.Metrics.Plugins {
		if listeners.Has(plugin.Name) {
			p.Listening = append(p.Listening, plugin)
			continue
		}
		collector, problems := planned(c, plugin, env.Host)
		for _, problem := range problems {
			if !problem.Warning {
				return problem
			}
		}
		if collector != nil {
			p.Plugins, workers = append(p.Plugins, PlannedPlugin{Plugin: plugin}), append(workers, collector)
		}
	}
	seen := make([]cloudwatch.Series, len(workers))
	for look := range looks {
		if look > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(between):
			}
		}
		var wait sync.WaitGroup
		for i, collector := range workers {
			wait.Go(func() {
				data, err := collector.Collect(ctx, time.Now())
				for _, d := range data {
					d.Values = slices.Clone(d.Values)
					seen[i].Of(&d)
				}
				p.Plugins[i].Err = err
			})
		}
		wait.Wait()
	}
	bind := p.identity(env, Instance{ID: "${aws:" + dimInstance + "}", Type: "${aws:" + dimType + "}", ImageID: "${aws:" + dimImage + "}"}, "${aws:"+dimGroup+"}").binder(c)
	for i, collector := range workers {
		own := &p.Plugins[i]
		own.sent(c.Metrics, bind, seen[i].All())
		if adviser, ok := collector.(collectors.Adviser); ok {
			own.Advice = adviser.Advise(ctx)
		}
	}
	p.admit(c.Metrics)
	return nil
}

// planned is a plugin's collector. What the agent would say of itself is made up: here it does not run.
func planned(c *config.Config, p config.Plugin, host collectors.Host) (collectors.Collector, config.Problems) {
	if p.Name != config.SelfMetrics {
		return collectors.Build(p, host)
	}
	return newSelf(p, func() Status {
		s := Status{Memory: memoryUse(), Metrics: &MetricsLedger{}}
		for _, other := range c.Metrics.Plugins {
			s.Metrics.Collectors = append(s.Metrics.Collectors, CollectorLedger{Name: other.Called(), Runs: 1})
		}
		s.sort()
		return s
	}, processTime), nil
}

// admit finds out what the series budget has no room for.
func (p *Plan) admit(m *config.Metrics) {
	budget := publish.NewBudget()
	budget.Configure(m.SeriesBudget, admission(m))
	data := map[string][]cloudwatch.Datum{} // by namespace
	for _, own := range p.Plugins {
		source := &cloudwatch.Source{Name: own.Plugin.Called()}
		for _, d := range own.Data {
			d.Source = source
			data[own.Plugin.Namespace] = append(data[own.Plugin.Namespace], d)
		}
	}
	for _, namespace := range slices.Backward(slices.Sorted(maps.Keys(data))) { // the agent's own first
		_, _ = budget.Admit(namespace, data[namespace], time.Now())
	}
	for _, s := range budget.State(time.Now()).Plugins {
		i := slices.IndexFunc(p.Plugins, func(own PlannedPlugin) bool { return own.Plugin.Called() == s.Name })
		p.Plugins[i].Refused = int(s.Refused.Data) // each of Data is a series
	}
}

// sent makes of what was collected what is sent of it, as publish does, and tells on the way what the service's limits cost.
func (own *PlannedPlugin) sent(m *config.Metrics, bind func([]cloudwatch.Datum) ([]cloudwatch.Datum, bool), data []cloudwatch.Datum) {
	bound, _ := bind(slices.Clone(data)) // all is known: placeholders are
	namespace := cmp.Or(own.Plugin.Namespace, m.Namespace)
	var series cloudwatch.Series
	for _, d := range cloudwatch.Merge(cloudwatch.RollUp(slices.Clone(bound), nil)) {
		own.pack(&series, namespace, d)
	}
	originals := len(series.All())
	for _, d := range cloudwatch.Merge(cloudwatch.RollUp(bound, m.AggregationDimensions)) {
		own.pack(&series, namespace, d)
	}
	own.Data, own.RollUps = series.All(), len(series.All())-originals
}

func (own *PlannedPlugin) pack(series *cloudwatch.Series, namespace string, d cloudwatch.Datum) {
	asked, before := len(d.Dimensions), len(series.All())
	batches, _ := cloudwatch.PackMetrics(namespace, []cloudwatch.Datum{d})
	pieces := 0
	for _, b := range batches {
		pieces += len(b.Data)
		for i := range b.Data {
			series.Of(&b.Data[i])
		}
	}
	if len(series.All()) == before {
		return // known, or nothing of it can be sent
	}
	if pieces > 1 {
		own.Split++
	}
	if len(series.All()[before].Dimensions) < asked {
		own.Cut++
	}
}

// list has all entries find their files.
func (p *Plan) list(c *config.Config, env Env) {
	if c.Logs == nil {
		return
	}
	var past map[string][]byte
	if env.StateDir != "" {
		var err error
		if past, err = durable.ReadJournal(filepath.Join(env.StateDir, "checkpoints")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			p.Unremembered = err
		}
	}
	memory := tailer.NewMemory(newNotes(past))
	var adopted *tailer.Adopted
	if info, err := os.Stat(env.Adopt); err == nil && info.IsDir() {
		adopted = tailer.Adopt(env.Adopt)
	}
	here := p.identity(env, Instance{ID: "{instance_id}", Region: "{aws_region}", AccountID: "{account_id}", PrivateIP: "{ip_address}", Hostname: "{hostname}"}, "").expand(c.Agent, p.Region, time.Now())
	for _, f := range c.Logs.Files {
		entry, err := tailer.New(f, tailer.Options{Memory: memory, Adopted: adopted, Linger: c.Logs.ForceFlushInterval, Log: env.Log})
		if err != nil {
			continue // Check has told
		}
		entry.Claim()
		p.Files = append(p.Files, PlannedFile{File: f, Entry: entry})
	}
	for i := range p.Files {
		f := &p.Files[i]
		stream := streamOf(c, f.File)
		f.anywhere(stream)
		if f.File.LogStreamName == "" && c.Logs.LogStreamName == "" && !p.OnEC2 {
			stream = "{local_hostname}"
		}
		f.Listing = f.Entry.List(f.Entry.Naming(stream, here))
	}
}

// anywhere names group and stream for all hosts, files and runs at once.
func (f *PlannedFile) anywhere(stream string) {
	fixed, wild := f.File.Path, false
	if first := strings.IndexAny(fixed, "*?[{"); first >= 0 {
		fixed, wild = fixed[:first], true
	}
	if abs, err := filepath.Abs(fixed); err == nil && !filepath.IsAbs(fixed) {
		fixed = abs
	}
	all := f.Entry.Naming(stream, func(name string) string {
		for p := range placeholders {
			name = strings.ReplaceAll(name, p, "*")
		}
		return name
	})(fixed)
	f.Group, f.Stream = all.Group, all.Name
	switch {
	case wild && f.File.LogGroupName == "":
		f.Group += "*"
	case wild && f.File.PublishMultiLogs:
		f.Stream += "*"
	}
}

// notes are what an earlier run remembers, and what listing files adds to it, which is forgotten.
type notes struct {
	held  map[string][]byte
	names []string // sorted
}

func newNotes(held map[string][]byte) *notes {
	if held == nil {
		held = map[string][]byte{}
	}
	return &notes{held, slices.Sorted(maps.Keys(held))}
}

func (n *notes) Get(name string) (value []byte, ok bool) {
	value, ok = n.held[name]
	return value, ok
}

func (n *notes) Put(name string, value []byte) error {
	if at, known := slices.BinarySearch(n.names, name); !known {
		n.names = slices.Insert(n.names, at, name)
	}
	n.held[name] = value
	return nil
}

func (n *notes) Delete(name string) error {
	if at, known := slices.BinarySearch(n.names, name); known {
		n.names = slices.Delete(n.names, at, at+1)
	}
	delete(n.held, name)
	return nil
}

// Names are good until the next Put: with ten thousand files they are asked for as often.
func (n *notes) Names() []string { return n.names }

// Tasks are what a configuration has the agent run, none of it started: two tasks with one key are the same, and a reload
// from one configuration to another leaves those alone that both have.
func Tasks(c *config.Config) ([]Task, error) {
	a := &Agent{env: Env{Log: zap.NewNop()}, memory: tailer.NewMemory(nil), identity: newIdentity(Env{}), publishers: map[string]*publish.Logs{}, events: listeners.NewEventSpool("", zap.NewNop())}
	tasks, _, err := build(c, a)
	if err != nil {
		return nil, fmt.Errorf("build tasks: %w", err)
	}
	return tasks, nil
}

// WantsAutoScalingGroup tells whether anything in a configuration is named after the Auto Scaling group.
func WantsAutoScalingGroup(c *config.Config) bool {
	return c.Metrics != nil && slices.Contains(append(variablesIn(c.Metrics), c.Metrics.AppendDimensions...), dimGroup)
}
