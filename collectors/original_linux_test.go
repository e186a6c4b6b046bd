package collectors

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
)

// ourPlugins are those that the original does not have.
var ourPlugins = []string{"conntrack", "filefd", "loadavg", "oom", "pressure", "systemd", "tcp", "uptime"}

// What arrives of the machines of testdata/hosts has the names, units and dimensions of the original, and every name of the
// original arrives of some machine.
func TestNamesUnitsAndDimensionsAreTheOriginals(t *testing.T) {
	t.Parallel()
	type metric struct {
		unit       string
		dimensions []string // alternatives
	}
	text, err := os.ReadFile("testdata/original.txt")
	if err != nil {
		t.Fatal(err)
	}
	original, missing := map[string]metric{}, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if words[0] == "#" {
			continue
		}
		if len(words) != 3 {
			t.Fatalf("a line is broken: %q", line)
		}
		original[words[0]] = metric{words[1], strings.Split(words[2], "|")}
		missing[words[0]] = words[2] != "never"
	}
	for line, host := range goldenLines(t) {
		series, rest, _ := strings.Cut(line, "} ")
		name, dims, _ := strings.Cut(series, "{")
		unit, _, _ := strings.Cut(rest, " ")
		if plugin, _, _ := strings.Cut(name, "_"); slices.Contains(ourPlugins, plugin) {
			continue
		}
		want, known := original[name]
		missing[name] = false
		if !known && strings.HasPrefix(name, "ethtool_") { // whatever the driver counts
			want, known = original["ethtool_*"]
			missing["ethtool_*"] = false
		}
		if got := dimensionNames(dims); !known || want.unit != unit || !slices.Contains(want.dimensions, got) {
			t.Errorf("%s: %s comes in %s with %s; the original: %+v (known: %t)", host, name, unit, got, want, known)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		if missing[name] {
			t.Errorf("%s comes of no machine", name)
		}
	}
}

// goldenLines are all data of all captured machines, and of which machine they are.
func goldenLines(t *testing.T) map[string]string {
	lines := map[string]string{}
	for _, host := range capturedHosts {
		text, err := os.ReadFile(filepath.Join("testdata", "hosts", host, "golden.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "{") {
				lines[line] = host
			}
		}
	}
	return lines
}

// dimensionNames are the names in name=value,name=value. A value may hold a comma, but then no = behind it on these machines.
func dimensionNames(dims string) string {
	var names []string
	for pair := range strings.SplitSeq(dims, ",") {
		if name, _, ok := strings.Cut(pair, "="); ok {
			names = append(names, name)
		}
	}
	if names == nil {
		return "-"
	}
	return strings.Join(names, ",")
}

// Every name that the original has can be asked for, in its unit, whether it ever comes or not.
func TestEveryMeasurementOfTheOriginalExists(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/original.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, plugin := range Names() {
		for _, r := range Measurements(plugin) {
			rows[measuring(plugin).WireName(config.Measurement{Name: r.Name})] = string(r.Unit)
		}
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); words[0] != "#" && words[0] != "ethtool_*" && rows[words[0]] != words[1] {
			t.Errorf("%s is in %q, want %s", words[0], rows[words[0]], words[1])
		}
	}
}
