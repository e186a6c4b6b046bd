package tailer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// lastWord is when the original wrote its state in these tests.
var lastWord = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// switchOver is a log folder that the original has followed, and its state folder.
type switchOver struct {
	*tail
	state   string
	births  map[identity]time.Time // nil: the file system does not know
	adopted *Adopted
	memory  *Memory
	said    *observer.ObservedLogs
}

func newSwitchOver(t *testing.T, change ...func(*config.File)) *switchOver {
	o := &switchOver{tail: newTail(t, change...), state: t.TempDir(), births: map[identity]time.Time{}}
	o.restart()
	return o
}

// restart is a new process of the agent.
func (o *switchOver) restart() {
	o.adopted, o.memory = Adopt(o.state), NewMemory(o.store)
	o.adopted.birth = func(path string) time.Time {
		info, err := os.Stat(path)
		if err != nil {
			return time.Time{}
		}
		return o.births[identify(nil, info)]
	}
}

// has makes a file that was born, and written to for the last time, so long after the original's last word.
func (o *switchOver) has(name, text string, born, wrote time.Duration) {
	o.Helper()
	o.must(os.WriteFile(o.at(name), []byte(text), 0o600))
	o.is(name, born, wrote)
}

func (o *switchOver) is(name string, born, wrote time.Duration) {
	o.Helper()
	o.must(os.Chtimes(o.at(name), time.Time{}, lastWord.Add(wrote)))
	info, err := os.Stat(o.at(name))
	o.must(err)
	if o.births != nil {
		o.births[identify(nil, info)] = lastWord.Add(born)
	}
}

// left writes a state as the original does; %s is the path.
func (o *switchOver) left(name, text string) {
	o.Helper()
	path := filepath.Join(o.state, stateName(o.at(name)))
	o.must(os.WriteFile(path, []byte(strings.ReplaceAll(text, "%s", o.at(name))), 0o644))
	o.must(os.Chtimes(path, time.Time{}, lastWord))
}

func (o *switchOver) leftAt(offset int) {
	o.Helper()
	o.left("access.log", fmt.Sprintf("%d\n%%s\n0-%d", offset, offset))
}

// entryOf makes an entry that follows what it finds.
func (o *switchOver) entryOf(f config.File) *Entry {
	o.Helper()
	core, said := observer.New(zap.InfoLevel)
	o.said = said
	e, err := New(f, Options{Memory: o.memory, Holding: o.holding, Linger: o.linger, Log: zap.New(core), Adopted: o.adopted})
	o.must(err)
	e.ship = func(*Source) {}
	e.Claim()
	o.Cleanup(e.Close)
	return e
}

func (o *switchOver) naming(path string) cloudwatch.LogStream {
	return cloudwatch.LogStream{Group: "g", Name: path}
}

// start begins as an entry does, and delivers all there is, the shortest path first.
func (o *switchOver) start() *Entry {
	o.Helper()
	e := o.entryOf(o.file)
	e.resume(o.naming)
	e.discover(o.naming)
	o.deliverAll(e)
	return e
}

func (o *switchOver) deliverAll(e *Entry) {
	o.Helper()
	all := e.Sources()
	slices.SortFunc(all, func(a, b *Source) int { return len(a.path) - len(b.path) })
	for _, s := range all {
		o.source = s
		o.deliver()
	}
}

// afterSwitchOver makes a test of a folder, with births and on a file system that has none.
func afterSwitchOver(t *testing.T, prepare func(*switchOver), want ...string) {
	t.Helper()
	for _, knows := range []bool{true, false} {
		t.Run(fmt.Sprint("births=", knows), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newSwitchOver(t)
				if !knows {
					o.births = nil
				}
				prepare(o)
				o.start()
				o.want(want...)
				o.got = nil
				o.restart()
				o.start()
				o.want() // nothing a second time
			})
		})
	}
}

const minutes = time.Minute

func TestSwitchOverGoesOnWhereTheOriginalStopped(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log", "sent\nsent\nrest\n", -60*minutes, minutes)
		o.leftAt(10)
	}, "rest")
}

