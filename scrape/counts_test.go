package scrape

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
)

// A metric with very many series is the one that is named, also if a hundred others were refused before.
func TestWorstOffenderIsNamed(t *testing.T) {
	t.Parallel()
	body := strings.Builder{}
	for i := range 2 * maxOffenders {
		fmt.Fprintf(&body, "# TYPE m%d counter\nm%d 1\n", i, i)
	}
	fmt.Fprintln(&body, "# TYPE worst counter")
	for i := range 300 {
		fmt.Fprintf(&body, "worst{i=\"%d\"} 1\n", i)
	}
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body.String()) })
	s, _, _ := aScraper(t, config.Prometheus{ConfigPath: oneJob(t, "", address), LogGroup: "g", Namespace: "n", MaxSeries: 10})
	everyTarget(t, s)
	c := s.Counts()
	if worst, say := s.totals.offender(noon); !say || worst != (Refused{"j", "worst", 300}) || c.Refused[0] != worst || len(c.Refused) != 5 || c.Dropped[droppedSeries] != 490 {
		t.Errorf("%v %v", worst, c)
	}
}

// Those that are down are not hidden behind those that nobody has asked yet.
func TestTargetsThatAreDownComeFirst(t *testing.T) {
	t.Parallel()
	a := newTotals()
	var all []*target
	for i := range maxListed + 2 {
		of := &target{job: &Job{Name: fmt.Sprintf("j%03d", i)}}
		if i > maxListed {
			a.scraped(of, 0, nil, 0, errors.New("down"))
		}
		all = append(all, of)
	}
	if c := a.snapshot(all, 0); len(c.Targets) != maxListed || c.Targets[0].LastError != "down" || c.Targets[1].LastError != "" {
		t.Errorf("%+v", c.Targets[0])
	}
}
