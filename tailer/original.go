package tailer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxStateBytes is more than the original writes, by far: a path and twice as many ranges as it has workers.
const maxStateBytes = 1 << 20

// left is what the original agent has left of a path.
type left struct {
	offset int64     // every byte before it was acknowledged
	gaps   bool      // so were some behind it
	saved  time.Time // when this was written
}

// find reads what the original remembered of a path. fs.ErrNotExist: nothing.
func (a *Adopted) find(path string, in *folders) (left, error) {
	name := stateName(path)
	raw, saved, err := readState(a.dir, name)
	if err != nil {
		return left{}, err
	}
	owner, l, err := parseState(raw)
	if err != nil {
		return left{}, fmt.Errorf("read state %s of the original agent: %w", name, err)
	}
	// Names collide: /var/log/a_b and /var/log/a/b share a file, and the last one to write has it.
	if owner != "" && owner != path {
		return left{}, fs.ErrNotExist
	}
	if owner == "" && !alone(path, name, in) {
		return left{}, fmt.Errorf("read state %s of the original agent: it does not say of which file, and there is another one that it may be", name)
	}
	l.saved = saved
	return l, nil
}

// stateName is how the original names the state file of a path.
func stateName(path string) string {
	return stateRunes.Replace(filepath.ToSlash(path))
}

var stateRunes = strings.NewReplacer("/", "_", " ", "_", ":", "_")

// readState reads a small regular file that nobody but those who may rule the agents can have written. A link is not followed.
func readState(dir, name string) (raw []byte, saved time.Time, err error) {
	path := filepath.Join(dir, name)
	linked, err := os.Lstat(path)
	if err != nil {
		return nil, saved, err
	}
	if !linked.Mode().IsRegular() {
		return nil, saved, fmt.Errorf("read state %s of the original agent: not a regular file", name)
	}
	folder, err := os.Stat(dir)
	if err != nil {
		return nil, saved, err
	}
	f, info, err := openRegular(path)
	if err != nil {
		return nil, saved, err
	}
	defer f.Close()
	switch {
	case !os.SameFile(linked, info):
		err = errors.New("replaced while it was opened")
	case info.Size() > maxStateBytes:
		err = fmt.Errorf("%d bytes, which is no state", info.Size())
	default:
		err = trusted(folder, info)
	}
	if err == nil {
		raw, err = io.ReadAll(io.LimitReader(f, maxStateBytes))
	}
	if err != nil {
		return nil, saved, fmt.Errorf("read state %s of the original agent: %w", name, err)
	}
	return raw, info.ModTime(), nil
}

// parseState reads a state: the highest offset, the path, and the ranges of bytes that were acknowledged; old ones end after
// the first line or the second. Our checkpoint is one offset, so it is the end of the first range: what was acknowledged
// behind a gap is read and sent again, for the gap must not be left out.
func parseState(raw []byte) (path string, l left, err error) {
	lines := strings.Split(string(bytes.TrimRight(raw, "\r\n")), "\n")
	if l.offset, err = parseOffset(strings.TrimSpace(lines[0])); err != nil {
		return "", left{}, err
	}
	if len(lines) > 3 {
		return "", left{}, fmt.Errorf("%d lines instead of three", len(lines))
	}
	if len(lines) > 1 {
		if path = lines[1]; path == "" {
			return "", left{}, errors.New("no path in its second line")
		}
	}
	if len(lines) > 2 {
		first, several, err := firstRange(lines[2])
		if err != nil {
			return "", left{}, err
		}
		l.offset, l.gaps = min(l.offset, first), several
	}
	return path, l, nil
}

// firstRange is the end of the bytes that were acknowledged without a gap from the first one on, and whether others were.
func firstRange(text string) (end int64, several bool, err error) {
	type span struct{ start, end int64 }
	var all []span
	for one := range strings.SplitSeq(text, ",") {
		from, to, ok := strings.Cut(one, "-")
		start, err1 := parseOffset(from)
		end, err2 := parseOffset(to)
		if !ok || err1 != nil || err2 != nil || end <= start {
			return 0, false, fmt.Errorf("%.40q is no range of bytes", one)
		}
		all = append(all, span{start, end})
	}
	slices.SortFunc(all, func(a, b span) int { return int(min(max(a.start-b.start, -1), 1)) })
	for _, s := range all {
		if s.start > end {
			return end, true, nil
		}
		end = max(end, s.end)
	}
	return end, false, nil
}

func parseOffset(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%.40q is no offset", text)
	}
	return n, nil
}

// alone tells whether no other file of this host has the same state name. It reads the folders on the way to such files only.
func alone(path, name string, in *folders) bool {
	root := filepath.VolumeName(path) + string(filepath.Separator)
	return !another(root, strings.TrimPrefix(name, stateName(root)), path, in)
}

func another(dir, rest, path string, in *folders) bool {
	r, _ := in.read(dir)
	for _, e := range r.names {
		below, full := stateName(e.Name()), filepath.Join(dir, e.Name())
		if below == rest && !e.IsDir() && full != path {
			return true
		}
		if deeper, ok := strings.CutPrefix(rest, below+"_"); ok && e.IsDir() && another(full, deeper, path, in) {
			return true
		}
	}
	return false
}
