package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// collapsing returns a log that collapses, and what it has written.
func collapsing() (*zap.Logger, *syncBuffer) {
	out := &syncBuffer{}
	return zap.New(collapse(zapcore.NewCore(logStyle(), zapcore.AddSync(out), zapcore.InfoLevel))), out
}

// said returns what was written without the times.
func said(out *syncBuffer) (lines []string) {
	for line := range strings.Lines(out.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
		lines = append(lines, line)
	}
	return lines
}

func wantLines(t *testing.T, out *syncBuffer, want ...string) {
	t.Helper()
	if got := said(out); !slices.Equal(got, want) {
		t.Errorf("got %d lines:\n%s\nwant %d:\n%s", len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
}

func TestTenThousandFilesThatComplainAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, out := collapsing()
		var want []string
		for i := range 10_000 {
			log.With(zap.Int("file", i)).Warn("cannot be read", zap.Int("try", 1))
			if i < repeatsShown {
				want = append(want, fmt.Sprintf(`WARN cannot be read {"file": %d, "try": 1}`, i))
			}
		}
		log.Error("cannot be read") // at another level it is another message
		log.Warn("something else")
		want = append(want, "ERROR cannot be read", "WARN something else")
		wantLines(t, out, want...)

		time.Sleep(repeatsFor) // nothing more is logged, and still
		synctest.Wait()
		want = append(want, "WARN cannot be read … and 9990 more like it in the last minute")
		wantLines(t, out, want...)

		log.Warn("cannot be read")
		wantLines(t, out, append(want, "WARN cannot be read")...)
	})
}

func TestMessageThatComesRarelyIsNeverHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, out := collapsing()
		var want []string
		for range 100 {
			log.Info("now and then")
			want = append(want, "INFO now and then")
			time.Sleep(repeatsFor / (repeatsShown - 1))
		}
		wantLines(t, out, want...)
	})
}

func TestWhatIsHeldBackIsCountedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a timer is left behind
		log, out := collapsing()
		for range repeatsShown + 2 {
			log.Error("lost")
		}
		_ = log.Sync()
		want := append(slices.Repeat([]string{"ERROR lost"}, repeatsShown), "ERROR lost … and 2 more like it in the last minute")
		wantLines(t, out, want...)
		_ = log.Sync()
		wantLines(t, out, want...)
	})
}

func TestMessagesThatAllDifferAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, out := collapsing()
		for i := range 5 * maxTexts {
			log.Info(fmt.Sprint("message ", i))
		}
		_ = log.Sync()
		got := said(out)
		if want := maxTexts + repeatsShown + 1; len(got) != want {
			t.Errorf("got %d lines, want %d", len(got), want)
		}
		if want := fmt.Sprintf("INFO … and %d other messages in the last minute", 4*maxTexts-repeatsShown); got[len(got)-1] != want {
			t.Errorf("got %q, want %q", got[len(got)-1], want)
		}
	})
}

func TestLongMessagesAreCountedByTheirBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, out := collapsing()
		start := strings.Repeat("ä", maxTextBytes) // cut within a rune or not
		for i := range repeatsShown + 1 {
			log.Info(fmt.Sprint("x", start, i))
		}
		_ = log.Sync()
		got := said(out)
		if want := "INFO x" + start[:maxTextBytes-2] + " … and 1 more like it in the last minute"; got[len(got)-1] != want {
			t.Errorf("got %q, want %q", got[len(got)-1], want)
		}
	})
}

