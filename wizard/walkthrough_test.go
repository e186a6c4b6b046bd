package wizard

import (
	"os"
	"strings"
	"testing"
)

// walkthroughAnswers are those of a user of the original, who was not asked about the journal.
const walkthroughAnswers = "1 1 2 2 2 1 2 1 2 4 2 1 2 2 2 2"

func TestWalkthroughGivesTheExpectedFileWithAndWithoutTheJournalsAnswer(t *testing.T) {
	want, err := os.ReadFile("testdata/expected-standard.json")
	if err != nil {
		t.Fatal(err)
	}
	f := func(answers string) {
		t.Helper()
		got := hold(t, "region eu-west-1\nstart", strings.NewReader(strings.ReplaceAll(answers, " ", "\n")), nil)
		if got.err != nil {
			t.Fatal(got.err)
		}
		if string(got.config) != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", answers, got.config, want)
		}
		if len(got.host.stored) > 0 || len(got.host.started) > 0 {
			t.Errorf("%s: stored %v, started %v", answers, got.host.stored, got.host.started)
		}
	}
	f(walkthroughAnswers)
	f(walkthroughAnswers + " 2")
	f(walkthroughAnswers + " 2 2")
	f("linux EC2 root no no yes n y no 60s standard Y no no NO no no")
}
