package tailer

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// world is where a history happens. It is the checkpoint store as well.
type world struct {
	*tail
	script  string
	lax     bool // there may be no batch to be read
	line    int
	held    []*sending
	outage  bool
	denied  error // why the checkpoint store takes nothing
	skew    time.Duration
	writers map[string]*os.File
	names   map[string]string // of what the writers have open
	torn    map[string][]byte // files, whole
	known   map[*Source]bool  // every one that there was
	said    [2]int64          // what the history said was lost and gone
	stream  []event           // what the log stream holds
	landed  map[cloudwatch.Trace]bool

	readBack bool // every batch is remembered before it is sent
	again    bool // something was sent again because nobody could tell that it was there
	untold   bool // or nobody could tell, whether it was there or not
}

// event is one of a log stream.
type event struct {
	at      int64
	message []byte
}

// find is what the stream has from one time to another.
func (w *world) find(first, last int64) (t cloudwatch.Trace) {
	for _, e := range w.stream {
		if first <= e.at && e.at <= last {
			t.Note(e.at, e.message)
		}
	}
	return t
}

func newWorld(t *testing.T, script string) *world {
	return &world{tail: newTail(t), script: script, writers: map[string]*os.File{}, names: map[string]string{}, torn: map[string][]byte{}, known: map[*Source]bool{}, landed: map[cloudwatch.Trace]bool{}}
}

func (w *world) naming(string) cloudwatch.LogStream {
	return cloudwatch.LogStream{Group: "g", Name: "s"}
}

// Get, Put, Delete and Names are the checkpoint store.
func (w *world) Get(name string) ([]byte, bool) { return w.store.Get(name) }

// Names lists the checkpoints.
func (w *world) Names() []string { return w.store.Names() }

// Put keeps a checkpoint, unless the history says otherwise.
func (w *world) Put(name string, v []byte) error {
	if w.denied != nil {
		return w.denied
	}
	return w.store.Put(name, v)
}

// Delete forgets one.
func (w *world) Delete(name string) error {
	if w.denied != nil {
		return w.denied
	}
	return w.store.Delete(name)
}

func (w *world) sources() []*Source {
	if w.entry == nil {
		return nil
	}
	all := w.entry.Sources()
	slices.SortFunc(all, func(a, b *Source) int { return strings.Compare(a.path, b.path) })
	return all
}

// one reads one batch of the first source that has any.
func (w *world) one() *sending {
	w.Helper()
	w.look()
	w.settle()
	for _, s := range w.sources() {
		if b := w.fill(s); b != nil {
			return b
		}
	}
	if !w.lax {
		w.Errorf("%s:%d: there is no batch to be read", w.script, w.line)
	}
	return nil
}

func (w *world) arrive(b *sending, commit bool) {
	for at, message := range b.batch.Events() {
		w.stream = append(w.stream, event{at, bytes.Clone(message)})
		if !strings.HasPrefix(string(message), "nephoscope: ") { // the telling of a loss, which lost and gone are about
			w.got = append(w.got, string(message))
		}
	}
	if !commit {
		return
	}
	if err := b.source.Commit(b.mark, cloudwatch.Verdict{}); (err == nil) != (w.denied == nil) {
		w.Errorf("%s:%d: commit: %v", w.script, w.line, err)
	}
}

func (w *world) deliver() {
	w.Helper()
	for range 1000 {
		w.look()
		w.settle()
		still := true
		for _, s := range w.sources() {
			for n := 0; ; n++ {
				b := w.fill(s)
				if b == nil {
					break
				}
				w.arrive(b, true)
				if still = false; n > 1000 {
					w.Fatalf("%s:%d: batches come for ever, of %s", w.script, w.line, s.path)
				}
			}
		}
		if still {
			return
		}
	}
	w.Fatal("never at rest")
}

// hold reads what a publisher does that has nothing acknowledged, and gives it back, but for what cannot be read again.
func (w *world) hold() {
	for _, s := range w.sources() {
		if slices.ContainsFunc(w.held, func(b *sending) bool { return b.source == s }) {
			continue
		}
		if b := w.fill(s); b != nil && !w.rewind(s) {
			w.held = append(w.held, b)
		}
	}
}

func (w *world) heal() {
	w.outage = false
	for _, b := range w.held {
		w.arrive(b, true)
	}
	w.held = nil
	w.deliver()
}

func (w *world) wait(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(unsureNet, time.Until(end)))
		if w.entry != nil {
			w.look()
		}
	}
}

