package scrape

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what came out into testdata, to be read before it is committed")

// noon is when the first scrape of a case is; the next are 15 s later each.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// Each file of testdata/documents is one case: a configuration of Prometheus whose target is TARGET, what the agent's settings
// have beside it, what the target says at each scrape (exposition.1, exposition.2, …), and what then is written.
func TestDocuments(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/documents/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range archive.Files {
				parts[f.Name] = string(f.Data)
			}
			got := play(t, parts)
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
				archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != parts["want"] {
				t.Errorf("got\n%s\nwant\n%s", got, parts["want"])
			}
		})
	}
}

// play scrapes a case, and says what was written and what was not.
func play(t *testing.T, parts map[string]string) string {
	t.Helper()
	round := 1
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body, ok := parts[fmt.Sprintf("exposition.%d", round)]
		if !ok {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		kind := "text/plain; version=0.0.4"
		if strings.HasSuffix(body, "# EOF\n") {
			kind = "application/openmetrics-text; version=1.0.0"
		}
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, body)
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	file := filepath.Join(t.TempDir(), "prometheus.yaml")
	write(t, file, strings.ReplaceAll(parts["prometheus.yaml"], "TARGET", address))
	settings := config.Prometheus{ConfigPath: file, LogGroup: "group", Namespace: "space", MaxSeries: 100}
	if parts["settings.json"] != "" {
		if err := json.Unmarshal([]byte(parts["settings.json"]), &settings); err != nil {
			t.Fatal(err)
		}
	}
	s, out, said := aScraper(t, settings)
	for ; parts[fmt.Sprintf("exposition.%d", round)] != ""; round++ {
		at := noon.Add(time.Duration(round-1) * 15 * time.Second)
		s.now = func() time.Time { return at }
		fmt.Fprintf(out, "# %d\n", round)
		everyTarget(t, s)
	}
	counts := s.Counts()
	dropped, err := json.Marshal([]any{counts.Dropped, counts.Failures})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if strings.HasPrefix(line, "{") && !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	return strings.ReplaceAll(fmt.Sprintf("%s# dropped and failed\n%s\n# said\n%s", out, dropped, said), address, "TARGET")
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// aScraper is one that writes into out and tells said.
func aScraper(t *testing.T, p config.Prometheus) (s *Scraper, out, said *bytes.Buffer) {
	t.Helper()
	out, said = &bytes.Buffer{}, &bytes.Buffer{}
	log := slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	s, err := New(p, out, log)
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return noon }
	s.running = func() time.Duration { return s.now().Sub(noon) }
	t.Cleanup(s.stopAll)
	return s, out, said
}

// everyTarget scrapes all targets once, in the order of their names. Those that are known go on.
func everyTarget(t *testing.T, s *Scraper) {
	t.Helper()
	s.mu.Lock()
	s.look(s.now())
	wanted := s.wanted()
	for id := range s.targets {
		if wanted[id] == nil {
			delete(s.targets, id)
		}
	}
	var ids []identity
	for id, of := range wanted {
		if s.targets[id] == nil {
			s.targets[id] = &started{of, func() {}}
		}
		ids = append(ids, id)
	}
	s.mu.Unlock()
	slices.SortFunc(ids, func(a, b identity) int { return strings.Compare(a.job.Name+a.key, b.job.Name+b.key) })
	for _, id := range ids {
		s.scrape(t.Context(), s.targets[id].target)
	}
}
