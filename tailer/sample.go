package tailer

import (
	"bytes"
	"io"
	"time"
)

// Sample is what some of a file's lines say of all of them.
type Sample struct {
	Events int // that begin in what was read
	Kept   int // of those, that the filters let pass, judged by their first lines
	Bytes  int64
	First  time.Time // that the file's first line names; zero: none, or the entry has no timestamp_format
}

// Sample reads a part of a file, at its end, and cuts it as the entry does.
func (e *Entry) Sample(path string, most int64) (Sample, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return Sample{}, err
	}
	defer f.Close()
	var s Sample
	if e.format != nil {
		head := make([]byte, headBytes)
		n, _ := f.ReadAt(head, 0)
		line, _, _ := bytes.Cut(head[:n], []byte{'\n'})
		if at, _, _, ok := e.format.find(line, time.Now()); ok {
			s.First = at
		}
	}
	from := max(info.Size()-most, 0)
	raw, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return Sample{}, err
	}
	if _, whole, found := bytes.Cut(raw, []byte{'\n'}); found && from > 0 {
		raw = whole // it began within a line
	}
	s.Bytes = int64(len(raw))
	for line := range bytes.Lines(raw) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || !e.start.matches(line) {
			continue
		}
		if s.Events++; e.wants(line) {
			s.Kept++
		}
	}
	return s, nil
}