// stamp gives a file the time that the wall clock shows.
func (w *world) stamp(name string) {
	time.Sleep(10 * time.Millisecond)
	if name != "" {
		w.must(os.Chtimes(w.at(name), time.Time{}, time.Now().Add(w.skew)))
	}
}

func (w *world) overwrite(name string, text []byte) {
	w.must(os.WriteFile(w.at(name), text, 0o600))
	w.stamp(name)
}

func (w *world) read(name string) []byte {
	raw, err := os.ReadFile(w.at(name))
	w.must(err)
	return raw
}

func (w *world) moved(from, to string) {
	for writer, name := range w.names {
		if name == from {
			w.names[writer] = to
		} else if name == to {
			w.names[writer] = ""
		}
	}
}

func (w *world) checkArrived(want []string) {
	w.Helper()
	if !slices.Equal(w.got, want) {
		w.Errorf("%s:%d: got %s, want %s", w.script, w.line, quote(w.got), quote(want))
	}
	w.got = nil
}

// quote writes lines as a history does.
func quote(lines []string) string {
	var all []string
	for i := 0; i < len(lines); {
		n := 1
		for i+n < len(lines) && lines[i+n] == lines[i] {
			n++
		}
		all = append(all, strconv.Quote(lines[i]))
		if n > 1 {
			all[len(all)-1] += "*" + strconv.Itoa(n)
		}
		i += n
	}
	return strings.Join(all, " ")
}

// firsts is what arrived, without what arrived again.
func firsts(got []string) (all []string) {
	seen := map[string]bool{}
	for _, line := range got {
		if !seen[line] {
			all = append(all, line)
		}
		seen[line] = true
	}
	return all
}

func (w *world) checkLosses() {
	w.Helper()
	if bytes, files := w.losses(); bytes != w.said[0] || files != w.said[1] {
		w.Errorf("%s:%d: %d bytes and %d files are counted as lost, want %d and %d", w.script, w.line, bytes, files, w.said[0], w.said[1])
	}
}

func (w *world) duration(text string) time.Duration {
	days, isDays := strings.CutSuffix(text, "d")
	if n, err := strconv.Atoi(days); isDays && err == nil {
		return time.Duration(n) * 24 * time.Hour
	}
	d, err := time.ParseDuration(text)
	w.must(err)
	return d
}

func (w *world) number(text string) int64 {
	n, err := strconv.ParseInt(text, 0, 64)
	w.must(err)
	return n
}

