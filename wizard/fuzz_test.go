package wizard

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/nephoscope/nephoscope/config"
)

// Whatever is typed, the interview ends, and what it writes is accepted.
func FuzzInterview(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.txt")
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		_, rest, _ := bytes.Cut(raw, []byte("-- answers --\n"))
		answers, _, _ := bytes.Cut(rest, []byte("-- transcript --\n"))
		f.Add(answers)
	}
	root := folder(f)
	f.Fuzz(func(t *testing.T, answers []byte) {
		host := newHost(t, "region eu-west-1\ndaemon xray -c cfg.yaml\ncredential AKIA1\ndenied 1\nstart started")
		var out bytes.Buffer
		result, err := Run(t.Context(), Options{In: bytes.NewReader(answers), Out: &out, Layout: layout(root), Host: host.Host})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(result.Output)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := config.Parse("config.json", raw); err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		if result.Parameter != "" && len(host.stored) == 0 {
			t.Fatal("it says it has stored what it has not")
		}
	})
}
