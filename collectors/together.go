package collectors

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// together is a plugin that has several tables, over readings of different kinds.
type together struct {
	collectors []Collector
	data       []cloudwatch.Datum
}

// collector is nil where there is nothing to collect.
func (t *together) collector() Collector {
	switch len(t.collectors) {
	case 0:
		return nil
	case 1:
		return t.collectors[0]
	}
	return t
}

// Collect joins what all of them have. That one of them does not find what it looks for is told only if nothing is wrong.
func (t *together) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	t.data = t.data[:0]
	var errs, notices []error
	for _, c := range t.collectors {
		data, err := c.Collect(ctx, now)
		t.data = append(t.data, data...)
		if _, notice := errors.AsType[Notice](err); notice {
			notices = append(notices, err)
		} else {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return t.data, err
	}
	return t.data, errors.Join(notices...)
}

// Advise passes on what any of them knows.
func (t *together) Advise(ctx context.Context) (problems []config.Problem) {
	for _, c := range t.collectors {
		if adviser, ok := c.(Adviser); ok {
			problems = append(problems, adviser.Advise(ctx)...)
		}
	}
	return problems
}

// part is the plugin with only what a table measures.
func part[R any](p config.Plugin, table []row[R]) config.Plugin {
	return having(p, func(name string) bool {
		return slices.ContainsFunc(table, func(r row[R]) bool { return r.name == name })
	})
}

// rest is the plugin without what these rows measure.
func rest(p config.Plugin, without ...[]Row) config.Plugin {
	return having(p, func(name string) bool {
		return !slices.ContainsFunc(slices.Concat(without...), func(r Row) bool { return r.Name == name })
	})
}

func having(p config.Plugin, keep func(name string) bool) config.Plugin {
	p.Measurements = slices.DeleteFunc(slices.Clone(p.Measurements), func(m config.Measurement) bool { return !keep(short(p.Name, m.Name)) })
	p.DropOriginal = slices.DeleteFunc(slices.Clone(p.DropOriginal), func(name string) bool { return name != "*" && !keep(short(p.Name, name)) })
	return p
}
