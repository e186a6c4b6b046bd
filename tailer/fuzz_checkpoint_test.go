package tailer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// FuzzCheckpoint: whatever the checkpoint store holds, nothing panics, and a file is left out only up to where a position says
// that this very file has been read; else it is read from its beginning.
func FuzzCheckpoint(f *testing.F) {
	genuine := func(checkpoint string, its position) string { // inode and time differ from run to run
		return strings.NewReplacer("DEVICE", fmt.Sprint(its.Device), "INODE", fmt.Sprint(its.Inode), "BIRTH", fmt.Sprint(its.Birth), "SUM", fmt.Sprint(its.Sum)).Replace(checkpoint)
	}
	const here = `{"device":DEVICE,"inode":INODE,"birth":BIRTH,"head_bytes":4,"head":SUM,"offset":4}`
	for _, text := range []string{
		`{"files":[` + here + `]}`,
		`{"files":[` + here + `],"wire":{"batch":{"first":1,"last":2,"events":1,"sum":7},"files":[` + here + `]}}`,
		`{"files":[],"drained":[` + here + `]}`,
		`{"files":[` + here + `,` + here + `],"drained":[` + here + `],"edge":{"first":1,"last":1}}`,
		`{"files":[{"offset":4}]}`, `{"files":[{"device":DEVICE,"inode":INODE,"offset":3}]}`, `{"files":null,"wire":{"files":null}}`, `{"files":[null]}`, `null`, `[]`, ``, `{"files":[` + here,
		`{"files":[{"device":DEVICE,"inode":INODE,"head_bytes":4,"head":SUM,"offset":9223372036854775807}]}`,
	} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, landed bool) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "checkpoint")
			w.lax = true
			w.do(`append access.log "a\nb\n"`)
			is := w.position()
			w.do(`append access.log "c\n"`)
			name := w.path() + nameSeparator + "g" + nameSeparator + "s"
			given := genuine(text, is)
			w.store[name] = given
			claims := w.claims(name)
			w.begin()
			defer func() { w.entry.Close() }()
			for _, s := range w.sources() {
				if _, in := s.Doubt(); in {
					w.must(s.Settle(landed))
				}
			}
			w.deliver()
			from := func(at int64) bool { return slices.Equal(w.got, strings.Fields("a\nb\nc\n"[at:])) }
			if !from(0) && !slices.ContainsFunc(claims, from) {
				t.Errorf("%s: got %q, and positions in it are %v", given, w.got, claims)
			}
		})
	})
}

// position is that of the whole file as it is now.
func (w *world) position() position {
	f, err := open(w.path(), 0)
	w.must(err)
	defer f.close()
	return f.from(f.size).position()
}

// claims are how far the file has been read, for all a checkpoint says that can be read and that speaks of this file.
func (w *world) claims(name string) (all []int64) {
	cp, found, err := NewMemory(w).read(name)
	if !found || err != nil {
		return nil
	}
	is := w.position()
	ours := slices.Concat(cp.Files, cp.Drained)
	if cp.Wire != nil {
		ours = slices.Concat(ours, cp.Wire.Files, cp.Wire.Drained)
	}
	f, err := open(w.path(), 0)
	w.must(err)
	defer f.close()
	for _, p := range ours {
		if p.fits(f.f) && p.Offset <= is.Offset && (p.Bytes > 0 || p.is(is.identity)) {
			all = append(all, p.Offset)
		}
	}
	return all
}
