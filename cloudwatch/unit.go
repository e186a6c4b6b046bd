package cloudwatch

import "strings"

// Unit is one of the service's standard units (MetricDatum.Unit); the zero value is None.
type Unit string

const (
	None         Unit = "None"
	Percent      Unit = "Percent"
	Count        Unit = "Count"
	Bytes        Unit = "Bytes"
	Seconds      Unit = "Seconds"
	Milliseconds Unit = "Milliseconds"
)

// standardUnits is the enumeration of MetricDatum.Unit.
var standardUnits = []Unit{
	Seconds, "Microseconds", Milliseconds,
	Bytes, "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
	"Bits", "Kilobits", "Megabits", "Gigabits", "Terabits",
	Percent, Count,
	"Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second",
	"Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second",
	"Count/Second", None,
}

// ResolveUnit finds the standard unit that a config.json means: its name in any case, or one of the short forms that the
// original takes (s us ms b by bi b/s bi/s % 1, with k/M/G/T and Ki/Mi/Gi/Ti before them; min, h, d). Values are to be
// multiplied by scale. ok is false for a unit that nobody knows; the original then sends None, and so do we.
func ResolveUnit(name string) (unit Unit, scale float64, ok bool) {
	for _, u := range standardUnits {
		if strings.EqualFold(string(u), name) {
			return u, 1, true
		}
	}
	switch low := strings.ToLower(name); low {
	case "%":
		return Percent, 1, true
	case "1":
		return Count, 1, true
	case "s":
		return Seconds, 1, true
	case "ms":
		return Milliseconds, 1, true
	case "us":
		return "Microseconds", 1, true
	case "ns":
		return None, 1, true
	case "min":
		return Seconds, 60, true
	case "h":
		return Seconds, 3600, true
	case "d":
		return Seconds, 86400, true
	default:
		return resolveSize(low)
	}
}

// resolveSize reads [prefix](b|by|bi)[/s]: bytes and bits with a decimal or binary prefix. A binary prefix is sent under
// its decimal name with the value scaled.
func resolveSize(low string) (Unit, float64, bool) {
	base, perSecond := strings.CutSuffix(low, "/s")
	var noun string
	switch {
	case strings.HasSuffix(base, "bi"):
		noun, base = "bits", strings.TrimSuffix(base, "bi")
	case strings.HasSuffix(base, "by"):
		noun, base = "bytes", strings.TrimSuffix(base, "by")
	case strings.HasSuffix(base, "b"):
		noun, base = "bytes", strings.TrimSuffix(base, "b")
	default:
		return None, 1, false
	}
	prefixes := map[string]string{"": "", "k": "Kilo", "m": "Mega", "g": "Giga", "t": "Tera"}
	powers := map[string]float64{"ki": 1024. / 1000, "mi": 1024. * 1024 / 1e6, "gi": 1024. * 1024 * 1024 / 1e9, "ti": 1024. * 1024 * 1024 * 1024 / 1e12}
	scale := 1.0
	if p, binary := powers[base]; binary {
		scale, base = p, strings.TrimSuffix(base, "i")
	}
	prefix, known := prefixes[base]
	if !known {
		return None, 1, false
	}
	name := prefix + noun
	if prefix == "" {
		name = strings.ToUpper(noun[:1]) + noun[1:]
	}
	if perSecond {
		name += "/Second"
	}
	return Unit(name), scale, true
}
