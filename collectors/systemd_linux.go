package collectors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

type systemdCollector struct {
	bus            systemdBus
	place          config.Place
	patience       time.Duration
	names          []string       // units that are named one by one
	patterns       *regexp.Regexp // of others; nil with all false: none
	all            bool           // every unit there is
	host           *sheet[systemdReading]
	units          *sheet[unitReading]  // nil: not measured
	last, previous map[string]knownUnit // previous is kept for its memory only
	data           []cloudwatch.Datum
}

// knownUnit is a unit as the last Collect saw it.
type knownUnit struct {
	restarts uint32
	counted  bool
	dims     []cloudwatch.Dimension
}

func buildSystemd(p config.Plugin, h Host) (Collector, config.Problems) {
	host, problems := choose(rest(p, rowsOf(unitTable)), systemdTable)
	units, more := choose(part(p, unitTable), unitTable)
	problems = append(problems, more...)
	c := &systemdCollector{
		bus: systemdBus{at: h.path("HOST_RUN", "run", systemBus)}, place: p.Place, patience: min(maxPatience, max(p.Interval/2, time.Second)),
		host: host, units: units, last: map[string]knownUnit{}, previous: map[string]knownUnit{},
	}
	c.choose(p.Resources)
	if units != nil && len(p.Resources) == 0 {
		problems = append(problems, config.Suspicion(p.Place, "systemd measures unit_… of no unit: resources names none",
			`name them, as in "resources": ["nginx.service", "app@*.service"]`))
		c.units = nil
	}
	if c.host == nil && c.units == nil || slices.ContainsFunc(problems, func(p config.Problem) bool { return !p.Warning }) {
		return nil, problems
	}
	return c, problems
}

// choose splits resources into units, which are told of whether they are there or not, and patterns. As for systemctl, what
// has no kind is a service.
func (c *systemdCollector) choose(resources []string) {
	var patterns []string
	for _, r := range resources {
		switch {
		case strings.ContainsAny(r, "*?[{"):
			patterns = append(patterns, r)
		case !slices.ContainsFunc(unitKinds, func(kind string) bool { return strings.HasSuffix(r, kind) }):
			c.names = append(c.names, r+".service")
		default:
			c.names = append(c.names, r)
		}
	}
	slices.Sort(c.names)
	c.names = slices.Compact(c.names)
	c.patterns = globs(patterns)
	c.all = len(patterns) > 0 && c.patterns == nil
}

var unitKinds = []string{".service", ".socket", ".target", ".timer", ".mount", ".automount", ".path", ".slice", ".scope", ".swap", ".device"}

// Collect asks over one connection, which is kept, and is closed when ctx is done or an answer is late.
func (c *systemdCollector) Collect(ctx context.Context, now time.Time) ([]cloudwatch.Datum, error) {
	c.data = c.data[:0]
	err := c.bus.talk(ctx, c.patience, func(ctx context.Context, m *manager) error { return c.ask(ctx, m, now) })
	if err != nil {
		err = fmt.Errorf("ask systemd: %w", err)
	}
	return c.data, err
}

func (c *systemdCollector) ask(ctx context.Context, m *manager, now time.Time) (err error) {
	var all []unitStatus
	if c.host != nil || c.all || c.patterns != nil {
		if all, err = m.list(ctx); err != nil {
			return err
		}
	}
	if c.host != nil {
		if err := c.askHost(ctx, m, all, now); err != nil {
			return err
		}
	}
	if c.units == nil {
		return nil
	}
	return c.askUnits(ctx, m, all, now)
}

func (c *systemdCollector) askHost(ctx context.Context, m *manager, all []unitStatus, now time.Time) (err error) {
	r := systemdReading{units: map[string]int{}}
	if r.state, err = m.state(ctx); err != nil {
		return err
	}
	for _, u := range all {
		r.units[u.Active]++
	}
	c.data = c.host.fill(c.data, now, &r, c.host.static)
	return nil
}

func (c *systemdCollector) askUnits(ctx context.Context, m *manager, all []unitStatus, now time.Time) error {
	wanted, err := c.wanted(ctx, m, all)
	if err != nil {
		return err
	}
	counts := c.units.has("unit_restarts")
	c.last, c.previous = c.previous, c.last
	clear(c.last)
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		u := wanted[name]
		known, seen := c.previous[name]
		if !seen {
			known.dims = c.units.dimensions("unit", name)
		}
		r := unitReading{active: u.isActive(), failed: u.Active == "failed", restarts: restarted(0, false, 0)}
		n, counted := uint32(0), false
		if counts && u.isService() {
			n, counted, err = m.restarts(ctx, u)
			if _, refused := errors.AsType[dbus.Error](err); err != nil && !refused {
				return err // so would be all others
			}
			errs = append(errs, err)
			if counted {
				r.restarts = restarted(known.restarts, known.counted, n)
			}
		}
		c.last[name] = knownUnit{n, counted, known.dims}
		c.data = c.units.fill(c.data, now, &r, known.dims)
	}
	return errors.Join(errs...)
}

// wanted are the units that the configuration asks for, under the names that it has for them: an alias stays one.
func (c *systemdCollector) wanted(ctx context.Context, m *manager, all []unitStatus) (map[string]unitStatus, error) {
	wanted := map[string]unitStatus{}
	for _, u := range all {
		if c.all || c.patterns != nil && c.patterns.MatchString(u.Name) {
			wanted[u.Name] = u
		}
	}
	named, err := m.named(ctx, c.names)
	for i, u := range named {
		wanted[c.names[i]] = u
	}
	return wanted, err
}

// Advise names the units that there are not. They are sent as not active all the same.
func (c *systemdCollector) Advise(ctx context.Context) (problems []config.Problem) {
	if c.units == nil || len(c.names) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // which ends this connection of its own
	own := systemdBus{at: c.bus.at}
	_ = own.talk(ctx, c.patience, func(ctx context.Context, m *manager) error { // Collect will tell the error
		named, err := m.named(ctx, c.names)
		for i, u := range named {
			if u.Load == "not-found" {
				problems = append(problems, config.Suspicion(c.place, fmt.Sprintf("there is no unit %q on this host: it is sent as not active", c.names[i]),
					"systemctl list-unit-files names those that there are"))
			}
		}
		return err
	})
	return problems
}

// restarted is what a service's count of restarts grew by. systemd begins it anew when somebody starts the service.
func restarted(last uint32, known bool, now uint32) float64 {
	if !known || now < last {
		return math.NaN()
	}
	return float64(now - last)
}
