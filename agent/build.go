package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

// Task is one thing that runs. Its key is the identity of what it was made from: two tasks with one key are the same.
type Task struct {
	Name   string // for people
	Key    string
	Serves bool // others need it to the end: it is started before them and stopped after them
	// prepare, if there is one, is called before any new task runs.
	prepare func()
	run     func(ctx context.Context)
}

// Check does all that Apply does before it starts anything, without an agent: what it accepts, starts. It returns warnings,
// and every mistake as config.Problems.
func Check(c *config.Config) ([]config.Problem, error) {
	a := &Agent{env: Env{Log: zap.NewNop()}, memory: tailer.NewMemory(nil), identity: newIdentity(Env{}), publishers: map[string]*publish.Logs{}}
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
		for _, p := range c.Metrics.Plugins {
			collector, problems := collectors.Build(p, a.env.Host)
			note(problems...)
			if collector != nil {
				tasks = append(tasks, collectorTask(p, collector, a))
			}
		}
	}
	if c.Logs != nil && len(c.Logs.Files) > 0 {
		logs, t := logsTask(c, a)
		tasks = append(tasks, t)
		for _, f := range c.Logs.Files {
			entry, err := tailer.New(f, tailer.Options{Memory: a.memory, Watcher: a.watcher, Adopted: a.adopted, Linger: c.Logs.ForceFlushInterval, Log: a.env.Log})
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
	instance, group := false, false
	if c.Metrics != nil {
		names := append(variablesIn(c.Metrics), c.Metrics.AppendDimensions...)
		instance = len(names) > 0
		for _, n := range names {
			group = group || n == dimGroup
		}
	}
	if c.Logs != nil {
		for _, f := range c.Logs.Files {
			instance = instance || needsInstance(f.LogGroupName, streamOf(c, f))
		}
	}
	dest := Destination{Region: c.Agent.Region, RoleARN: c.Agent.RoleARN}
	return Task{
		Name: "EC2 identity", Key: key("identity", instance, group, dest), Serves: true,
		run: func(ctx context.Context) {
			if region, err := a.identity.region(ctx, dest); instance || region == "" || err != nil {
				a.identity.find(ctx, needs(instance, group), dest)
			}
		},
	}, instance || c.Agent.Region == ""
}

func metricsTask(c *config.Config, a *Agent) Task {
	m := c.Metrics
	dest := Destination{c.Agent.Region, m.EndpointOverride, m.RoleARN}
	return Task{
		Name: "metrics to namespace " + m.Namespace, Serves: true,
		Key: key("metrics", m.Namespace, m.AppendDimensions, m.AppendsDimensions, m.AggregationDimensions, m.ForceFlushInterval, dest, c.Agent.OmitHostname, c.Agent.Hostname, variablesIn(m)),
		run: func(ctx context.Context) {
			api := &lateMetrics{connection[publish.MetricsAPI]{dest: dest, region: a.identity.region, connect: a.env.Cloud.Metrics}}
			p := a.openMetrics(ctx, api, publish.MetricsOptions{
				Namespace: m.Namespace, Interval: m.ForceFlushInterval, RollUps: m.AggregationDimensions, Bind: a.identity.binder(c),
				Spool: filepath.Join(a.env.StateDir, "spool"), Log: a.env.Log,
			})
			if p == nil {
				return
			}
			if lost := a.sink.connect(p.Add); lost > 0 {
				a.env.Log.Error("metrics that nobody took for long are lost", zap.Int("data", lost))
			}
			// First nothing more comes in, then what came in is flushed.
			own, cancel := context.WithCancel(context.WithoutCancel(ctx))
			defer context.AfterFunc(ctx, func() { a.sink.connect(nil); cancel() })()
			p.Run(own)
			n := p.Counts()
			a.env.Log.Info("metrics stopped", zap.Int64("data_sent", n.Sent.Load()), zap.Int64("refused", n.Refused.Load()), zap.Int64("invalid", n.Invalid.Load()), zap.Int64("batches_dropped", n.Dropped.Load()))
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

func collectorTask(p config.Plugin, c collectors.Collector, a *Agent) Task {
	return Task{
		Name: "collector " + p.Name, Key: key("collector", p.Key()),
		run: func(ctx context.Context) {
			s := schedule{name: p.Name, interval: p.Interval, collector: c, add: a.sink.add, log: a.env.Log}
			s.run(ctx)
		},
	}
}

// logsTask is the publisher of all files; it does nothing by itself but ends after them. One that runs is found again.
func logsTask(c *config.Config, a *Agent) (*publish.Logs, Task) {
	dest := Destination{c.Agent.Region, c.Logs.EndpointOverride, c.Logs.RoleARN}
	k := key("logs", dest)
	logs := a.publishers[k]
	if logs == nil {
		connect := func(ctx context.Context, d Destination) (publish.LogsAPI, error) { return a.env.Cloud.Logs(ctx, d) }
		logs = publish.NewLogs(&lateLogs{connection[publish.LogsAPI]{dest: dest, region: a.identity.region, connect: connect}}, a.env.Log)
		a.publishers[k] = logs
	}
	return logs, Task{
		Name: "log events", Key: k, Serves: true,
		run: func(ctx context.Context) {
			<-ctx.Done()
			logs.Wait()
		},
	}
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
		Name: "log files " + f.Path, Key: key("files", f.Key(), stream, c.Logs.ForceFlushInterval, logsKey), prepare: entry.Claim,
		run: func(ctx context.Context) {
			defer entry.Release()
			if needsInstance(f.LogGroupName, stream) {
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
			entry.Run(ctx, entry.Naming(stream, a.identity.expand(c.Agent, region, time.Now())), func(s *tailer.Source) { logs.Wake(ctx, s) })
			tallies := logs.Tallies()
			for _, s := range entry.Sources() {
				logs.Rest(s)
				report(a.env.Log, s, tallies[s.Stream()])
			}
			entry.Close()
		},
	}
}

// report says what became of a file's bytes and of its stream's events.
func report(log *zap.Logger, s *tailer.Source, t *publish.Tally) {
	n := s.Counts()
	fields := []zap.Field{
		zap.String("file", s.Path()), zap.Int64("bytes", n.Bytes), zap.Int64("events", n.Events), zap.Int64("filtered", n.Filtered),
		zap.Int64("blank", n.Blank), zap.Int64("pieces", n.Pieces), zap.Int64("not_utf8", n.Replaced), zap.Int64("lost_bytes", n.LostBytes), zap.Int64("files_gone", n.Gone),
	}
	if t != nil {
		fields = append(fields, zap.Int64("acknowledged", t.Events.Load()), zap.Int64("acknowledged_bytes", t.Bytes.Load()), zap.Int64("too_new", t.TooNew.Load()), zap.Int64("too_old", t.TooOld.Load()),
			zap.Int64("expired", t.Expired.Load()), zap.Int64("invalid", t.Invalid.Load()))
	}
	log.Info("log file stopped", fields...)
}
