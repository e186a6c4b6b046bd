package collectors

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
)

// machine is a host whose files a test may change between two collections.
type machine struct {
	Host
	t testing.TB
}

func newMachine(t *testing.T) machine { return machine{Host{Root: t.TempDir()}, t} }

// captured is a machine of testdata/hosts at a moment, in a folder of its own.
func captured(t *testing.T, name, moment string) machine {
	m := newMachine(t)
	m.becomes(name, moment)
	return m
}

// becomes puts another moment in place of what is there.
func (m machine) becomes(name, moment string) {
	m.t.Helper()
	if err := os.RemoveAll(m.Root); err != nil {
		m.t.Fatal(err)
	}
	from := filepath.Join("testdata", "hosts", name)
	if slices.Contains(packedHosts, name) {
		m.unpack(name, moment)
		return
	}
	from = filepath.Join(from, moment)
	if err := os.CopyFS(m.Root, os.DirFS(from)); err != nil {
		m.t.Fatal(err)
	}
	links, err := os.ReadFile(filepath.Join(from, "links.txt"))
	if err != nil {
		m.t.Fatal(err)
	}
	for line := range strings.Lines(string(links)) {
		link, target, _ := strings.Cut(strings.TrimSpace(line), " ")
		m.link(link, target)
	}
	processes, err := os.ReadFile(filepath.Join(from, "processes.txt"))
	if err != nil {
		m.t.Fatal(err)
	}
	// What is written as \0 is a NUL.
	for part := range strings.SplitSeq(strings.ReplaceAll("\n"+string(processes), `\0`, "\x00"), "\n-- ") {
		if name, text, ok := strings.Cut(part, " --\n"); ok {
			m.write("proc/"+name, text)
		}
	}
}

// unpack puts one of the two folders of an archive at the root.
func (m machine) unpack(name, folder string) {
	m.t.Helper()
	m.write("descriptor", "")
	eachPacked(m.t, name, func(entry *tar.Header, text io.Reader) {
		inner, inside := strings.CutPrefix(path.Clean(entry.Name), folder)
		if !inside {
			return
		}
		at := filepath.Join(m.Root, inner)
		var err error
		switch {
		case entry.Typeflag == tar.TypeDir:
			err = os.MkdirAll(at, 0o755)
		case path.Base(path.Dir(inner)) == "fd": // thousands, of which only the number is read: this takes a twentieth of the time
			err = os.Link(filepath.Join(m.Root, "descriptor"), at)
		case entry.Typeflag == tar.TypeSymlink:
			err = os.Symlink(entry.Linkname, at)
		default:
			var content []byte
			if content, err = io.ReadAll(text); err == nil {
				err = os.WriteFile(at, content, 0o644)
			}
		}
		if err != nil {
			m.t.Fatal(err)
		}
	})
}

// eachPacked visits what is in the archive of a machine.
func eachPacked(t testing.TB, name string, visit func(entry *tar.Header, text io.Reader)) {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", "hosts", name, "capture.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(plain); ; {
		entry, err := archive.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		visit(entry, archive)
	}
}

func (m machine) link(link, target string) {
	m.t.Helper()
	at := filepath.Join(m.Root, link)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if real := filepath.Join(filepath.Dir(at), target); strings.HasPrefix(link, "dev/") {
		if err := os.WriteFile(real, nil, 0o644); err != nil { // a device has to be there to be linked to
			m.t.Fatal(err)
		}
	}
	if err := os.Symlink(target, at); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) write(name, text string) {
	m.t.Helper()
	at := filepath.Join(m.Root, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// measuring is a section of config.json that asks for these measurements.
func measuring(plugin string, names ...string) config.Plugin {
	p := config.Plugin{Name: plugin, Interval: time.Minute, TotalCPU: true}
	for _, n := range names {
		p.Measurements = append(p.Measurements, config.Measurement{Name: n})
	}
	return p
}

func mustBuild(t *testing.T, p config.Plugin, h Host) Collector {
	t.Helper()
	c, problems := Build(p, h)
	if c == nil {
		t.Fatalf("build %s: %v", p.Name, problems)
	}
	return c
}

// noon is when all tests take place.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func collect(t *testing.T, c Collector) map[string]float64 {
	t.Helper()
	values, err := collectSome(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// collectSome collects what there is beside an error, as name{dimension=value,…} → value.
func collectSome(t *testing.T, c Collector) (map[string]float64, error) {
	t.Helper()
	data, err := c.Collect(t.Context(), noon)
	values := map[string]float64{}
	for _, d := range data {
		if _, twice := values[series(d)]; twice {
			t.Errorf("%s came twice", series(d))
		}
		values[series(d)] = d.Values[0]
	}
	return values, err
}

func series(d cloudwatch.Datum) string {
	dims := make([]string, len(d.Dimensions))
	for i, dim := range d.Dimensions {
		dims[i] = dim.Name + "=" + dim.Value
	}
	return d.Name + "{" + strings.Join(dims, ",") + "}"
}

// expect compares everything that was collected. Values may differ by a millionth.
func expect(t *testing.T, got map[string]float64, want map[string]float64) {
	t.Helper()
	for name, w := range want {
		if g, ok := got[name]; !ok {
			t.Errorf("%s is missing, want %g", name, w)
		} else if d := g - w; d > 1e-6 || d < -1e-6 {
			t.Errorf("%s = %g, want %g", name, g, w)
		}
	}
	for name, g := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s = %g was not expected", name, g)
		}
	}
}
