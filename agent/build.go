package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/listeners"
	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

// Task is one thing that runs. Its key is the identity of what it was made from: two tasks with one key are the same.
type Task struct {
	Name   string // for people
	Key    string
	Serves bool // others need it to the end: it is started before them and stopped after them
	// Turn is what only one task at a time may have to do with: one that was told to end and hangs is waited for. "": nothing.
	Turn string
	// prepare, if there is one, is called before any new task runs, and release when this one has ended.
	prepare, release func()
	// run is to call isUp when it is up, or when all that it waits for is the service.
	run func(ctx context.Context, r *running)
}

// Check does all that Apply does before it starts anything, without an agent: what it accepts, starts. It returns warnings,
// and every mistake as config.Problems.
func Check(c *config.Config) ([]config.Problem, error) {
	a := &Agent{env: Env{Log: zap.NewNop()}, memory: tailer.NewMemory(nil), identity: newIdentity(Env{}), publishers: map[string]*publish.Logs{}, events: listeners.NewEventSpool("", zap.NewNop())}
	_, warnings, err := build(c, a)
	return warnings, err
}

// build constructs all tasks of a configuration, starts none, and joins every mistake.
func build(c *config.Config, a *Agent) (tasks []Task, warnings []config.Problem, err error) {
	var mistakes config.Problems
	note := func(problems ...config.Problem) {
		for _, p := range problems {
			if p.Warning {
				warnings = append(warnings, p)
			} else {
				mistakes = append(mistakes, p)
			}
		}
	}
	if t, wanted := identityTask(c, a); wanted {
		tasks = append(tasks, t)
	}
	if c.Metrics != nil && len(c.Metrics.Plugins) > 0 {
		tasks = append(tasks, metricsTask(c, a))
		if wantsVolumes(c, a.env.Host) {
			tasks = append(tasks, volumesTask(c, a))
		}
		for _, p := range c.Metrics.Plugins {
			if listeners.Has(p.Name) {
				listener, problems := listeners.Build(p, &a.sockets)
				note(problems...)
				if listener != nil {
					tasks = append(tasks, listenerTask(p, listener, a))
				}
				continue
			}
			collector, problems := a.collector(p)
			note(problems...)
			if collector != nil {
				tasks = append(tasks, collectorTask(p, collector, a))
			}
		}
	}
	if c.Logs != nil && (len(c.Logs.Files) > 0 || shipsEvents(c, a)) {
		logs, t := logsTask(c, a)
		tasks = append(tasks, t)
		if shipsEvents(c, a) {
			events, err := eventsTask(c, logs, t.Key, a)
			if err != nil {
				return nil, warnings, err
			}
			tasks = append(tasks, events)
		}
		if c.Logs.EMF != nil {
			tasks = append(tasks, emfTask(*c.Logs.EMF, a))
		}
		if c.Logs.Prometheus != nil {
			tasks = append(tasks, scraperTask(*c.Logs.Prometheus, a))
		}
		for _, f := range c.Logs.Files {
			entry, err := tailer.New(f, tailer.Options{Memory: a.memory, Watcher: a.watcher, Holding: a.holding, Adopted: a.adopted, Linger: c.Logs.ForceFlushInterval, Log: a.env.Log})
			if p, ok := errors.AsType[config.Problem](err); ok {
				note(p)
				continue
			} else if err != nil {
				note(config.Mistake(f.Place, err.Error(), ""))
				continue
			}
			tasks = append(tasks, fileTask(c, f, entry, logs, t.Key, a))
		}
	}
	if len(mistakes) > 0 {
		return nil, warnings, mistakes
	}
	return tasks, warnings, nil
}

// key joins what a task is made of.
func key(parts ...any) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%q ", fmt.Sprint(p))
	}
	return b.String()
}

// identityTask finds out who this host is, if anything needs to know.
func identityTask(c *config.Config, a *Agent) (Task, bool) {
	instance, group := c.Metrics != nil && len(variablesIn(c.Metrics))+len(c.Metrics.AppendDimensions) > 0 || wantsVolumes(c, a.env.Host), WantsAutoScalingGroup(c)
	if c.Logs != nil {
		for _, f := range c.Logs.Files {
			instance = instance || needsInstance(f.LogGroupName, streamOf(c, f))
		}
		instance = instance || shipsEvents(c, a) && needsInstance(eventsStream(c))
	}
	dest := DestinationOf(c.Agent, "", c.Agent.RoleARN)
	return Task{
		Name: "EC2 identity", Key: key("identity", instance, group, dest), Serves: true,
		run: func(ctx context.Context, r *running) {
			r.isUp()
			if region, err := a.identity.region(ctx, dest); instance || region == "" || err != nil {
				a.identity.find(ctx, needs(instance, group), dest)
			}
		},
	}, instance || c.Agent.Region == ""
}