func TestSwitchOverOfAQuietLogSendsNothing(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log.1", "old\nolder\noldest\n", -600*minutes, -300*minutes)
		o.has("access.log", "sent\nsent\n", -60*minutes, -minutes)
		o.leftAt(10)
	})
}

func TestSwitchOverWithGapsBeginsAtTheFirst(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log", "sent\nsent\nrest\nsent\n", -60*minutes, minutes)
		o.left("access.log", "20\n%s\n15-20,0-5,5-10")
	}, "rest", "sent")
}

func TestSwitchOverFromAnOldVersionWithoutRanges(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log", "sent\nrest\n", -60*minutes, minutes)
		o.left("access.log", "5\n%s")
	}, "rest")
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log", "sent\nrest\n", -60*minutes, minutes)
		o.left("access.log", "5")
	}, "rest")
}

func TestSwitchOverAfterARotationByRename(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log.2", "older\nolder\nolder\n", -600*minutes, -60*minutes)
		o.has("access.log.1", "sent\nrest\n", -60*minutes, minutes)
		o.has("access.log", "b\n", 2*minutes, 3*minutes)
		o.leftAt(5)
	}, "rest", "b")
}

func TestSwitchOverAfterARotationOfWhatHadAllBeenSent(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log.1", "sent\nsent\n", -60*minutes, -minutes)
		o.has("access.log", "b\nb and more\n", 2*minutes, 3*minutes)
		o.leftAt(10)
	}, "b", "b and more")
}

func TestSwitchOverAfterARotationWithANewFileThatIsLonger(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log.1", "sent\nrest\n", -60*minutes, minutes)
		o.has("access.log", "b\nbb\nb, and more than that\n", 2*minutes, 3*minutes) // a line ends at byte 5
		o.leftAt(5)
	}, "rest", "b", "bb", "b, and more than that")
}

func TestSwitchOverAfterTwoRotations(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log.2", "sent\nrest\n", -60*minutes, minutes)
		o.has("access.log.1", "bbbb\nb\n", 2*minutes, 3*minutes)
		o.has("access.log", "c\n", 4*minutes, 5*minutes)
		o.leftAt(5)
	}, "rest", "bbbb", "b", "c")
}

func TestSwitchOverAfterARotationThatCompressed(t *testing.T) {
	for _, ext := range []string{".gz", ".zst"} {
		afterSwitchOver(t, func(o *switchOver) {
			o.has("access.log.2"+ext, string(pack(t, ext, "older\nolder\n")), -60*minutes, -60*minutes)
			o.has("access.log.1"+ext, string(pack(t, ext, "sent\nrest\n")), 2*minutes, minutes)
			o.has("access.log", "b\n", 2*minutes, 3*minutes)
			o.leftAt(5)
		}, "rest", "b")
	}
}

func TestSwitchOverAfterCopytruncate(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log.1", "sent\nrest\n", 2*minutes, 2*minutes)
		o.has("access.log", "b\n", -60*minutes, 3*minutes)
		o.leftAt(5)
	}, "rest", "b")
}

func TestSwitchOverAfterCopytruncateOfALogThatRegrew(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log.1", "sent\nrest\n", 2*minutes, 2*minutes)
		o.has("access.log", "b\nbb\nb, and more than that\n", -60*minutes, 3*minutes)
		o.leftAt(5)
	}, "rest", "b", "bb", "b, and more than that")
}

func TestSwitchOverWithABackupOfTheLogSendsNothingTwice(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log.1", "sent\nrest\n", 2*minutes, 2*minutes)
		o.has("access.log", "sent\nrest\n", -60*minutes, 1*minutes)
		o.leftAt(5)
	}, "rest")
}

