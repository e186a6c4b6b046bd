package agent

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/listeners"
	"github.com/nephoscope/nephoscope/publish"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

// shipsEvents tells whether there are events to ship that come from no log file, or some are left of an earlier configuration.
func shipsEvents(c *config.Config, a *Agent) bool {
	return c.Logs != nil && (c.Logs.EMF != nil || c.Logs.Prometheus != nil || a.events.Waiting())
}

// eventsStream is the log stream of events that name none: the agent's own, as it is written.
func eventsStream(c *config.Config) string { return cmp.Or(c.Logs.LogStreamName, defaultStream) }

// eventsTask ships what listeners have written down, the way log files are shipped. It serves them: what they write while they
// end is shipped as well.
func eventsTask(c *config.Config, logs *publish.Logs, logsKey string, a *Agent) (Task, error) {
	entry, err := tailer.New(config.File{Path: a.events.Pattern(), LogGroupName: "events", RetentionDays: -1, PublishMultiLogs: true, AutoRemoval: true}, tailer.Options{
		Memory: a.memory, Watcher: a.watcher, Holding: a.holding, Linger: c.Logs.ForceFlushInterval, Finished: a.events.Finished,
		Log: a.env.Log.WithOptions(zap.IncreaseLevel(zap.WarnLevel)), // files come and go all the time
	})
	if err != nil {
		return Task{}, err
	}
	stream := eventsStream(c)
	return Task{
		Name: "events of listeners", Key: key("events", stream, c.Logs.ForceFlushInterval, logsKey), Turn: key("events"), Serves: true,
		prepare: entry.Claim, release: entry.Release,
		run: func(ctx context.Context, r *running) {
			shown := &eventsShipping{filesTask: filesTask{path: "events of listeners", since: time.Now(), entry: entry, logs: logs}, events: a.events}
			a.tasks.begin(shown)
			defer a.tasks.end(shown)
			var writer sync.WaitGroup
			defer writer.Wait()
			own, cancel := context.WithCancel(ctx)
			defer cancel()
			writer.Go(func() { a.events.Run(own) })
			name, ok := a.awaitStream(ctx, c, stream, r)
			if !ok {
				return
			}
			shown.named.Store(true)
			a.events.WhenFinished(entry.Review)
			defer a.events.WhenFinished(func() {})
			entry.WhenLooked(r.isUp)
			entry.Run(ctx, a.eventsNaming(name), func(s *tailer.Source) { logs.Wake(ctx, s) })
			if !r.left.Load() {
				finish(entry, logs)
			}
			entry.Close()
		},
	}, nil
}

// awaitStream is the name of the agent's own stream, once it is known who this host is, if that matters. False: ctx was done.
func (a *Agent) awaitStream(ctx context.Context, c *config.Config, stream string, r *running) (name string, ok bool) {
	if needsInstance(stream) {
		r.isUp() // who this host is may never be known
		select {
		case <-ctx.Done():
			return "", false
		case <-a.identity.settled:
		}
	}
	if c.Logs.LogStreamName == "" && a.identity.isAbsent() {
		stream = "{local_hostname}"
	}
	region, _ := a.identity.region(ctx, Destination{Region: c.Agent.Region}) // "" has a marker
	return a.identity.expand(c.Agent, region, time.Now())(stream), true
}

// eventsNaming gives a file of events its log stream. Where that cannot be read any more, the events are still somebody's.
func (a *Agent) eventsNaming(own string) func(path string) cloudwatch.LogStream {
	return func(path string) cloudwatch.LogStream {
		s, err := a.events.Stream(path)
		if err != nil {
			a.env.Log.Error("it is not known any more which log group these events were for; they go to that of events without one", zap.String("file", path), zap.Error(err))
			s = cloudwatch.LogStream{Group: listeners.DefaultEMFGroup, RetentionDays: -1}
		}
		if s.Name == "" {
			s.Name = own
		}
		return s
	}
}

// emfTask listens for documents in the embedded metric format. An address that is taken is its own trouble alone.
func emfTask(emf config.EMF, a *Agent) Task {
	return Task{
		Name: "emf listener", Key: key("emf", emf.Addresses),
		run: func(ctx context.Context, r *running) {
			l := listeners.NewEMF(emf, a.events, a.env.Log)
			shown := &emfListening{l}
			a.tasks.begin(shown)
			defer a.tasks.end(shown)
			l.Listen(ctx, r.isUp)
			n := l.Counts()
			a.env.Log.Info("emf listener stopped", zap.Int64("documents", n.Received), zap.Int64("accepted", n.Accepted), zap.Any("refused", n.Refused))
		},
	}
}