// operations are the words of a history, with the number of arguments that each needs.
var operations = map[string]struct {
	args int
	do   func(w *world, a []string)
}{
	"follow":       {1, func(w *world, a []string) { w.file.Path = w.at(a[0]) }},
	"follow-all":   {1, func(w *world, a []string) { w.file.Path, w.file.PublishMultiLogs = w.at(a[0]), true }},
	"event-begins": {1, func(w *world, a []string) { w.file.MultiLineStart = regexp.MustCompile(a[0]) }},
	"read-back":    {0, func(w *world, _ []string) { w.readBack = true }},
	"may-rest":     {1, func(w *world, a []string) { w.holding = NewHolding(int(w.number(a[0])), 1<<30) }},
	"flush":        {1, func(w *world, a []string) { w.linger = w.duration(a[0]) }},

	"append": {2, func(w *world, a []string) {
		w.writeTo(a[0], strings.Join(a[1:], ""))
		w.stamp(a[0])
	}},
	"rename": {2, func(w *world, a []string) {
		w.rename(a[0], a[1])
		w.moved(a[0], a[1])
	}},
	"copy": {2, func(w *world, a []string) { w.overwrite(a[1], w.read(a[0])) }},
	"copytruncate": {2, func(w *world, a []string) {
		w.overwrite(a[1], w.read(a[0]))
		w.overwrite(a[0], nil)
	}},
	"truncate": {1, func(w *world, a []string) {
		w.must(os.Truncate(w.at(a[0]), w.number(append(a, "0")[1])))
		w.stamp(a[0])
	}},
	"rewrite": {2, func(w *world, a []string) { w.overwrite(a[0], []byte(strings.Join(a[1:], ""))) }},
	"replace": {2, func(w *world, a []string) {
		w.overwrite("."+a[0]+".new", []byte(strings.Join(a[1:], "")))
		w.rename("."+a[0]+".new", a[0])
		w.moved("."+a[0]+".new", a[0])
	}},
	"delete": {1, func(w *world, a []string) {
		w.must(os.Remove(w.at(a[0])))
		w.moved(a[0], "")
	}},
	"link": {2, func(w *world, a []string) { w.must(os.Link(w.at(a[0]), w.at(a[1]))) }},
	"symlink": {2, func(w *world, a []string) {
		_ = os.Remove(w.at(a[1]))
		w.must(os.Symlink(a[0], w.at(a[1])))
	}},
	"compress": {1, func(w *world, a []string) {
		ext := ".gz"
		if len(a) > 1 {
			ext = a[1]
		}
		w.pack(a[0], ext)
		w.moved(a[0], "")
	}},
	"tear": {1, func(w *world, a []string) {
		whole := w.read(a[0])
		w.torn[a[0]] = whole
		w.overwrite(a[0], whole[:len(whole)/2])
	}},
	"mend":  {1, func(w *world, a []string) { w.overwrite(a[0], w.torn[a[0]]) }},
	"mkdir": {1, func(w *world, a []string) { w.must(os.Mkdir(w.at(a[0]), 0o700)) }},
	"chmod": {2, func(w *world, a []string) { w.must(os.Chmod(w.at(a[0]), os.FileMode(w.number("0o"+a[1])))) }},
	"mtime": {2, func(w *world, a []string) {
		w.must(os.Chtimes(w.at(a[0]), time.Time{}, time.Now().Add(w.skew+w.duration(a[1]))))
	}},
	"open": {2, func(w *world, a []string) {
		how := os.O_APPEND
		if len(a) > 2 && a[2] == "plain" {
			how = 0
		}
		f, err := os.OpenFile(w.at(a[1]), how|os.O_CREATE|os.O_WRONLY, 0o600)
		w.must(err)
		w.writers[a[0]], w.names[a[0]] = f, a[1]
		w.Cleanup(func() { _ = f.Close() })
	}},
	"write": {2, func(w *world, a []string) {
		_, err := w.writers[a[0]].WriteString(strings.Join(a[1:], ""))
		w.must(err)
		w.stamp(w.names[a[0]])
	}},
	"close": {1, func(w *world, a []string) { w.must(w.writers[a[0]].Close()) }},
	"clock": {1, func(w *world, a []string) { w.skew += w.duration(a[0]) }},
	"wait":  {1, func(w *world, a []string) { w.wait(w.duration(a[0])) }},

	"start":   {0, func(w *world, _ []string) { w.begin() }},
	"stop":    {0, func(w *world, _ []string) { w.end() }},
	"look":    {0, func(w *world, _ []string) { w.look() }},
	"deliver": {0, func(w *world, _ []string) { w.deliver() }},
	"heal":    {0, func(w *world, _ []string) { w.heal() }},
	"deny":    {0, func(w *world, _ []string) { w.denied = errors.New("the store takes nothing") }},
	"full":    {0, func(w *world, _ []string) { w.denied = syscall.ENOSPC }},
	"allow":   {0, func(w *world, _ []string) { w.denied = nil }},
	"outage": {0, func(w *world, _ []string) {
		w.outage = true
		w.look()
	}},
	"take": {0, func(w *world, _ []string) {
		if b := w.one(); b != nil {
			w.arrive(b, true)
		}
	}},
	"send": {0, func(w *world, _ []string) {
		if b := w.one(); b != nil {
			w.arrive(b, false)
		}
	}},
	"fail": {0, func(w *world, _ []string) {
		if b := w.one(); b != nil && !w.rewind(b.source) {
			w.arrive(b, true)
		}
	}},
	"wire": {1, func(w *world, a []string) { w.wire(a[0]) }},
	"doubt": {1, func(w *world, a []string) {
		if b := w.wire(a[0]); b != nil && !b.source.Rewind(true) {
			w.arrive(b, true) // it is sent until an answer comes
		}
	}},
	"settle": {0, func(w *world, _ []string) { w.settle() }},
	"hurry":  {0, func(w *world, _ []string) { w.hurry() }},
	"damage": {0, func(w *world, _ []string) {
		for name := range w.store {
			w.store[name] = w.store[name][:len(w.store[name])/2]
		}
	}},

	"want": {0, func(w *world, a []string) { w.checkArrived(a) }},
	"want-at-least": {1, func(w *world, a []string) {
		w.got = firsts(w.got)
		w.checkArrived(a)
	}},
	"lost": {1, func(w *world, a []string) {
		w.said[0] = w.number(a[0])
		w.checkLosses()
	}},
	"gone": {1, func(w *world, a []string) {
		w.said[1] = w.number(a[0])
		w.checkLosses()
	}},
}