func TestSwitchOverToALogThatWasReplacedSendsAllOfIt(t *testing.T) {
	afterSwitchOver(t, func(o *switchOver) {
		o.has("access.log", "b\n", 2*minutes, 3*minutes)
		o.leftAt(5)
	}, "b")
	afterSwitchOver(t, func(o *switchOver) { // no line ends there
		o.has("access.log", "bb\nb, and more than that\n", -60*minutes, 3*minutes)
		o.leftAt(5)
	}, "bb", "b, and more than that")
}

func TestSwitchOverBesideAPathOfTheSameStateName(t *testing.T) {
	f := func(state string, want ...string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			o := newSwitchOver(t, func(f *config.File) { f.Path = filepath.Join(filepath.Dir(f.Path), "a_b.log") })
			o.must(os.Mkdir(o.at("a"), 0o700))
			o.has("a_b.log", "sent\nrest\n", -60*minutes, minutes)
			o.has("a/b.log", "sent\nrest\n", -60*minutes, minutes)
			o.left("a_b.log", strings.ReplaceAll(state, "%other", o.at("a/b.log")))
			o.start()
			o.want(want...)
		})
	}
	f("5\n%s\n0-5", "rest")
	f("5\n%other\n0-5", "sent", "rest")
	f("5", "sent", "rest") // of which of them?
}

func TestStateThatIsGarbageIsIgnoredWithOneWarning(t *testing.T) {
	f := func(what string, prepare func(o *switchOver, state string)) {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newSwitchOver(t)
				o.has("access.log", "a\nb\n", -60*minutes, minutes)
				state := filepath.Join(o.state, stateName(o.path()))
				prepare(o, state)
				e := o.start()
				o.want("a", "b")
				e.legacy(o.path(), e.memory.known())
				if warnings := o.said.FilterLevelExact(zap.WarnLevel).All(); len(warnings) != 1 {
					t.Errorf("got %d warnings: %v", len(warnings), warnings)
				}
			})
		})
	}
	text := func(text string) func(o *switchOver, state string) {
		return func(o *switchOver, _ string) { o.left("access.log", text) }
	}
	f("empty", text(""))
	f("no number", text("x\n%s\n0-2"))
	f("negative", text("-2\n%s\n0-2"))
	f("too large for an offset", text("9223372036854775808\n%s"))
	f("range backwards", text("2\n%s\n2-0"))
	f("range without end", text("2\n%s\n0-"))
	f("no range", text("2\n%s\nx"))
	f("no path", text("2\n\n0-2"))
	f("four lines", text("2\n%s\n0-2\n0-2"))
	f("folder", func(o *switchOver, state string) { o.must(os.Mkdir(state, 0o700)) })
	f("large", func(o *switchOver, state string) {
		o.leftAt(2)
		o.must(os.Truncate(state, maxStateBytes+1))
	})
	f("link", func(o *switchOver, state string) {
		o.leftAt(2)
		o.must(os.Rename(state, state+".real"))
		o.must(os.Symlink(state+".real", state))
	})
	f("anyone may write to it", func(o *switchOver, state string) {
		o.leftAt(2)
		o.must(os.Chmod(state, 0o666))
	})
	f("anyone may write to its folder", func(o *switchOver, state string) {
		o.leftAt(2)
		o.must(os.Chmod(o.state, 0o777))
	})
}

func TestSwitchOverHappensOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newSwitchOver(t)
		o.has("access.log", "sent\nrest\n", -60*minutes, minutes)
		o.leftAt(5)
		e := o.start()
		o.want("rest")
		// Deleted, and read to its end: no file is remembered. Then the path is there again.
		o.must(os.Remove(o.path()))
		o.deliverAll(e)
		e.Close()
		o.restart()
		o.has("access.log", "bbbb\nb\n", -60*minutes, 3*minutes) // as if it were the same
		o.start()
		o.want("rest", "bbbb", "b")
	})
}

