package explain

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestNamesOfFilesDoNotMoveTheCursor(t *testing.T) {
	t.Parallel()
	r := threeFiles()
	r.Logs.Entries[0].Files[0].Path = "/evil\x1b]0;owned\x07\nhost      elsewhere"
	r.Logs.Entries[0].Files[0].Begins = []Begin{{r.Logs.Entries[0].Files[0].Path, 0}}
	r.Bill = billOf(r, defaults(t), false)
	var out bytes.Buffer
	r.Write(&out, true)
	if text := out.String(); strings.ContainsAny(text, "\x1b\x07") || strings.Contains(text, "\nhost      elsewhere") {
		t.Errorf("%q", text)
	}
}

func TestLinesAreCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	r := threeFiles()
	r.Logs.Entries[0].Files[0].Path = "/" + strings.Repeat("ä", 80)
	r.Bill = billOf(r, defaults(t), false)
	var out bytes.Buffer
	r.Write(&out, true)
	if strings.ContainsRune(out.String(), '\ufffd') || !strings.Contains(out.String(), "…ä") {
		t.Errorf("%s", out.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestReportThatIsLostIsAnError(t *testing.T) {
	t.Parallel()
	if err := threeFiles().Write(full{}, false); err == nil {
		t.Error("nobody says so")
	}
	if err := (&Difference{Same: true}).Write(full{}); err == nil {
		t.Error("of a difference: nobody says so")
	}
}

func TestOneRequestIsNotSeveral(t *testing.T) {
	t.Parallel()
	for n, want := range map[float64]string{0: "0 requests", 1: "1 request", 1.2: "1 request", 43200: "43,200 requests"} {
		if got := requestsText(n); got != want {
			t.Errorf("%v: got %s, want %s", n, got, want)
		}
	}
}
