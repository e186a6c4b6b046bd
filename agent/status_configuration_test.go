package agent

import (
	"strings"
	"testing"
	"time"
)

func TestHealthSaysThatAnotherConfigurationRuns(t *testing.T) {
	f := func(name string, c Configuration, want string) {
		t.Helper()
		s := judged(func(s *Status) { s.Configuration = c })
		if want == "" {
			if s.Health != OK {
				t.Errorf("%s: got %+v", name, s.Reasons)
			}
		} else if s.Health != Degraded || len(s.Reasons) != 1 || !strings.Contains(s.Reasons[0].What, want) || !s.Reasons[0].Since.Equal(c.RefusedAt) {
			t.Errorf("%s: got %s %+v", name, s.Health, s.Reasons)
		}
	}
	at := time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)
	f("nobody tells", Configuration{}, "")
	f("it runs", Configuration{OnDisk: Runs}, "")
	f("not reloaded yet", Configuration{OnDisk: Differs}, "")
	f("refused", Configuration{OnDisk: Differs, Refused: "c.json:1:2: no", RefusedAt: at}, "not the one that runs: c.json:1:2: no")
	f("refused and gone", Configuration{OnDisk: Unreadable, Refused: "no such file", RefusedAt: at}, "no such file")
	f("refused and taken back", Configuration{OnDisk: Runs, Refused: "c.json:1:2: no", RefusedAt: at}, "")
	f("last good", Configuration{OnDisk: Differs, LastGood: true, Refused: "c.json:1:2: no", RefusedAt: at}, "which is the last good one: c.json:1:2: no")
}