func TestSwitchOverOfTwoEntriesOfOneFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newSwitchOver(t)
		o.has("access.log", "sent\nrest\n", -60*minutes, minutes)
		o.leftAt(5)
		second := o.file
		second.LogGroupName = "g2"
		e1, e2 := o.entryOf(o.file), o.entryOf(second)
		e1.discover(o.naming)
		o.deliverAll(e1)
		o.want("rest")
		e2.discover(o.naming)
		o.deliverAll(e2)
		o.want("rest", "rest")
		// An entry that comes later is nothing that the original has sent.
		time.Sleep(time.Minute)
		third := o.file
		third.LogGroupName = "g3"
		e3 := o.entryOf(third)
		e3.discover(o.naming)
		o.deliverAll(e3)
		o.want("rest", "rest", "sent", "rest")
	})
}

func TestCheckpointOfOursComesBeforeTheOriginals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newSwitchOver(t)
		o.has("access.log", "sent\nsent\n", -60*minutes, -minutes)
		o.start()
		o.write("rest\n")
		o.leftAt(5)
		o.restart()
		o.got = nil
		o.start()
		o.want("rest")
	})
}

func TestSwitchOverFinishesFilesThatAreNotTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newSwitchOver(t, func(f *config.File) { f.Path = filepath.Join(filepath.Dir(f.Path), "app-*.log") })
		o.has("app-1.log", "sent\n", -60*minutes, -30*minutes)
		o.left("app-1.log", "5\n%s\n0-5")
		o.has("app-2.log", "sent\nrest\n", -60*minutes, -20*minutes)
		o.left("app-2.log", "5\n%s\n0-5")
		o.has("app-3.log", "never looked at\n", -60*minutes, -10*minutes)
		o.has("app-4.log", "sent\nnewest\n", -60*minutes, minutes)
		o.left("app-4.log", "5\n%s\n0-5")
		e := o.start()
		slices.Sort(o.got)
		o.want("newest", "rest")
		if n := len(e.Sources()); n != 2 {
			t.Errorf("%d files are followed", n)
		}
	})
}

func TestSwitchOverUnderAPatternThatMatchesRotatedFiles(t *testing.T) {
	f := func(path, rotated string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			o := newSwitchOver(t, func(f *config.File) {
				f.Path, f.PublishMultiLogs = filepath.Join(filepath.Dir(f.Path), path), true
			})
			o.has(rotated, "sent\nrest\n", -60*minutes, minutes)
			o.left(rotated, "5\n%s\n0-5") // of what had this name before
			o.has("access.log", "b\n", 2*minutes, 3*minutes)
			o.leftAt(5)
			o.start()
			o.want("rest", "b")
		})
	}
	f("access.log*", "access.log.1")
	f("access*", "access-20260102.log")
}

// folderLife is what a log folder went through, and when; seconds from the original's last word.
type folderLife struct {
	*switchOver
	rng   *rand.Rand
	now   time.Duration
	lines int
}

func (h *folderLife) append(n int) {
	var text strings.Builder
	for range n {
		h.lines++
		fmt.Fprintf(&text, "line %06d\n", h.lines) // of one length: a line ends at the offset in any of them
	}
	born, known := h.bornOf("access.log")
	h.writeTo("access.log", text.String())
	if !known {
		born = h.now
	}
	h.is("access.log", born, h.now)
}

func (h *folderLife) bornOf(name string) (time.Duration, bool) {
	info, err := os.Stat(h.at(name))
	if err != nil {
		return 0, false
	}
	return h.births[identify(nil, info)].Sub(lastWord), true
}

// rotate does as logrotate, with the names and the times that it leaves.
func (h *folderLife) rotate(copies, compresses bool) {
	if _, there := h.bornOf("access.log"); !there {
		return
	}
	for i := 5; i > 0; i-- {
		for _, ext := range []string{"", ".gz"} {
			_ = os.Rename(h.at(fmt.Sprint("access.log.", i, ext)), h.at(fmt.Sprint("access.log.", i+1, ext)))
		}
	}
	if copies {
		h.copytruncate("access.log.1")
		h.is("access.log.1", h.now, h.now)
		born, _ := h.bornOf("access.log")
		h.is("access.log", born, h.now)
	} else {
		h.rename("access.log", "access.log.1")
	}
	if compresses {
		h.pack("access.log.1", ".gz")
		info, err := os.Stat(h.at("access.log.1.gz"))
		h.must(err)
		h.births[identify(nil, info)] = lastWord.Add(h.now)
	}
}

