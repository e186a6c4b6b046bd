package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// The agent's own log is bounded twice, so that a host is never brought down by what we have to say about it: what is said over and
// over is said ten times a minute and then counted (repeats), and a file is followed by the next at 10 MiB, five in all (logFile).
//
// Nor does it feed on itself where agent.logfile is among the files that are shipped. What goes well is not logged, so a line that
// arrives causes no other. One that is not taken causes lines, and those may not be taken either, for as long as that lasts: repeats
// bounds them by time, to eleven a minute of each kind, whatever the number of lines that caused them.

// ownLog is the agent's own log, whose level and file may change while it runs.
type ownLog struct {
	*zap.Logger
	level   zap.AtomicLevel
	out     *outlet
	core    zapcore.Core
	strayed bool // it goes to standard error because its file could not be opened
}

// newLog writes to a file, else to standard error. strayed is why it does that though there should be a file: the log is there all
// the same.
func newLog(path string, level zapcore.Level) (l *ownLog, strayed error) {
	out, strayed := logOutput(path)
	if strayed != nil {
		out, _ = logOutput("") // which is always there
	}
	l = &ownLog{level: zap.NewAtomicLevelAt(level), out: &outlet{to: out}, strayed: strayed != nil}
	l.core = collapse(zapcore.NewCore(logStyle(), zapcore.AddSync(discreet{l.out}), l.level))
	l.Logger = zap.New(l.core)
	return l, strayed
}

// Close says what is still held back.
func (l *ownLog) Close() {
	_ = l.core.Sync()
	_ = l.out.Close()
}

// outlet is where a log goes. It takes one line at a time.
type outlet struct {
	mu sync.Mutex
	to io.WriteCloser
}

func (o *outlet) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.to.Write(line)
}

// lead has the log go somewhere else.
func (o *outlet) lead(to io.WriteCloser) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.to.Close() // every line has been written, or counted as missed
	o.to = to
}

func (o *outlet) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.to.Close()
}

// silent is above every level there is.
const silent = zapcore.FatalLevel + 1

// parseLevel reads one of config.LogLevels, in any case.
func parseLevel(text string) (zapcore.Level, bool) {
	if strings.EqualFold(text, "off") {
		return silent, true
	}
	level, err := zapcore.ParseLevel(text)
	return level, err == nil && config.IsLogLevel(text)
}

func levelName(l zapcore.Level) string {
	if l == silent {
		return "off"
	}
	return l.String()
}

func logStyle() zapcore.Encoder {
	style := zap.NewProductionEncoderConfig()
	style.EncodeTime = zapcore.RFC3339TimeEncoder
	style.EncodeLevel = zapcore.CapitalLevelEncoder
	style.EncodeDuration = zapcore.StringDurationEncoder
	style.ConsoleSeparator = " "
	return zapcore.NewConsoleEncoder(style)
}

// logOutput opens what agent.logfile names. Containers name the three devices, which cannot always be opened by that name.
func logOutput(path string) (io.WriteCloser, error) {
	// A reader of standard error that went away costs the log, not the agent.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	switch path {
	case "", "/dev/stderr":
		return staysOpen{os.Stderr}, nil
	case "/dev/stdout":
		return staysOpen{os.Stdout}, nil
	case os.DevNull:
		return staysOpen{io.Discard}, nil
	}
	return openLogFile(path, os.Stderr)
}

type staysOpen struct{ io.Writer }

func (staysOpen) Close() error { return nil }

var (
	credential = regexp.MustCompile(`(?i)(x-amz-security-token[^a-z0-9]{1,8}|signature=)[a-z0-9+/=%_.-]+`)
	password   = regexp.MustCompile(`(://[^/\s:@"]*:)[^\s@"]+@`)
)

// discreet blots out credentials. Nobody logs them, but errors may hold them: a service that finds a signature wrong answers with
// what should have been signed, session token included, and an endpoint that cannot be read is quoted, password included.
type discreet struct{ out io.Writer }

func (d discreet) Write(line []byte) (int, error) {
	clean := credential.ReplaceAll(line, []byte("${1}***"))
	clean = password.ReplaceAll(clean, []byte("${1}***@"))
	if _, err := d.out.Write(clean); err != nil {
		return 0, err
	}
	return len(line), nil
}

const (
	repeatsShown = 10
	repeatsFor   = time.Minute
	maxTexts     = 1000 // that are told apart within a minute
	maxTextBytes = 300  // of one that is told apart
)

// collapse writes what is logged to out, but of the same message at the same level, whatever its fields, no more than repeatsShown
// within a minute; when that is over, one line says how many more there were. Zap's own sampler goes by the clock on the wall: when
// that is set back by a day, it holds messages back for a day.
func collapse(out zapcore.Core) zapcore.Core {
	return collapsed{out, &repeats{out: out, seen: map[text]int{}}}
}

type collapsed struct {
	zapcore.Core // has the fields of its logger
	*repeats
}

// With implements zapcore.Core.
func (c collapsed) With(fields []zapcore.Field) zapcore.Core {
	return collapsed{c.Core.With(fields), c.repeats}
}

// Check implements zapcore.Core.
func (c collapsed) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(e.Level) || !c.admit(e) {
		return checked
	}
	return c.Core.Check(e, checked)
}

// Sync says what is held back.
func (c collapsed) Sync() error {
	c.end()
	return c.Core.Sync()
}

// text is what makes two lines the same. An empty message stands for all that are too many to tell apart.
type text struct {
	level   zapcore.Level
	message string
}

// repeats counts what was logged within the present minute. There is a timer only while something is held back.
type repeats struct {
	out   zapcore.Core
	mu    sync.Mutex
	began time.Time // of the present minute
	seen  map[text]int
	timer *time.Timer
}

func (r *repeats) admit(e zapcore.Entry) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.began) >= repeatsFor {
		r.tell()
		r.began = now
	}
	t := text{e.Level, e.Message}
	if len(t.message) > maxTextBytes {
		t.message = strings.Clone(t.message[:maxTextBytes])
	}
	if _, known := r.seen[t]; !known && len(r.seen) >= maxTexts {
		t.message = ""
	}
	r.seen[t]++
	if r.seen[t] <= repeatsShown {
		return true
	}
	if r.timer == nil {
		r.timer = time.AfterFunc(r.began.Add(repeatsFor).Sub(now), r.end)
	}
	return false
}

// end ends the present minute.
func (r *repeats) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell()
	r.began = time.Time{}
}

// tell says what was held back, and forgets what was seen.
func (r *repeats) tell() {
	if r.timer == nil {
		clear(r.seen)
		return
	}
	r.timer.Stop()
	r.timer = nil
	var held []text
	for t, n := range r.seen {
		if n > repeatsShown {
			held = append(held, t)
		}
	}
	slices.SortFunc(held, func(a, b text) int { return cmp.Or(cmp.Compare(b.level, a.level), cmp.Compare(a.message, b.message)) })
	for _, t := range held {
		line := fmt.Sprintf("%s … and %d more like it in the last minute", strings.ToValidUTF8(t.message, ""), r.seen[t]-repeatsShown)
		if t.message == "" {
			line = fmt.Sprintf("… and %d other messages in the last minute", r.seen[t]-repeatsShown)
		}
		_ = r.out.Write(zapcore.Entry{Level: t.level, Time: time.Now(), Message: line}, nil) // as good as any other line
	}
	clear(r.seen)
}
