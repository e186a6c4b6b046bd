package collectors

import (
	"cmp"
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
	bus      systemdBus
	place    config.Place
	patience time.Duration
	names    []string       // units that are named one by one
	patterns *regexp.Regexp // of others; nil with all false: none
	all      bool           // every unit there is
	host     *sheet[systemdReading]
	units    *sheet[unitReading] // nil: not measured
	last     map[string]knownUnit
	data     []cloudwatch.Datum
}

// knownUnit is a unit as it was when systemd last answered for it.
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
		host: host, units: units, last: map[string]knownUnit{},
	}
	if units != nil {
		problems = append(problems, c.choose(p.Resources)...)
	}
	if c.host == nil && c.units == nil || slices.ContainsFunc(problems, func(p config.Problem) bool { return !p.Warning }) {
		return nil, problems
	}
	return c, problems
}

// choose splits resources into units, which are told of whether they are there or not, and patterns. As for systemctl, what
// has no kind is a service. systemd would answer nothing if it were asked for a name that no unit can have.
func (c *systemdCollector) choose(resources []string) (problems config.Problems) {
	var patterns []string
	for _, name := range resources {
		if strings.ContainsAny(name, "*?[{") {
			patterns = append(patterns, name)
			continue
		}
		if !slices.ContainsFunc(unitKinds, func(kind string) bool { return strings.HasSuffix(name, kind) }) {
			name += ".service"
		}
		switch before, _, template := strings.Cut(name, "@."); {
		case !unitName.MatchString(name) || len(name) > longestUnit:
			problems = append(problems, config.Suspicion(c.place, fmt.Sprintf("no unit can be called %q: it is left out", name),
				"systemctl list-units names those that there are, and systemd-escape makes a name of a path"))
		case template && !strings.Contains(before, "@"):
			problems = append(problems, config.Suspicion(c.place, fmt.Sprintf("%q is a template, of which there are only instances: it is left out", name),
				fmt.Sprintf("%q is all of them", strings.Replace(name, "@.", "@*.", 1))))
		default:
			c.names = append(c.names, name)
		}
	}
	slices.Sort(c.names)
	c.names = slices.Compact(c.names)
	c.patterns = globs(patterns)
	c.all = len(patterns) > 0 && c.patterns == nil
	if len(resources) == 0 {
		problems = append(problems, config.Suspicion(c.place, "systemd measures unit_… of no unit: resources names none",
			`name them, as in "resources": ["nginx.service", "app@*.service"]`))
	}
	if len(c.names)+len(patterns) == 0 {
		c.units = nil
	}
	return problems
}

// unitName is what a unit may be called, and longestUnit how long that may be (systemd.unit(5)).
var unitName = regexp.MustCompile(`^[0-9A-Za-z:_.\\-][0-9A-Za-z:_.\\@-]*\.[a-z]+$`)

const longestUnit = 255

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
	maps.DeleteFunc(c.last, func(name string, _ knownUnit) bool { _, still := wanted[name]; return !still })
	var failed error // the first: the others would be for the same reason
	asking := true
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		u := wanted[name]
		known, seen := c.last[name]
		if !seen {
			known.dims = c.units.dimensions("unit", name)
		}
		r := unitReading{active: u.isActive(), failed: u.Active == "failed", restarts: math.NaN()}
		switch service := counts && u.isService(); {
		case !service:
			known.counted = false
		case asking:
			n, counted, err := m.restarts(ctx, u)
			if err == nil {
				// systemd counts anew when somebody starts the service.
				r.restarts = difference(counted && known.counted && n >= known.restarts, uint64(n-known.restarts))
				known.restarts, known.counted = n, counted
			}
			_, refused := errors.AsType[dbus.Error](err)
			asking = err == nil || refused // else so would be all others
			failed = cmp.Or(failed, err)
		}
		c.last[name] = known
		c.data = c.units.fill(c.data, now, &r, known.dims)
	}
	return failed
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
