package durable

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
)

// Journal is a small durable map from names to JSON values, kept as lines that are only ever appended:
//
//	<checksum> "<name>" <value>
//
// The name is quoted as Go does it, so that one which is not UTF-8 comes back as it was.
// The last whole line of a name counts; the value null removes it. Lines that do not fit their checksum (a torn write, a
// bad sector) are passed over, so that damage costs at most a return to an older value. Puts of several goroutines
// share one fsync.
type Journal struct {
	path string

	mu      sync.Mutex
	turn    sync.Cond         // of mu: a round of writing has ended
	live    map[string][]byte // what the file says, or will after the current round
	pending []byte            // lines that no round has written yet
	added   uint64            // rounds are numbered by what they cover: lines added …
	durable uint64            // … and lines on disk
	failed  struct {          // the lines after from, up to to, are not on disk; a later round that succeeds has them
		from, to uint64
		err      error
	}
	writing bool

	// Of the writer alone (whoever set writing):
	file    *os.File
	size    int
	rewrite bool // the file's end is not known to be whole: write it anew
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const compactAbove = 256 << 10 // bytes; a smaller journal is never worth rewriting

// OpenJournal opens or creates a journal. damaged is the number of lines passed over.
func OpenJournal(path string) (j *Journal, damaged int, err error) {
	j = &Journal{path: path, live: map[string][]byte{}}
	j.turn.L = &j.mu
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("open journal: %w", err)
	}
	damaged = j.replay(raw)
	if damaged > 0 {
		// Keep the evidence; the journal itself starts clean.
		if err := WriteFile(path+".damaged", raw); err != nil {
			return nil, damaged, fmt.Errorf("open journal: %w", err)
		}
	}
	if err := j.startAnew(j.lines()); err != nil {
		return nil, damaged, fmt.Errorf("open journal: %w", err)
	}
	return j, damaged, nil
}

func (j *Journal) replay(raw []byte) (damaged int) {
	lines := bufio.NewReader(bytes.NewReader(raw))
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			if name, value, ok := parseLine(line); !ok {
				damaged++
			} else if string(value) == "null" {
				delete(j.live, name)
			} else {
				j.live[name] = value
			}
		}
		if err == io.EOF {
			return damaged
		}
	}
}

func appendLine(dst []byte, name string, value []byte) []byte {
	body := append(append(strconv.AppendQuote(nil, name), ' '), value...)
	dst = fmt.Appendf(dst, "%08x ", crc32.Checksum(body, castagnoli))
	return append(append(dst, body...), '\n')
}

func parseLine(line []byte) (name string, value []byte, ok bool) {
	line, whole := bytes.CutSuffix(line, []byte{'\n'})
	sum, body, found := bytes.Cut(line, []byte{' '})
	if !whole || !found || string(sum) != fmt.Sprintf("%08x", crc32.Checksum(body, castagnoli)) {
		return "", nil, false
	}
	quoted, err := strconv.QuotedPrefix(string(body))
	if err != nil {
		return "", nil, false
	}
	if name, err = strconv.Unquote(quoted); err != nil {
		return "", nil, false
	}
	value = bytes.TrimSpace(body[len(quoted):])
	return name, slices.Clone(value), json.Valid(value)
}

// Get returns the value of a name.
func (j *Journal) Get(name string) (value []byte, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	value, ok = j.live[name]
	return value, ok
}

// Names returns all names, sorted.
func (j *Journal) Names() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Sorted(maps.Keys(j.live))
}

// Put makes value (JSON, without a line break) the value of name. When it returns nil, that is durable. After an error
// the value may or may not be on disk; later Puts try again to have it there.
func (j *Journal) Put(name string, value []byte) error { return j.add(name, value) }

// Delete removes a name, durably.
func (j *Journal) Delete(name string) error { return j.add(name, []byte("null")) }

func (j *Journal) add(name string, value []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if string(value) == "null" {
		delete(j.live, name)
	} else {
		j.live[name] = slices.Clone(value)
	}
	j.pending = appendLine(j.pending, name, value)
	j.added++
	mine := j.added
	for j.durable < mine {
		if j.writing {
			j.turn.Wait()
			continue
		}
		j.round()
	}
	if f := j.failed; f.err != nil && f.from < mine && mine <= f.to {
		return fmt.Errorf("write %s: %w", j.path, f.err)
	}
	return nil
}

// round writes what is pending, for everybody who waits. Called with mu held; gives it up while writing.
func (j *Journal) round() {
	lines, upTo := j.pending, j.added
	j.pending, j.writing = nil, true
	var all []byte
	if live := j.liveSize(); j.rewrite || j.size > compactAbove && j.size > 4*live {
		all = j.lines()
	}
	j.mu.Unlock()
	var err error
	if all != nil {
		err = j.startAnew(all)
	} else {
		err = j.append(lines)
	}
	j.mu.Lock()
	if err != nil && j.failed.err == nil {
		j.failed.from = j.durable
	}
	j.failed.to, j.failed.err = upTo, err
	j.durable, j.writing = upTo, false
	j.turn.Broadcast()
}

func (j *Journal) append(lines []byte) error {
	n, err := j.file.Write(lines)
	j.size += n
	if err == nil {
		err = j.file.Sync()
	}
	j.rewrite = err != nil
	return err
}

func (j *Journal) startAnew(lines []byte) error {
	j.rewrite = true
	if err := WriteFile(j.path, lines); err != nil {
		return err
	}
	f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, fileMode)
	if err != nil {
		return err
	}
	if j.file != nil {
		_ = j.file.Close()
	}
	j.file, j.size, j.rewrite = f, len(lines), false
	return nil
}

func (j *Journal) lines() (all []byte) {
	all = []byte{}
	for _, name := range slices.Sorted(maps.Keys(j.live)) {
		all = appendLine(all, name, j.live[name])
	}
	return all
}

func (j *Journal) liveSize() (n int) {
	for name, value := range j.live {
		n += len(name) + len(value)
	}
	return n
}

// Close waits for the round under way and closes the file.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.writing {
		j.turn.Wait()
	}
	return j.file.Close()
}
