package collectors

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestDocumentationListsEveryMeasurement(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, plugin := range Names() {
		_, section, found := strings.Cut(string(page), "\n## "+plugin+"\n")
		if !found {
			t.Errorf("no section %s", plugin)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		listed := strings.Count(section, "\n| `")
		for _, r := range Measurements(plugin) {
			if !strings.Contains(section, fmt.Sprintf("\n| `%s` | %s | ", r.Name, r.Unit)) {
				t.Errorf("%s does not list %s in %s", plugin, r.Name, r.Unit)
			}
		}
		if n := len(Measurements(plugin)); listed != n {
			t.Errorf("%s lists %d measurements, there are %d", plugin, listed, n)
		}
	}
}
