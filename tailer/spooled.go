package tailer

import (
	"bytes"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// stamped takes a spool's line apart: a time in milliseconds since the epoch, a space, and the event. False: it is none.
func (e *Entry) stamped(line []byte) (at time.Time, event []byte, ok bool) {
	if e.over == nil {
		return time.Time{}, nil, false
	}
	stamp, event, ok := bytes.Cut(line, []byte{' '})
	if !ok || len(stamp) > len("9007199254740991") {
		return time.Time{}, nil, false
	}
	millis := int64(0)
	for _, c := range stamp {
		if c < '0' || c > '9' {
			return time.Time{}, nil, false
		}
		millis = millis*10 + int64(c-'0')
	}
	return time.UnixMilli(millis), event, len(stamp) > 0
}

// passOver leaves behind the part of a line that a spool's file may end with: the disk was full, and the writer was told so.
func (s *Source) passOver(f *file, size int) {
	part := cloudwatch.Amount{Bytes: int64(size)}
	s.filling.read.Add(part)
	s.filling.blank.Add(part)
	f.take(size)
}

// Review has Run ask again which files of a spool are finished. It does not wait.
func (e *Entry) Review() { e.stir() }

// forget has nothing remembered of a path that will never lead to anything again.
func (e *Entry) forget(path string) error { return e.memory.save(path+e.owner, checkpoint{}) }
