package collectors

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// row is one line of a collector's table: a measurement's short name, its unit, and how it is taken from a reading. The
// value is NaN where this reading does not have it.
type row[R any] struct {
	name  string
	unit  cloudwatch.Unit
	value func(*R) float64
}

func rowsOf[R any](table []row[R]) []Row {
	rows := make([]Row, len(table))
	for i, r := range table {
		rows[i] = Row{r.name, r.unit}
	}
	return rows
}

// sheet is the part of a table that a plugin of the configuration asks for, ready to be filled in.
type sheet[R any] struct {
	columns    []column[R]
	static     []cloudwatch.Dimension // append_dimensions of the plugin
	resolution time.Duration
	values     []float64 // room for those of the next data
}

// roomForValues is how many values are allocated at once.
const roomForValues = 256

// column is one asked measurement as it goes on the wire.
type column[R any] struct {
	measurement string // short name
	name        string // on the wire
	unit        cloudwatch.Unit
	scale       float64
	rollUpOnly  bool
	value       func(*R) float64
}

// choose makes the sheet of a plugin. It is nil when there is a mistake, or nothing to measure. What config has warned of
// already, such as an empty list or a name given twice, is not told again.
func choose[R any](p config.Plugin, table []row[R]) (*sheet[R], config.Problems) {
	s := &sheet[R]{resolution: cloudwatch.ResolutionOf(p.Interval), static: staticDimensions(p.AppendDimensions)}
	var problems config.Problems
	mistaken := false
	for _, m := range p.Measurements {
		c, problem := columnOf(p, m, table)
		if problem != nil {
			problems = append(problems, *problem)
		}
		mistaken = mistaken || c == nil
		if c != nil && !s.has(c.measurement) {
			s.columns = append(s.columns, *c)
		}
	}
	problems = append(problems, s.dropOriginal(p)...)
	if mistaken || len(s.columns) == 0 {
		return nil, problems
	}
	return s, problems
}

func (s *sheet[R]) has(measurement string) bool {
	return slices.ContainsFunc(s.columns, func(c column[R]) bool { return c.measurement == measurement })
}

// columnOf finds a measurement in the table. No column: a mistake; a column and a problem: a warning.
func columnOf[R any](p config.Plugin, m config.Measurement, table []row[R]) (*column[R], *config.Problem) {
	name := short(p.Name, m.Name)
	for _, r := range table {
		if r.name != name {
			continue
		}
		c := &column[R]{name, p.WireName(config.Measurement{Name: name, Rename: m.Rename}), r.unit, 1, false, r.value}
		if m.Unit == "" {
			return c, nil
		}
		known := false
		if c.unit, c.scale, known = cloudwatch.ResolveUnit(m.Unit); !known {
			warning := config.Suspicion(m.Place, fmt.Sprintf("%q is no unit of CloudWatch: %s is sent with the unit None", m.Unit, c.name),
				fmt.Sprintf("without a unit it is %s", r.unit))
			return c, &warning
		}
		return c, nil
	}
	mistake := config.Mistake(m.Place, fmt.Sprintf("%s has no measurement %q", p.Name, cmp.Or(m.Written, m.Name)), "") // config has told of all that nobody has
	return nil, &mistake
}

// dropOriginal marks what drop_original_metrics names.
func (s *sheet[R]) dropOriginal(p config.Plugin) (problems config.Problems) {
	for _, name := range p.DropOriginal {
		found := name == "*"
		for i := range s.columns {
			if c := &s.columns[i]; name == "*" || short(p.Name, name) == c.measurement {
				c.rollUpOnly, found = true, true
			}
		}
		if !found {
			problems = append(problems, config.Suspicion(p.Place,
				fmt.Sprintf("drop_original_metrics names %q, which %s does not measure here", name, p.Name), ""))
		}
	}
	return problems
}

// staticDimensions sorts append_dimensions. The two names that the original keeps for itself never become dimensions.
func staticDimensions(of map[string]string) []cloudwatch.Dimension {
	var ds []cloudwatch.Dimension
	for name, value := range of {
		if value != "" && name != "aws:StorageResolution" && name != "aws:AggregationInterval" {
			ds = append(ds, cloudwatch.Dimension{Name: name, Value: value})
		}
	}
	cloudwatch.SortDimensions(ds)
	return ds
}

// dimensions joins the dimensions of a reading (name, value, name, value, …) and the plugin's static ones, which never
// replace them. Empty values are left out.
func (s *sheet[R]) dimensions(pairs ...string) []cloudwatch.Dimension {
	var own cloudwatch.Datum
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			own.Dimensions = append(own.Dimensions, cloudwatch.Dimension{Name: pairs[i], Value: pairs[i+1]})
		}
	}
	cloudwatch.SortDimensions(own.Dimensions)
	return own.WithDimensions(s.static).Dimensions
}

// fill appends what a reading says. No measurement of a host is negative, so what is comes from a counter that cannot be
// trusted, and is left out with NaN and infinities.
func (s *sheet[R]) fill(data []cloudwatch.Datum, now time.Time, of *R, dims []cloudwatch.Dimension) []cloudwatch.Datum {
	if cap(s.values)-len(s.values) < len(s.columns) {
		s.values = make([]float64, 0, max(roomForValues, len(s.columns)))
	}
	for i := range s.columns {
		c := &s.columns[i]
		v := c.value(of) * c.scale
		if math.IsNaN(v) || v < 0 || !cloudwatch.Sendable(v) {
			continue
		}
		n := len(s.values)
		s.values = append(s.values, v)
		data = append(data, cloudwatch.Datum{
			Name: c.name, Dimensions: dims, Time: now, Unit: c.unit, Resolution: s.resolution,
			Values: s.values[n : n+1 : n+1], RollUpOnly: c.rollUpOnly,
		})
	}
	return data
}

// fillMany appends what several readings say that are of one series: a datum for each measurement, with all their values.
func (s *sheet[R]) fillMany(data []cloudwatch.Datum, now time.Time, readings []R, dims []cloudwatch.Dimension) []cloudwatch.Datum {
	for i := range s.columns {
		c := &s.columns[i]
		values := make([]float64, 0, len(readings)) // they are kept until they are sent
		for j := range readings {
			if v := c.value(&readings[j]) * c.scale; v >= 0 && cloudwatch.Sendable(v) {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			data = append(data, cloudwatch.Datum{
				Name: c.name, Dimensions: dims, Time: now, Unit: c.unit, Resolution: s.resolution, Values: values, RollUpOnly: c.rollUpOnly,
			})
		}
	}
	return data
}

// percentOf is part in hundredths of whole; of nothing there is no share.
func percentOf(part, whole float64) float64 {
	if whole == 0 {
		return math.NaN()
	}
	return part / whole * 100 // in this order what is no more than the whole is no more than 100, however it is rounded
}
