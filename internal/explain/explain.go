// Package explain says what a configuration would do on this host, without doing it: which metrics and files, where they go, which
// permissions that takes, and what it costs. It asks no network, needs no credentials and writes nothing.
package explain

import (
	"context"
	"fmt"
	"strings"

	"github.com/nephoscope/nephoscope/agent"
	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/output"
)

// Preview is a few lines on what a configuration would send and cost, for somebody who has just written it. The error is
// config.Problems if there are mistakes in it.
func Preview(ctx context.Context, name string, src []byte, o Options) (string, error) {
	c, err := config.Parse(name, src)
	if err != nil {
		return "", err
	}
	if _, err := agent.Check(c); err != nil {
		return "", err
	}
	r, err := Explain(ctx, c, o)
	if err != nil {
		return "", err
	}
	return r.preview(), nil
}

// preview is at most twelve lines.
func (r *Report) preview() string {
	var b strings.Builder
	p := &printer{w: &b}
	if m := r.Metrics; m != nil {
		p.line("Metrics: %s to namespace %s", output.Count(len(m.Series), "series", "series"), m.Namespace)
		var plugins []string
		for _, own := range m.Plugins {
			plugins = append(plugins, fmt.Sprintf("%s %d", own.Name, own.Series))
		}
		p.line("  %s", cut(strings.Join(plugins, ", ")))
		if shared := sharedDimensions(m.Series); len(shared) > 0 {
			p.line("  %s", cut("each with "+dimensionsText(shared, nil)))
		}
	}
	if r.Logs != nil {
		files, waiting := 0, 0
		for _, e := range r.Logs.Entries {
			if files += len(e.Files); e.Note != "" {
				waiting++
			}
		}
		p.line("Logs: %s now, of %s", output.Count(files, "file"), output.Count(len(r.Logs.Entries), "entry", "entries"))
		if waiting > 0 {
			p.line("  %s without a file that can be read", output.Count(waiting, "entry", "entries"))
		}
		if r.Bill.OnceBytes > 0 {
			p.line("  %s are there already, and are shipped at the start ($%.2f)", output.Bytes(r.Bill.OnceBytes), r.Bill.Once)
		}
	}
	p.line("Cost: about $%.2f a month for this host (an estimate: %s, prices of %s)", r.Bill.Total, r.Bill.Region, r.Bill.Date)
	var blocks []string
	for _, c := range r.Bill.Blocks {
		if c.Dollars >= 0.01 {
			blocks = append(blocks, fmt.Sprintf("%s %s", c.Name, dollars(c.Dollars)))
		}
	}
	if len(blocks) > 1 {
		p.line("  %s", cut(strings.Join(blocks, ", ")))
	}
	if n := len(r.Advice) + len(r.Limits); n > 0 {
		text := output.Count(n, "piece") + " of advice"
		if saved := r.saved(); saved >= 0.01 {
			text += fmt.Sprintf(", worth about $%.2f a month", saved)
		}
		p.line("Advice: %s (nephoscope explain)", text)
	}
	return b.String()
}
