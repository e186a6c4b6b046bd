package agent

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/collectors"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/tailer"
	"go.uber.org/zap"
)

const (
	// renewVolumes is how often is asked which volumes are attached, as the original asks.
	renewVolumes = 5 * time.Minute
	// retryVolumes is how soon after nobody answered.
	retryVolumes = time.Minute
	// waitVolumes is how long data of disks that do not say which volume they are wait for the first answer.
	waitVolumes = 10 * time.Second
)

// WantsVolumes tells whether a configuration wants the dimension VolumeId, and this host has disks that do not say which volume they
// are: then EC2 is to be asked (DescribeVolumes), if this is an instance.
func WantsVolumes(c *config.Config) bool { return wantsVolumes(c, collectors.Host{}) }

func wantsVolumes(c *config.Config, h collectors.Host) bool {
	return c.Metrics != nil && slices.ContainsFunc(c.Metrics.Plugins, func(p config.Plugin) bool { return p.VolumeID && !p.DropDevice }) && h.LacksVolumes()
}

// volumesTask asks EC2 which volume a disk is, for disk's dimension VolumeId.
func volumesTask(c *config.Config, a *Agent) Task {
	dest := DestinationOf(c.Agent, "", c.Agent.RoleARN)
	return Task{
		Name: "EBS volumes", Key: key("volumes", dest), prepare: a.env.Host.AwaitVolumes,
		run: func(ctx context.Context, r *running) {
			r.isUp()
			v := &volumes{agent: a, dest: dest}
			a.tasks.begin(v)
			defer a.tasks.end(v)
			v.run(ctx)
		},
	}
}

// volumes is that task at work.
type volumes struct {
	agent *Agent
	dest  Destination
	watch
}

// run asks again and again. While this is no instance, as far as can be told, nobody is asked, and nobody waits. Nor does anybody
// wait long for a metadata service that has to be there and does not answer.
func (v *volumes) run(ctx context.Context) {
	late := time.AfterFunc(waitVolumes, func() { v.agent.env.Host.KnowVolumes(nil) })
	defer late.Stop()
	if !happens(ctx, v.agent.identity.settled) {
		return
	}
	for {
		pause := v.ask(ctx)
		again := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			again.Stop()
			return
		case <-again.C:
		}
	}
}

func (v *volumes) ask(ctx context.Context) (pause time.Duration) {
	i, known := v.agent.identity.known()
	if !known {
		v.agent.env.Host.KnowVolumes(nil)
		return retryVolumes
	}
	own, cancel := context.WithTimeout(ctx, waitVolumes)
	defer cancel()
	attached, err := v.agent.env.Cloud.Volumes(own, i, v.dest)
	if ctx.Err() != nil {
		return 0
	}
	before := v.trouble()
	v.note(err)
	v.agent.env.Host.KnowVolumes(attached)
	switch {
	case err == nil && before.Failures > 0:
		v.agent.env.Log.Info("EC2 says which EBS volumes are attached again")
	case err != nil && (before.Failures == 0 || before.Err.Error() != err.Error()):
		v.agent.env.Log.Warn(noVolumes, zap.Error(err), zap.String("hint", volumesHint(cloudwatch.ClassOf(err))))
	}
	if err != nil && cloudwatch.ClassOf(err) == cloudwatch.Unavailable {
		return retryVolumes
	}
	return renewVolumes
}

const noVolumes = "EC2 does not say which EBS volumes are attached: of disks that it has not told of, and that do not say it themselves, the dimension VolumeId is left out"

func volumesHint(class cloudwatch.Class) string {
	if class == cloudwatch.Denied {
		return "allow ec2:DescribeVolumes in the instance's role"
	}
	return "can this host reach the EC2 API (network, proxy, endpoint)?"
}

func (v *volumes) ledger() tailer.Ledger { return tailer.Ledger{} }

func (v *volumes) show(s *Status) {
	t := v.trouble()
	s.volumes = troubleOf(t, t.Failures > 0)
}

// volumes that EC2 does not tell of.
func (v *verdict) volumes() {
	if t := v.Status.volumes; t != nil {
		v.say(Degraded, t.Since, fmt.Sprintf("%s: %s", noVolumes, t.Error), volumesHint(t.class))
	}
}