func TestCredentialsAreBlottedOut(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		var out strings.Builder
		if n, err := (discreet{&out}).Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("%q: wrote %d, %v", line, n, err)
		}
		if out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
	f(`host:x\nx-amz-security-token:FwoG/+=a\n\nhost;x-amz-date`, `host:x\nx-amz-security-token:***\n\nhost;x-amz-date`)
	f(`{"X-Amz-Security-Token":["FwoG"]}`, `{"X-Amz-Security-Token":["***"]}`)
	f(`AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=0123abc'`, `AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=***'`)
	f(`proxy "http://me:pa/ss%@proxy:3128": no`, `proxy "http://me:***@proxy:3128": no`)
	f(`Post "http://127.0.0.1:8080/x": refused by a@b`, `Post "http://127.0.0.1:8080/x": refused by a@b`)
	f(`https://logs.eu-west-1.amazonaws.com: no`, `https://logs.eu-west-1.amazonaws.com: no`)
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	const secret, token, pass = "wJalrXUtnFEMIsecret", "FwoGZXIvYXdzEtoken", "hunter2"
	f := func(name, endpoint, complaint string, env ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.env = append(b.env, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_SESSION_TOKEN="+token)
			b.env = append(b.env, env...)
			if endpoint != "" {
				b.env = append(b.env, "AWS_ENDPOINT_URL="+endpoint)
			}
			signed := make(chan string, 1)
			b.answer(func(w http.ResponseWriter, r *http.Request) { // as AWS does when a signature is wrong
				select {
				case signed <- r.Header.Get("Authorization"):
				default:
				}
				w.WriteHeader(http.StatusForbidden)
				_, _ = fmt.Fprintf(w, `{"__type":"InvalidSignatureException","message":"should have been 'x-amz-security-token:%s\n' for %s"}`,
					r.Header.Get("X-Amz-Security-Token"), r.Header.Get("Authorization"))
			})
			b.config(oneLog)
			b.write("access.log", "a\nb\n")
			b.start("--log-level", "debug")
			b.until("the complaint", func() bool { return b.said(complaint) })
			b.stop()
			for _, s := range []string{secret, token, pass} {
				if b.said(s) {
					t.Errorf("%s is in the log", s)
				}
			}
			if endpoint != "" || len(env) > 0 {
				return
			}
			if _, signature, _ := strings.Cut(<-signed, "Signature="); signature == "" || b.said(signature) {
				t.Errorf("the signature %q is in the log, or there was none", signature)
			}
		})
	}
	f("wrong signature", "", "should have been 'x-amz-security-token:***")
	f("endpoint with a password", "http://me:"+pass+"@127.0.0.1:1", "not taken")
	f("proxy with a password", "http://logs.example.test", "not taken", "HTTP_PROXY=http://me:"+pass+"@127.0.0.1:1")
	f("endpoint with a password that cannot be read", "http://me:"+pass+"%zz@127.0.0.1:1", "not taken")
}

// What goes well is not logged: otherwise each line that is shipped would be the cause of another.
func TestLogThatIsShippedDoesNotFeedOnItself(t *testing.T) {
	b := newBed(t)
	b.config(strings.Replace(strings.Replace(oneLog, "access.log", "agent.log", 1), `"region"`, `"debug": true, "logfile": "%DIR%/agent.log", "region"`, 1))
	b.start()
	arrived := func(text string) (n int) {
		for _, m := range b.events("g", "s") {
			if strings.Contains(m, text) {
				n++
			}
		}
		return n
	}
	b.until("the first lines", func() bool { return arrived("following log file") == 1 })
	for i := range 4 { // each of these lines goes out in a batch of its own
		b.must(b.cmd.Process.Signal(syscall.SIGHUP))
		b.until("the line of a reload", func() bool { return arrived("configuration applied") == i+2 })
	}
	b.stop()
	raw, err := os.ReadFile(b.path("agent.log"))
	b.must(err)
	allowed := []string{"nephoscope ", "configuration applied", "waiting for a log file", "following log file", "log group created", "stopping", "log file stopped", "stopped"}
	counts := map[string]int{}
	for line := range strings.Lines(string(raw)) {
		i := slices.IndexFunc(allowed, func(a string) bool { return strings.Contains(line, " INFO "+a) })
		if i < 0 {
			t.Errorf("what caused this line? %s", line)
			continue
		}
		counts[allowed[i]]++
	}
	for what, n := range counts {
		if what != "configuration applied" && n > 1 || what == "configuration applied" && n != 5 {
			t.Errorf("%q was logged %d times", what, n)
		}
	}
	if b.output.String() != "" {
		t.Errorf("standard error got %q", b.output)
	}
}

func TestReaderOfTheLogThatGoesAwayDoesNotEndTheAgent(t *testing.T) {
	b := newBed(t)
	b.config(oneLog)
	b.write("access.log", "a\nb\n")
	path, err := binary()
	b.must(err)
	r, w, err := os.Pipe()
	b.must(err)
	b.cmd = exec.Command(path, "run", "--config", b.path("config.json"), "--state", b.path("state"), "--common-config", b.common())
	b.cmd.Env, b.cmd.Stderr = b.env, w
	b.must(b.cmd.Start())
	b.must(w.Close())
	b.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan error) { ended <- cmd.Wait() }(b.cmd, b.ended)
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	b.must(r.Close())
	b.until("two lines", func() bool { return len(b.events("g", "s")) == 2 })
	b.must(b.cmd.Process.Signal(syscall.SIGHUP)) // which is logged
	b.write("access.log", "c\nd\n")
	b.until("four lines", func() bool { return len(b.events("g", "s")) == 4 })
	b.stop()
}