func metricsTask(c *config.Config, a *Agent) Task {
	m := c.Metrics
	dest := DestinationOf(c.Agent, m.EndpointOverride, m.RoleARN)
	return Task{
		Name: "metrics to namespace " + m.Namespace, Serves: true, Turn: "spool",
		Key: key("metrics", m.Namespace, m.AppendDimensions, m.AppendsDimensions, m.AggregationDimensions, m.ForceFlushInterval, m.SpoolBytes, dest, c.Agent.OmitHostname, c.Agent.Hostname, variablesIn(m)),
		run: func(ctx context.Context, r *running) {
			api := &watchedMetrics{MetricsAPI: &lateMetrics{connection[publish.MetricsAPI]{dest: dest, region: a.identity.region, connect: a.env.Cloud.Metrics, renewed: &a.renewed}}}
			bind := a.identity.binder(c)
			shown := &publishing{namespace: m.Namespace, room: m.SpoolBytes, since: time.Now(), api: api, bind: bind}
			a.tasks.begin(shown)
			defer a.tasks.end(shown)
			p := a.openMetrics(ctx, api, publish.MetricsOptions{
				Namespace: m.Namespace, Interval: m.ForceFlushInterval, RollUps: m.AggregationDimensions, Bind: bind,
				Spool: filepath.Join(a.env.StateDir, "spool"), SpoolBytes: m.SpoolBytes, Budget: a.budget, Log: a.env.Log,
			})
			if p == nil {
				return
			}
			r.isUp()
			shown.publisher.Store(p)
			if lost := a.sink.connect(p.Add); lost > 0 {
				p.Lose(lost)
				a.env.Log.Error("metrics that nobody took for long are lost", zap.Int("data", lost))
			}
			// First nothing more comes in, then what came in is flushed.
			own, cancel := context.WithCancel(context.WithoutCancel(ctx))
			defer context.AfterFunc(ctx, func() { a.sink.connect(nil); cancel() })()
			p.Run(own)
			n := p.Counts()
			a.env.Log.Info("metrics stopped", zap.Int64("data_sent", n.Sent), zap.Int64("refused", n.Refused), zap.Int64("over_budget", n.OverBudget), zap.Int64("invalid", n.Invalid), zap.Int64("batches_dropped", n.Dropped))
		},
	}
}

// openMetrics waits for the spool's folder if that cannot be used; nil: ctx was done first.
func (a *Agent) openMetrics(ctx context.Context, api publish.MetricsAPI, o publish.MetricsOptions) *publish.Metrics {
	for said := false; ; said = true {
		p, err := publish.NewMetrics(api, o)
		if err == nil {
			return p
		}
		if !said {
			a.env.Log.Error("the spool cannot be opened; metrics wait in memory until it can", zap.Error(err))
		}
		again := time.NewTimer(reopenSpool)
		select {
		case <-ctx.Done():
			again.Stop()
			return nil
		case <-again.C:
		}
	}
}

const reopenSpool = 10 * time.Second

// collector is what a plugin of the configuration stands for.
func (a *Agent) collector(p config.Plugin) (collectors.Collector, config.Problems) {
	if p.Name == config.SelfMetrics {
		return newSelf(p, a.ownStatus, processTime), nil
	}
	return collectors.Build(p, a.env.Host)
}

// admission is the order in which plugins get series while the budget lasts: what the configuration names first, and last
// what others decide about, who send to this host.
func admission(m *config.Metrics) (names []string) {
	var own, open []string
	for _, p := range m.Plugins {
		switch p.Name {
		case config.SelfMetrics:
			own = append(own, p.Called())
		case "statsd", "collectd":
			open = append(open, p.Called())
		default:
			names = append(names, p.Called())
		}
	}
	return slices.Concat(own, names, open)
}

func collectorTask(p config.Plugin, c collectors.Collector, a *Agent) Task {
	return Task{
		Name: "collector " + p.Called(), Key: key("collector", p.Key()),
		run: func(ctx context.Context, r *running) {
			shown := &watchedCollector{Collector: c, name: p.Called(), interval: p.Interval}
			a.tasks.begin(shown)
			defer a.tasks.end(shown)
			s := schedule{name: p.Called(), interval: p.Interval, collector: shown, add: a.taking(p, r), log: a.env.Log}
			s.run(ctx)
		},
	}
}

// taking takes what a plugin's task brings, which is up from then on.
func (a *Agent) taking(p config.Plugin, r *running) func([]cloudwatch.Datum) {
	source := &cloudwatch.Source{Name: p.Called(), Namespace: p.Namespace}
	return func(data []cloudwatch.Datum) {
		r.isUp()
		for i := range data {
			data[i].Source = source
		}
		if !r.left.Load() { // else they were meant for a publisher that is no more
			a.sink.add(data)
		}
	}
}

