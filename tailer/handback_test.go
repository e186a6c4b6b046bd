//go:build unix

package tailer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nephoscope/nephoscope/config"
)

// handing is a host whose files lie under a root, and the checkpoints of an agent that has read them.
type handing struct {
	*testing.T
	root        string
	checkpoints map[string][]byte
	entries     []config.File
}

func newHanding(t *testing.T) *handing {
	h := &handing{T: t, root: t.TempDir(), checkpoints: map[string][]byte{}}
	h.entries = []config.File{{Path: "/app.log", LogGroupName: "g", LogStreamName: "s"}}
	return h
}

func (h *handing) write(name, text string) {
	h.Helper()
	if err := os.WriteFile(filepath.Join(h.root, name), []byte(text), 0o600); err != nil {
		h.Fatal(err)
	}
}

func (h *handing) rename(from, to string) {
	h.Helper()
	if err := os.Rename(filepath.Join(h.root, from), filepath.Join(h.root, to)); err != nil {
		h.Fatal(err)
	}
}

// position is that of an agent which has read so much of a file.
func (h *handing) position(name string, offset int64) position {
	h.Helper()
	f, err := open(filepath.Join(h.root, name), 0)
	if err != nil {
		h.Fatal(err)
	}
	defer f.close()
	if f.head, err = takeFingerprint(f.f, headBytes); err != nil {
		h.Fatal(err)
	}
	return f.positionAt(offset)
}

func (h *handing) remember(path string, entry config.File, cp checkpoint) {
	h.Helper()
	raw, err := json.Marshal(cp)
	if err != nil {
		h.Fatal(err)
	}
	h.checkpoints[path+ownerOf(entry)] = raw
}

// want is what the original is told of /app.log; "": nothing.
func (h *handing) want(text string, left ...Left) {
	h.Helper()
	all := HandBack(h.checkpoints, h.entries, h.root)
	got, gotLeft := "", []Left(nil)
	if len(all) > 0 {
		got, gotLeft = string(all[0].Text()), all[0].Left
	}
	if got != text || len(all) > 1 {
		h.Errorf("%d are told, %q, want %q", len(all), got, text)
	}
	for i := range left {
		left[i].Path = filepath.Join(h.root, left[i].Path)
	}
	if len(gotLeft) != len(left) || len(left) > 0 && gotLeft[0] != left[0] {
		h.Errorf("left are %v, want %v", gotLeft, left)
	}
}

func TestHandBackTellsWhereReadingStopped(t *testing.T) {
	t.Parallel()
	h := newHanding(t)
	h.write("app.log", "one\ntwo\nthree\n")
	h.remember("/app.log", h.entries[0], checkpoint{Files: []position{h.position("app.log", 8)}})
	h.checkpoints["adopted > /app.log > g > s"] = []byte(`{"saved":"2026-01-01T00:00:00Z"}`)
	h.want("8\n/app.log\n0-8")
	// It is what the original's own reader makes of it, and ours.
	path, l, err := parseState(HandBack(h.checkpoints, h.entries, h.root)[0].Text())
	if err != nil || path != "/app.log" || l.offset != 8 || l.gaps {
		t.Errorf("read back: %q, %+v, %v", path, l, err)
	}
	h.write("other.log", "x\n") // followed by nobody
	h.remember("/other.log", config.File{LogGroupName: "g", LogStreamName: "s"}, checkpoint{Files: []position{h.position("other.log", 2)}})
	h.want("8\n/app.log\n0-8")
}

func TestHandBackAfterARotation(t *testing.T) {
	t.Parallel()
	h := newHanding(t)
	h.write("app.log", "one\ntwo\nthree\n")
	old := h.position("app.log", 4)
	h.rename("app.log", "app.log.1")
	h.remember("/app.log", h.entries[0], checkpoint{Files: []position{old}})
	h.want("0\n/app.log", Left{"app.log.1", 10}) // nothing is at the path, and some of what was there is unread
	h.write("app.log", "four\nfive\n")
	h.want("0\n/app.log", Left{"app.log.1", 10}) // the new one has not been read
	h.remember("/app.log", h.entries[0], checkpoint{Files: []position{old, h.position("app.log", 5)}})
	h.want("5\n/app.log\n0-5", Left{"app.log.1", 10})
	old.Offset = 14
	h.remember("/app.log", h.entries[0], checkpoint{Files: []position{h.position("app.log", 5)}, Drained: []position{old}})
	h.want("5\n/app.log\n0-5")
}

func TestHandBackOfATruncatedFileBeginsAnew(t *testing.T) {
	t.Parallel()
	h := newHanding(t)
	h.write("app.log", "one\ntwo\nthree\n")
	h.remember("/app.log", h.entries[0], checkpoint{Files: []position{h.position("app.log", 14)}})
	h.write("app.log", "x\n")
	all := HandBack(h.checkpoints, h.entries, h.root)
	if len(all) != 1 || all[0].Offset != 0 {
		t.Errorf("got %+v, want offset 0", all)
	}
}

// The original has one position for a path: of two entries the one that is behind decides, for nothing may be left out.
func TestHandBackOfTwoEntriesTakesTheOneBehind(t *testing.T) {
	t.Parallel()
	h := newHanding(t)
	h.write("app.log", "one\ntwo\nthree\n")
	second := config.File{Path: "/*.log", LogGroupName: "g2", LogStreamName: "s"}
	h.entries = append(h.entries, second)
	h.remember("/app.log", h.entries[0], checkpoint{Files: []position{h.position("app.log", 14)}})
	h.remember("/app.log", second, checkpoint{Files: []position{h.position("app.log", 4)}})
	h.want("4\n/app.log\n0-4")
	h.entries[1].Blacklist = regexp.MustCompile("^app") // it does not follow it any more
	h.want("14\n/app.log\n0-14")
}

// An entry whose group was renamed goes on from the checkpoint under the old name, and so does the original.
func TestHandBackKnowsRenamedEntries(t *testing.T) {
	t.Parallel()
	h := newHanding(t)
	h.write("app.log", "one\ntwo\n")
	h.remember("/app.log", config.File{LogGroupName: "before", LogStreamName: "s"}, checkpoint{Files: []position{h.position("app.log", 4)}})
	h.want("4\n/app.log\n0-4")
}

func TestHandBackTellsOfACheckpointThatCannotBeRead(t *testing.T) {
	t.Parallel()
	h := newHanding(t)
	h.write("app.log", "one\n")
	h.checkpoints["/app.log"+ownerOf(h.entries[0])] = []byte(`{"files":[{"offset":-1}]}`)
	all := HandBack(h.checkpoints, h.entries, h.root)
	if len(all) != 1 || all[0].Err == nil || !strings.Contains(all[0].Err.Error(), "offset -1") {
		t.Errorf("got %+v", all)
	}
}

// Whoever may name a file says nothing in the original's state but its name.
func TestHandBackOfANameWithALineBreakIsRefused(t *testing.T) {
	t.Parallel()
	h := newHanding(t)
	h.entries[0].Path = "/*.log"
	const name = "a\n0-999\n* * * * * root reboot.log"
	h.write(name, "one\n")
	h.remember("/"+name, h.entries[0], checkpoint{Files: []position{h.position(name, 4)}})
	all := HandBack(h.checkpoints, h.entries, h.root)
	if len(all) != 1 || all[0].Err == nil || !strings.Contains(all[0].Err.Error(), "line break") {
		t.Errorf("got %+v", all)
	}
}
