package explain

import (
	"context"
	"time"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
)

// Options say what to explain beyond the configuration itself.
type Options struct {
	Env       agent.Env     // of it, what agent.MakePlan reads
	Prices    Prices        // the zero value: the table of the agent
	FreeTier  bool          // take off what is free for each account
	Sample    time.Duration // how long to watch the files grow; 0: their sizes and ages have to do
	Account   string        // the account's number, to be named in policies; "": any
	Parameter string        // of Parameter Store, that the configuration is fetched from; "": none
}

// Report is what a configuration would do on this host. The names of its fields in JSON do not change; docs/explain.md says what
// they mean.
type Report struct {
	Host        Host             `json:"host"`
	Warnings    []config.Problem `json:"warnings"`
	Metrics     *Metrics         `json:"metrics"`    // null: none
	Logs        *Logs            `json:"logs"`       // null: none
	EMF         *EMF             `json:"emf"`        // null: nobody listens
	Prometheus  *Prometheus      `json:"prometheus"` // null: nothing is scraped
	Permissions []Permission     `json:"permissions"`
	Limits      []config.Problem `json:"limits"`
	Bill        Bill             `json:"bill"`
	Advice      []Advice         `json:"advice"`
}

// Host is where the configuration would run.
type Host struct {
	EC2      bool   `json:"ec2"` // it looks like an instance: what only the metadata service knows is shown as a placeholder
	Hostname string `json:"hostname"`
	Region   string `json:"region"` // "": not known without asking
}

// Explain finds out what a configuration would do on this host. It asks no network and writes nothing. The configuration must be
// one that agent.Check accepts.
func Explain(ctx context.Context, c *config.Config, o Options) (*Report, error) {
	if o.Prices.Region == "" {
		var err error
		if o.Prices, err = DefaultPrices(); err != nil {
			return nil, err
		}
	}
	plan, err := agent.MakePlan(ctx, c, o.Env)
	if err != nil {
		return nil, err
	}
	grown, err := growths(ctx, plan.Files, o.Sample, time.Now())
	if err != nil {
		return nil, err
	}
	r := &Report{
		Host:     Host{plan.OnEC2, plan.Hostname, plan.Region},
		Warnings: listOf(c.Warnings), Permissions: listOf(permissions(c, plan, o.Account, o.Parameter)),
	}
	if c.Metrics != nil && len(c.Metrics.Plugins) > 0 {
		r.Metrics = metricsOf(c, plan)
	}
	if c.Logs != nil && len(c.Logs.Files) > 0 {
		r.Logs = logsOf(c, plan, grown, time.Now())
	}
	r.EMF = emfReport(c, plan)
	r.Prometheus = prometheusReport(c)
	r.Bill = billOf(r, o.Prices, o.FreeTier)
	r.Limits = listOf(limitsOf(c, plan, r))
	r.Advice = listOf(adviceOn(c, plan, r, o.Prices))
	return r, nil
}

// listOf makes of no list an empty one, which is what JSON readers expect.
func listOf[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}
