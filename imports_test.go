// Package nephoscope holds no code: these tests keep the house in order.
package nephoscope

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nephoscope/nephoscope/"

// mayImport says which of our packages a package may import. Imports point one way:
// cmd → agent → {collectors, listeners, tailer, publish} → {cloudwatch, config, internal/durable}.
var mayImport = map[string][]string{
	"config":                    {},
	"cloudwatch":                {},
	"internal/durable":          {},
	"internal/output":           {},
	"local":                     {},
	"collectors":                {"cloudwatch", "config"},
	"listeners":                 {"cloudwatch", "config", "internal/durable"},
	"tailer":                    {"cloudwatch", "config", "internal/durable"},
	"publish":                   {"cloudwatch", "internal/durable"},
	"scrape":                    {"config"},
	"internal/awsapi":           {"cloudwatch"},
	"agent":                     {"cloudwatch", "config", "collectors", "listeners", "tailer", "publish", "internal/durable"},
	"internal/install":          {"agent", "config", "internal/durable", "internal/output"},
	"internal/explain":          {"agent", "cloudwatch", "collectors", "config", "internal/output", "listeners", "tailer"},
	"internal/migrate":          {"config", "internal/durable", "internal/install", "tailer"},
	"internal/doctor":           {"agent", "cloudwatch", "config", "internal/install", "internal/output", "tailer"},
	"wizard":                    {"config", "internal/durable", "internal/install", "internal/migrate", "tailer"},
	"cmd/nephoscope":            {"agent", "config", "internal/awsapi", "internal/doctor", "internal/durable", "internal/explain", "internal/install", "internal/migrate", "internal/output", "packaging", "publish", "wizard"},
	"cmd/nephoscope-local":      {"local"},
	"cmd/nephoscope-prometheus": {"config", "internal/output", "scrape"},
	"packaging":                 {},
	"packaging/scripts":         {}, // tests alone
	"internal/demo":             {},
	"internal/bench":            {"collectors"},      // the names of all measurements
	"internal/torture":          {"local", "tailer"}, // what a ledger is
	"packaging/manpage":         {},
}

var because = map[string]string{
	"local":      "the local CloudWatch must not agree with us by sharing our mistakes",
	"config":     "the configuration is pure: what a key means is decided by those who use it",
	"cloudwatch": "what CloudWatch accepts depends on nothing else",
	"scrape":     "it is linked into a program of its own, which is no part of the agent",
}

// onlyIn says where alone a library may be imported.
var onlyIn = map[string]struct{ rooms, reason string }{
	"github.com/aws/":                  {"internal/awsapi", "nobody else knows the SDK's types and error codes"},
	"github.com/shirou/gopsutil":       {"collectors", "nobody else reads the host"},
	"github.com/godbus/":               {"collectors", "nobody else asks systemd"},
	"github.com/fsnotify/fsnotify":     {"tailer", "nobody else watches files"},
	"github.com/kardianos/service":     {"cmd/nephoscope", "only the command knows what started it"},
	"modernc.org/sqlite":               {"local", "a production host never carries a database"},
	"github.com/BurntSushi/toml":       {"config internal/migrate", "only configurations are TOML: ours, and Telegraf's"},
	"go.yaml.in/yaml/v3":               {"internal/migrate scrape", "only the configurations of other agents, and Prometheus's, are YAML"},
	"github.com/prometheus/":           {"scrape", "the agent does not carry Prometheus's libraries: what scrapes is a program of its own"},
	"golang.org/x/text/":               {"tailer", "nobody else decodes what is in files"},
	"github.com/bmatcuk/doublestar/v4": {"tailer", "only log paths are globs of that kind"},
	"collectd.org/":                    {"", "it makes the packets of tests, and reads signed ones twice"},
	"github.com/fxamacker/cbor/v2":     {"local", "the agent only writes CBOR, and does that itself"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) (all []pkg) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportsPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, module)
		if room == strings.TrimSuffix(module, "/") {
			continue // this test
		}
		allowed, known := mayImport[room]
		if !known {
			t.Errorf("%s is a new room: say in imports_test.go what it may import, and in DESIGN.md what it is for", room)
			continue
		}
		for _, i := range p.Imports {
			if other, ours := strings.CutPrefix(i, module); ours && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s, which it may not: %s", room, other, reason(room))
			}
			for library, home := range onlyIn {
				if strings.HasPrefix(i, library) && !slices.Contains(strings.Fields(home.rooms), room) && room != "internal/bench" {
					t.Errorf("%s imports %s, which is for %s alone: %s", room, i, home.rooms, home.reason)
				}
			}
		}
	}
}

func reason(room string) string {
	if why := because[room]; why != "" {
		return why
	}
	return "imports point from cmd to agent to collectors, listeners, tailer and publish, and from those to cloudwatch, config and internal/durable"
}

// State is written by internal/durable alone: anything else would forget the fsync.
func TestWritesGoThroughDurable(t *testing.T) {
	writers := []string{"WriteFile", "Rename", "Create", "CreateTemp", "Mkdir", "MkdirAll", "OpenFile", "Remove", "RemoveAll", "Truncate"}
	exempt := map[string]string{
		"internal/durable":     "it is the one that writes",
		"local":                "a product of its own, with a database",
		"cmd/nephoscope-local": "the same",
		"internal/demo":        "not part of the agent",
		"internal/bench":       "not part of the agent",
		"internal/torture":     "the same",
		"packaging/manpage":    "the same",
		"packaging/tools":      "the same",
	}
	allowed := map[string]bool{
		"cmd/nephoscope/logfile.go:OpenFile":       true, // its own log, which is no state
		"cmd/nephoscope/logfile.go:MkdirAll":       true,
		"cmd/nephoscope/logfile.go:Rename":         true,
		"cmd/nephoscope/slack_linux.go:WriteFile":  true, // the kernel's, for our own threads
		"agent/scraper_linux.go:WriteFile":         true, // the same, for a child
		"cmd/nephoscope/doctor_bundle.go:OpenFile": true, // a new file where the user says, which is no state
		"cmd/nephoscope/doctor_bundle.go:Remove":   true, // the same, when it is not whole
		"internal/doctor/host_linux.go:OpenFile":   true, // for reading
		"tailer/identity_unix.go:OpenFile":         true, // the same
		"listeners/socket.go:Remove":               true, // a socket that an earlier run has left, which is no state
		"tailer/removal.go:Remove":                 true, // a log file, which is no state: auto_removal
		"collectors/mounts_linux.go:OpenFile":      true,
	}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		name = filepath.ToSlash(name)
		if exempt[path.Dir(name)] != "" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := call.X.(*ast.Ident); ok && of.Name == "os" && slices.Contains(writers, call.Sel.Name) && !allowed[name+":"+call.Sel.Name] {
				t.Errorf("%s calls os.%s: state is written by internal/durable alone, which does not forget the fsync", name, call.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// DESIGN.md names a test for each invariant; a renamed test must not leave it lying.
func TestDesignNamesTestsThatExist(t *testing.T) {
	design, err := os.ReadFile("DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	err = filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		src, err := os.ReadFile(name)
		tests.Write(src)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(string(design), -1)
	if len(names) < 30 {
		t.Errorf("DESIGN.md names only %d tests", len(names))
	}
	for _, n := range names {
		if !strings.Contains(tests.String(), "func "+n[1]+"(") {
			t.Errorf("DESIGN.md names %s, which does not exist", n[1])
		}
	}
}