// act does something, and lets time pass.
func (h *folderLife) act(copies, compresses bool) {
	h.now += 10 * time.Second
	if h.rng.IntN(3) == 0 {
		h.rotate(copies, compresses)
	} else {
		h.append(1 + h.rng.IntN(9))
	}
}

func TestSwitchOverAfterAnyHistorySkipsNothing(t *testing.T) {
	repeated := 0
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			h := &folderLife{switchOver: newSwitchOver(t), rng: rand.New(rand.NewPCG(seed, 7)), now: -10 * minutes}
			copies, compresses, knows := h.rng.IntN(2) == 0, h.rng.IntN(2) == 0, h.rng.IntN(2) == 0
			h.append(1)
			for range h.rng.IntN(8) {
				h.act(copies, compresses)
			}
			h.now = -10 * time.Second
			h.append(1 + h.rng.IntN(5))
			raw, err := os.ReadFile(h.path())
			h.must(err)
			inFile := strings.Count(string(raw), "\n")
			acknowledged := inFile - h.rng.IntN(min(inFile, 3)) // of the file that is there at the last word
			offset, next := acknowledged*len("line 000001\n"), h.lines-inFile+acknowledged+1
			within := acknowledged > 0 && h.rng.IntN(5) == 0
			if within { // a line may be cut into events
				offset, next = offset-3, next-1
			}
			h.leftAt(offset)
			h.now = 0
			for range h.rng.IntN(6) {
				h.act(copies, compresses)
			}
			if _, there := h.bornOf("access.log"); !there {
				h.append(1)
			}
			if !knows {
				h.births = nil
			}
			h.start()
			seen := map[int]bool{}
			for _, line := range h.got {
				n, err := strconv.Atoi(strings.TrimPrefix(line, "line "))
				h.must(err)
				seen[n] = true
				if n < next && knows && !within {
					repeated++
				}
			}
			for n := next; n <= h.lines; n++ {
				if !seen[n] {
					t.Errorf("seed %d (copies %v, compresses %v, births %v): line %d of %d to %d is missing; got %q", seed, copies, compresses, knows, n, next, h.lines, h.got)
					break
				}
			}
		})
	}
	if repeated > 0 {
		t.Errorf("%d lines were sent again, though nothing was in doubt", repeated)
	}
}

// FuzzAdopt: whatever a state says, what comes of it is a place in the file.
func FuzzAdopt(f *testing.F) {
	f.Add([]byte("10\n/var/log/access.log\n0-10"))
	f.Add([]byte("20\n/var/log/access.log\n15-20,0-5,5-10"))
	f.Add([]byte("10"))
	f.Add([]byte("18446744073709551615\n/x\n0-"))
	const log = "one\ntwo\nthree\n"
	f.Fuzz(func(t *testing.T, raw []byte) {
		path, l, err := parseState(raw)
		if err != nil {
			return
		}
		if highest, err := strconv.ParseInt(strings.TrimSpace(strings.SplitN(string(raw), "\n", 2)[0]), 10, 64); err != nil || l.offset < 0 || l.offset > highest {
			t.Errorf("offset %d of %q", l.offset, raw)
		}
		if strings.Contains(path, "\n") {
			t.Errorf("path %q", path)
		}
		name := filepath.Join(t.TempDir(), "access.log")
		if err := os.WriteFile(name, []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
		l.saved = time.Now().Add(time.Hour)
		s := succession{path: name, left: l, birth: birth, folders: newFolders()}
		found, offset, _ := s.find()
		if found == nil {
			return
		}
		found.close()
		if offset > int64(len(log)) || offset > 0 && log[offset-1] != '\n' {
			t.Errorf("place %d in a file of %d bytes", offset, len(log))
		}
	})
}
