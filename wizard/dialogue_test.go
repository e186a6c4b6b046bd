package wizard

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
)

// dialogue is a file of testdata: a sentence on what it is about, the host, the answers, and what comes of them.
// UPDATE_WANT=1 go test writes the last two; read the difference before it is committed.
type dialogue struct {
	about                             string
	host, answers, transcript, config string
}

func readDialogue(t *testing.T, path string) (d dialogue) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	into := &d.about
	for line := range strings.Lines(string(raw)) {
		switch line {
		case "-- host --\n":
			into = &d.host
		case "-- answers --\n":
			into = &d.answers
		case "-- transcript --\n":
			into = &d.transcript
		case "-- config --\n":
			into = &d.config
		default:
			*into += line
		}
	}
	if d.about == "" || d.answers == "" {
		t.Fatalf("%s: there is no text or no answers in it", path)
	}
	return d
}

func (d dialogue) String() string {
	return d.about + "-- host --\n" + d.host + "-- answers --\n" + d.answers + "-- transcript --\n" + d.transcript + "-- config --\n" + d.config
}

// held is an interview that was held in a folder of its own.
type held struct {
	transcript string
	config     []byte
	result     Result
	host       *fakeHost
	root       string
	err        error
}

// hold lets the wizard ask; change may set its options.
func hold(t *testing.T, host string, in io.Reader, change func(*Options)) held {
	t.Helper()
	h := held{host: newHost(t, host), root: folder(t)}
	var out bytes.Buffer
	o := Options{In: in, Out: &out, Layout: install.Layout{Root: h.root}, Host: h.host.Host}
	if e, ok := in.(*echo); ok {
		e.out = &out
	}
	if change != nil {
		change(&o)
	}
	h.result, h.err = Run(t.Context(), o)
	h.transcript = strings.ReplaceAll(out.String(), h.root, "")
	h.config, _ = os.ReadFile(h.result.Output)
	return h
}

// toFile has the wizard write a file of its own, on this machine.
func toFile(o *Options) { o.Output, o.Layout.Root = filepath.Join(o.Layout.Root, "config.json"), "" }

// echo shows what is read, as a terminal does.
type echo struct {
	lines []string
	out   io.Writer
}

func typed(answers string) *echo { return &echo{lines: strings.SplitAfter(answers, "\n")} }

func (e *echo) Read(p []byte) (int, error) {
	if len(e.lines) == 0 || e.lines[0] == "" {
		return 0, io.EOF
	}
	n := copy(p, e.lines[0])
	_, _ = fmt.Fprint(e.out, "> ", e.lines[0][:n])
	if e.lines[0] = e.lines[0][n:]; e.lines[0] == "" {
		e.lines = e.lines[1:]
	}
	return n, nil
}

func TestDialogues(t *testing.T) {
	paths, _ := filepath.Glob("testdata/*.txt")
	if len(paths) < 35 {
		t.Fatalf("got %d dialogues", len(paths))
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			d := readDialogue(t, path)
			got := hold(t, d.host, typed(d.answers), toFile)
			if got.err != nil {
				t.Fatal(got.err)
			}
			if os.Getenv("UPDATE_WANT") != "" {
				d.transcript, d.config = got.transcript, string(got.config)
				if err := os.WriteFile(path, []byte(d.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got.transcript != d.transcript {
				t.Errorf("got transcript\n%s\nwant\n%s", got.transcript, d.transcript)
			}
			if string(got.config) != d.config {
				t.Errorf("got config\n%s\nwant\n%s", got.config, d.config)
			}
			accepted(t, got.config)
			// However the answers come, they make the same file.
			for how, in := range map[string]io.Reader{"at once": strings.NewReader(d.answers), "byte by byte": iotest.OneByteReader(strings.NewReader(d.answers))} {
				if again := hold(t, d.host, in, nil); string(again.config) != d.config {
					t.Errorf("%s: got config\n%s\nwant\n%s", how, again.config, d.config)
				}
			}
		})
	}
}

// accepted fails for a configuration that the agent would refuse.
func accepted(t *testing.T, raw []byte) {
	t.Helper()
	if _, err := config.Parse("config.json", raw); err != nil {
		t.Errorf("the configuration is refused: %v\n%s", err, raw)
	}
}

func TestEveryQuestionIsInADialogue(t *testing.T) {
	paths, _ := filepath.Glob("testdata/*.txt")
	var all strings.Builder
	for _, path := range paths {
		all.WriteString(readDialogue(t, path).transcript)
	}
	var visit func(steps []step)
	visit = func(steps []step) {
		for _, s := range steps {
			if s.loop != nil {
				visit(s.loop.steps)
			}
			if s.ask != nil && !strings.Contains(all.String(), "\n"+s.ask.text+"\n") {
				t.Errorf("no dialogue has %s: %s", s.ask.id, s.ask.text)
			}
		}
	}
	visit(script())
}
