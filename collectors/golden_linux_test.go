package collectors

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

var update = flag.Bool("update", false, "write the golden files")

func TestGoldenHosts(t *testing.T) {
	for _, name := range []string{"vm", "ec2-ubuntu", "container"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := twoCollections(t, name)
			golden := filepath.Join("testdata", "hosts", name, "golden.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
			for i := range max(len(gotLines), len(wantLines)) {
				if i >= len(gotLines) || i >= len(wantLines) || gotLines[i] != wantLines[i] {
					t.Fatalf("line %d of %s:\n got %s\nwant %s", i+1, golden, gotLines[min(i, len(gotLines)-1)], wantLines[min(i, len(wantLines)-1)])
				}
			}
		})
	}
}

// twoCollections is every datum of every collector at both moments of a captured machine.
func twoCollections(t *testing.T, name string) string {
	m := captured(t, name, "first")
	var all []Collector
	for _, plugin := range Names() {
		all = append(all, mustBuild(t, everything(plugin), m.Host))
	}
	text := "# " + name + ": the first collection, which has nothing to take differences from\n" + report(t, all)
	m.becomes(name, "second")
	return text + "\n# " + name + ": the second collection\n" + report(t, all)
}

// report is one sorted line per datum: name{dimensions} unit resolution value.
func report(t *testing.T, all []Collector) string {
	var lines []string
	for _, c := range all {
		data, err := c.Collect(t.Context(), noon)
		if err != nil {
			t.Error(err)
		}
		for _, d := range data {
			mustBeSound(t, d)
			lines = append(lines, fmt.Sprintf("%s %s %.0fs %s\n", series(d), d.Unit, d.Resolution.Seconds(), rounded(d.Values[0])))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func mustBeSound(t *testing.T, d cloudwatch.Datum) {
	t.Helper()
	sorted := slices.IsSortedFunc(d.Dimensions, func(a, b cloudwatch.Dimension) int { return strings.Compare(a.Name, b.Name) })
	if !sorted || len(d.Values) != 1 || d.Counts != nil || d.Values[0] < 0 || !cloudwatch.Sendable(d.Values[0]) || !d.Time.Equal(noon) {
		t.Errorf("unsound: %+v", d)
	}
}

// rounded leaves out the digits that floating point makes up.
func rounded(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}
