package listeners

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// A document that is as large as one may be is taken, a larger one is not, and neither keeps the next one from being taken.
func TestDocumentsOfAProgramAreReadLineByLine(t *testing.T) {
	t.Parallel()
	large := func(n int) string {
		return `{"log_group_name":"l","x":"` + strings.Repeat("x", n-len(`{"log_group_name":"l","x":""}`)) + `"}`
	}
	text := strings.Join([]string{doc(1), "", large(maxDocument), doc(2) + "\r", large(maxDocument + 1), doc(3), large(3_000_000), "no document", doc(4)}, "\n")
	f := func(from io.Reader) {
		t.Helper()
		to := &writer{}
		l := NewEMF(config.EMF{}, to, zap.NewNop())
		if err := l.Read(from); err != nil {
			t.Error(err)
		}
		want := []string{"g " + doc(1), "l " + large(maxDocument)[:60], "g " + doc(2), "g " + doc(3), "g " + doc(4)}
		if got := to.got(); !slices.Equal(got, want) {
			t.Errorf("got %.300q", got)
		}
		n := l.Counts()
		if fmt.Sprint(n.Refused) != "map[not_json:1 too_large:2]" || n.Received != 8 || n.Accepted != 5 {
			t.Errorf("got %+v", n)
		}
	}
	f(strings.NewReader(text))
	f(iotest.HalfReader(strings.NewReader(text)))
	f(iotest.DataErrReader(strings.NewReader(text)))
}

func TestReadingOfAProgramEndsWithItsError(t *testing.T) {
	t.Parallel()
	to := &writer{}
	l := NewEMF(config.EMF{}, to, zap.NewNop())
	if err := l.Read(io.MultiReader(strings.NewReader(doc(1)+"\n"), iotest.ErrReader(io.ErrClosedPipe))); err != io.ErrClosedPipe || len(to.got()) != 1 {
		t.Errorf("got %v, %q", err, to.got())
	}
}

// What there is no room for is refused and counted, and what comes after that is read all the same.
func TestDocumentsOfAProgramAreRefusedWhileThereIsNoRoom(t *testing.T) {
	t.Parallel()
	to := &writer{err: ErrEventsFull}
	l := NewEMF(config.EMF{}, to, zap.NewNop())
	if err := l.Read(strings.NewReader(strings.Repeat(doc(1)+"\n", 100))); err != nil || l.Counts().Refused[refusedFull] != 100 {
		t.Errorf("got %v, %+v", err, l.Counts())
	}
}
