package wizard

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// People who type anything, and go back and forth, get a file that the agent accepts; what is refused is asked again, so
// that the interview does not depend on how much of it made sense.
func TestRandomAnswersGiveAValidConfiguration(t *testing.T) {
	words := []string{"", "", "", "1", "1", "1", "2", "2", "2", "3", "4", "5", "22", "23", "b", "b", "?", `\b`, "yes", "no", "n", "linux", "windows",
		"darwin", "EC2", "on-premises", "none", "standard", "30d", "60s", "/var/log/a", "/var/log/b*", "web", "WEB", "{hostname}", "(", "ERROR",
		"_UID", "0", "6", "8", "11", "true", "127.0.0.1:2000", "/var/awslogs/etc/awslogs.conf", "/conflict.conf", "/etc/xray/cfg.yaml", "1001,1002",
		strings.Repeat("x", 600), "é\x00\xff", "a b", "${x}", "-1", "99999"}
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			answers := make([]string, 20+r.IntN(130))
			for i := range answers {
				answers[i] = words[r.IntN(len(words))]
			}
			host := "region eu-west-1\nuser root\ncredential AKIA1\ndenied 1\nstart started"
			if seed%3 == 0 {
				host += "\ndaemon xray -c cfg.yaml -n eu-west-1\ndaemon xray -b 127.0.0.1:4000"
			}
			got := hold(t, host, strings.NewReader(strings.Join(answers, "\n")), nil)
			if got.err != nil {
				t.Fatalf("%q: %v", answers, got.err)
			}
			accepted(t, got.config)
			if n := len(got.host.stored); (got.result.Parameter != "") != (n > 0) {
				t.Errorf("%q: it says it stored %q, and stored %d", answers, got.result.Parameter, n)
			}
			if got.result.Started != (len(got.host.started) > 0) {
				t.Errorf("%q: got started %v, %v", answers, got.result.Started, got.host.started)
			}
		})
	}
}