// logsTask is the publisher of all files; it does nothing by itself but ends after them. One that runs is found again.
func logsTask(c *config.Config, a *Agent) (*publish.Logs, Task) {
	dest := DestinationOf(c.Agent, c.Logs.EndpointOverride, c.Logs.RoleARN)
	lanes := lanesFor(c.Logs)
	k := key("logs", dest, lanes, c.Logs.ReadBack)
	logs := a.publishers[k]
	if logs == nil {
		connect := func(ctx context.Context, d Destination) (publish.LogsAPI, error) { return a.env.Cloud.Logs(ctx, d) }
		api := &lateLogs{connection[publish.LogsAPI]{dest: dest, region: a.identity.region, connect: connect, renewed: &a.renewed}}
		logs = publish.NewLogs(api, publish.LogsOptions{Lanes: lanes, ReadBack: c.Logs.ReadBack, Log: a.env.Log})
		a.publishers[k] = logs
	}
	return logs, Task{
		Name: "log events", Key: k, Serves: true,
		run: func(ctx context.Context, r *running) {
			r.isUp()
			<-ctx.Done()
			logs.Wait()
		},
	}
}

// laneBytes is what a stream needs while it is sent at full speed: a batch on the wire and one that is being filled, each with
// its index; what is being read; and the request.
const laneBytes = 4 << 20

// lanesFor is how many streams are sent at once: as many as the memory budget holds, and no more than are wanted.
func lanesFor(l *config.Logs) int {
	lanes := int(max(l.MemoryBudget/laneBytes, 1))
	if l.Concurrency > 1 {
		lanes = min(lanes, l.Concurrency)
	}
	return lanes
}

// streamOf is the stream name of an entry as it is written. The original's default is the instance id on EC2, else the
// host name: fileTask decides, when that is known.
func streamOf(c *config.Config, f config.File) string {
	if f.LogStreamName != "" {
		return f.LogStreamName
	}
	if c.Logs.LogStreamName != "" {
		return c.Logs.LogStreamName
	}
	return defaultStream
}

const defaultStream = "{instance_id}"

func fileTask(c *config.Config, f config.File, entry *tailer.Entry, logs *publish.Logs, logsKey string, a *Agent) Task {
	stream := streamOf(c, f)
	return Task{
		Name: "log files " + f.Path, Key: key("files", f.Key(), stream, c.Logs.ForceFlushInterval, logsKey),
		Turn:    key("files", f.LogGroupName, f.LogStreamName), // whose checkpoints they may share
		prepare: entry.Claim, release: entry.Release,
		run: func(ctx context.Context, r *running) {
			shown := &filesTask{path: f.Path, since: time.Now(), entry: entry, logs: logs}
			a.tasks.begin(shown)
			defer a.tasks.end(shown)
			if needsInstance(f.LogGroupName, stream) {
				r.isUp() // who this host is may never be known
				select {
				case <-ctx.Done():
					return
				case <-a.identity.settled:
				}
			}
			region, _ := a.identity.region(ctx, Destination{Region: c.Agent.Region}) // "" has a marker
			if f.LogStreamName == "" && c.Logs.LogStreamName == "" && a.identity.isAbsent() {
				stream = "{local_hostname}"
			}
			shown.named.Store(true)
			entry.WhenLooked(r.isUp)
			entry.Run(ctx, entry.Naming(stream, a.identity.expand(c.Agent, region, time.Now())), func(s *tailer.Source) { logs.Wake(ctx, s) })
			if !r.left.Load() {
				finish(entry, logs)
			}
			for _, s := range entry.Sources() {
				report(a.env.Log, s)
			}
			entry.Close()
		},
	}
}

// lastCall is how long shipping what is left may take when the agent stops.
const lastCall = 2 * time.Second

// finish ships what is there and has not been due yet: the host may be about to go.
func finish(entry *tailer.Entry, logs *publish.Logs) {
	ctx, cancel := context.WithTimeout(context.Background(), lastCall)
	defer cancel()
	var all []publish.EventSource
	for _, s := range entry.Sources() {
		logs.Rest(s)
		s.Hurry()
		all = append(all, s)
	}
	logs.Finish(ctx, all)
}

// report says what became of a file's bytes.
func report(log *zap.Logger, s *tailer.Source) {
	n := s.Ledger()
	log.Info("log file stopped", zap.String("file", s.Path()), zap.Int64("bytes", n.Read.Bytes), zap.Int64("events", n.Read.Events), zap.Int64("acknowledged", n.Sent.Events),
		zap.Int64("filtered", n.Filtered.Events), zap.Int64("blank", n.Blank.Events), zap.Int64("pieces", n.Pieces), zap.Int64("not_utf8", n.Replaced), zap.Int64("pending", n.Pending.Events),
		zap.Int64("too_new", n.Rejected.TooNew.Events), zap.Int64("too_old", n.Rejected.TooOld.Events), zap.Int64("expired", n.Rejected.Expired.Events), zap.Int64("invalid", n.Rejected.Invalid.Events),
		zap.Int64("lost_bytes", n.Lost.Bytes()), zap.Int64("files_gone", n.Lost.Files))
}
