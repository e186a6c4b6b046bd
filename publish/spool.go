package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/internal/durable"
)

// maxSpoolMemory bounds what is kept in memory while the disk takes nothing.
const maxSpoolMemory = 8 << 20

// stage is what a spooled batch waits for; it is the ending of its file's name.
type stage string

const (
	waiting stage = ".waiting" // for the identity of this host; raw data
	ready   stage = ".ready"   // to be sent; one request
)

// spool is metric batches on disk waiting to be sent: one durable file each, whose name says when it was made and what it
// waits for. The folder is the truth; starting again is listing it. It is bounded, and gives up its oldest first.
type spool struct {
	dir  string
	most int64 // bytes of disk

	mu      sync.Mutex
	entries []spooled // oldest first, but for those that were postponed
	bytes   int
	inMem   int
	last    int64   // the newest name given out
	gone    givenUp // since it was asked last
}

// givenUp is what the spool had no room or no time for.
type givenUp struct {
	overflowed, outdated int // batches
	data                 int64
}

type spooled struct {
	at    time.Time
	stage stage
	bytes int
	data  int64  // 0: an earlier publisher's, not read yet
	raw   []byte // of those in memory alone
}

func (s spooled) name() string { return fmt.Sprintf("%019d%s", s.at.UnixNano(), s.stage) }

// openSpool lists what an earlier run left.
func openSpool(dir string, most int64) (*spool, error) {
	if err := durable.MakeDir(dir); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if err := durable.RemoveStray(dir); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s := &spool{dir: dir, most: most}
	for _, f := range files {
		ending := filepath.Ext(f.Name())
		nanos, err := strconv.ParseInt(strings.TrimSuffix(f.Name(), ending), 10, 64)
		info, statErr := f.Info()
		if err != nil || statErr != nil || stage(ending) != waiting && stage(ending) != ready {
			continue // not ours
		}
		s.entries = append(s.entries, spooled{at: time.Unix(0, nanos), stage: stage(ending), bytes: int(info.Size())})
		s.bytes += int(info.Size())
		s.last = max(s.last, nanos)
	}
	slices.SortFunc(s.entries, func(a, b spooled) int { return a.at.Compare(b.at) })
	return s, nil
}

// put adds a batch of so many data. The error says that it is only in memory: the disk did not take it.
func (s *spool) put(raw []byte, data int, in stage, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last+1, now.UnixNano())
	e := spooled{at: time.Unix(0, s.last), stage: in, bytes: len(raw), data: int64(data)}
	err := durable.WriteFile(filepath.Join(s.dir, e.name()), raw)
	if err != nil {
		e.raw = raw
		s.inMem += len(raw)
	} else if s.inMem > 0 {
		s.writeDown() // the disk takes something again
	}
	s.entries = append(s.entries, e)
	s.bytes += e.bytes
	for len(s.entries) > 1 && int64(s.bytes) > s.most {
		s.gone.overflowed++
		s.giveUp(s.entries[0])
	}
	for s.inMem > maxSpoolMemory { // what is on the disk is not in the way
		s.gone.overflowed++
		s.giveUp(s.entries[slices.IndexFunc(s.entries, func(e spooled) bool { return e.raw != nil })])
	}
	return err
}

// settle has everything written to disk, for the next start. It returns how many batches the disk did not take: they are
// given up.
func (s *spool) settle() (lost int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeDown()
	for _, e := range slices.Clone(s.entries) {
		if e.raw != nil {
			lost++
			s.giveUp(e)
		}
	}
	return lost
}

// writeDown moves batches from memory to disk, until it takes no more.
func (s *spool) writeDown() {
	for i := range s.entries {
		e := &s.entries[i]
		if e.raw == nil {
			continue
		}
		if err := durable.WriteFile(filepath.Join(s.dir, e.name()), e.raw); err != nil {
			return
		}
		s.inMem -= e.bytes
		e.raw = nil
	}
}

// oldest is the batch that has waited longest at a stage. Batches older than maxAge are given up on the way.
func (s *spool) oldest(in stage, now time.Time, maxAge time.Duration) (e spooled, raw []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.entries) > 0 && now.Sub(s.entries[0].at) > maxAge {
		s.gone.outdated++
		s.giveUp(s.entries[0])
	}
	i := slices.IndexFunc(s.entries, func(e spooled) bool { return e.stage == in })
	if i < 0 {
		return spooled{}, nil, fs.ErrNotExist
	}
	e = s.entries[i]
	if e.raw != nil {
		return e, e.raw, nil
	}
	raw, err = os.ReadFile(filepath.Join(s.dir, e.name()))
	if errors.Is(err, fs.ErrNotExist) {
		s.gone.data += e.data // somebody removed it
		s.forget(e)
	}
	return e, raw, err
}

func (s *spool) giveUp(e spooled) {
	s.gone.data += e.data
	s.drop(e)
}

// opened tells how many data a batch of an earlier publisher has. False: it was given up before.
func (s *spool) opened(e spooled, data int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(e)
	if i >= 0 {
		s.entries[i].data = int64(data)
	}
	return i >= 0
}

// done takes a batch out. False: it was given up before.
func (s *spool) done(e spooled) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	there := s.index(e) >= 0
	s.drop(e)
	return there
}

// postpone puts a batch behind all others, until the next start.
func (s *spool) postpone(e spooled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(e); i >= 0 {
		e = s.entries[i]
		s.entries = append(slices.Delete(s.entries, i, i+1), e)
	}
}

func (s *spool) drop(e spooled) {
	if i := s.index(e); i >= 0 && s.entries[i].raw == nil {
		_ = durable.Remove(filepath.Join(s.dir, e.name())) // at worst it is sent once more
	}
	s.forget(e)
}

func (s *spool) forget(e spooled) {
	i := s.index(e)
	if i < 0 {
		return
	}
	e = s.entries[i] // by now it may have moved to the disk
	s.entries = slices.Delete(s.entries, i, i+1)
	s.bytes -= e.bytes
	if e.raw != nil {
		s.inMem -= e.bytes
	}
}

func (s *spool) index(e spooled) int {
	return slices.IndexFunc(s.entries, func(x spooled) bool { return x.at.Equal(e.at) && x.stage == e.stage })
}

func (s *spool) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}

// SpoolState is what waits in a spool.
type SpoolState struct {
	Batches  int
	Bytes    int64
	Oldest   time.Time // when the oldest batch was made; zero: there is none
	InMemory int       // batches that the disk did not take
}

func (s *spool) state() (state SpoolState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state.Batches, state.Bytes = len(s.entries), int64(s.bytes)
	for _, e := range s.entries {
		if state.Oldest.IsZero() || e.at.Before(state.Oldest) {
			state.Oldest = e.at
		}
		if e.raw != nil {
			state.InMemory++
		}
	}
	return state
}

// given tells what was given up since it was asked last.
func (s *spool) given() givenUp {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := s.gone
	s.gone = givenUp{}
	return gone
}
