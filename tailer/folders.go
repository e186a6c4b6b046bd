package tailer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// fine is how long a name must have come or gone before a folder is read, for the next one to give the folder another time: the
	// kernel's clock for such times ticks every ten milliseconds at least.
	fine = 100 * time.Millisecond
	// coarse is the same where only seconds are kept (ext4 with small inodes).
	coarse = 2 * time.Second
	// shortly is how long a reading is kept for others who ask. Idle files hold none.
	shortly = 10 * time.Second
	// hung is how long the reading of another is waited for. It may be of a disk that hangs, and another be mounted there by now.
	hung = time.Second
)

// folders are the names in folders. Thousands of files in one of them are looked for together, after a switch-over, a start or a
// rotation of all: it is read once for many who ask.
//
// That leaves nothing out: whoever asks is given what a reading of his own might have given him. A reading that began after he
// asked is one, whoever began it. An earlier one is given to him only where the kernel itself keeps the folder's time, the time
// is the same as before the reading, and it was so old then that any name that has come or gone since would have made it
// another. What is kept of the files are their inodes, which are the names' as long as no name comes or goes; sizes and times are
// asked for each time.
type folders struct {
	moment bool                  // a listing is of one moment: nothing is read twice, whatever happens meanwhile
	times  func(dir string) bool // tells whether nobody but the kernel of this host keeps the folder's time

	mu     sync.Mutex
	known  map[string]*reading
	rounds map[string]*round // that are being read
}

func newFolders() *folders {
	return &folders{times: announces, known: map[string]*reading{}, rounds: map[string]*round{}}
}

// round is a reading that is under way, or waits until the one before it has ended.
type round struct {
	done chan struct{}
	next *round // for those who ask while this one is under way
	*reading
	err error
}

// reading is what stood in a folder.
type reading struct {
	dir     string
	names   []os.DirEntry // sorted
	changed time.Time     // the folder, before it was read
	until   time.Time     // when it is forgotten

	once  sync.Once
	infos []os.FileInfo // of the names; nil: there is none, or it is no regular file
}

// read reads a folder, unless what is known of it still holds. With an error there is what could be read. No lock is held
// meanwhile: a disk may hang.
func (d *folders) read(dir string) (*reading, error) {
	d.mu.Lock()
	r := d.known[dir]
	d.mu.Unlock()
	if r != nil && (d.moment || r.changed.Equal(changedAt(dir))) {
		return r, nil
	}
	return d.share(dir)
}

func changedAt(dir string) time.Time {
	info, err := os.Stat(dir)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// share reads a folder together with all who ask before that begins: while it is being read for one, the others wait, and the
// next reading is for all of them.
func (d *folders) share(dir string) (*reading, error) {
	d.mu.Lock()
	before := d.rounds[dir]
	switch {
	case before == nil:
		mine := &round{done: make(chan struct{})}
		d.rounds[dir] = mine
		d.mu.Unlock()
		return d.run(dir, mine)
	case before.next == nil:
		mine := &round{done: make(chan struct{})}
		before.next = mine
		d.mu.Unlock()
		if !before.ends() {
			d.mu.Lock()
			d.rounds[dir] = mine
			d.mu.Unlock()
		}
		return d.run(dir, mine)
	}
	theirs := before.next
	d.mu.Unlock()
	if !theirs.ends() {
		return d.share(dir)
	}
	return theirs.reading, theirs.err
}

// ends waits for the end of a round, but not for long.
func (r *round) ends() bool {
	limit := time.NewTimer(hung)
	defer limit.Stop()
	select {
	case <-r.done:
		return true
	case <-limit.C:
		return false
	}
}

func (d *folders) run(dir string, r *round) (*reading, error) {
	changed, began := changedAt(dir), time.Now()
	names, err := os.ReadDir(dir)
	r.reading, r.err = &reading{dir: dir, names: names, changed: changed}, err
	holds := err == nil && (d.moment || !changed.IsZero() && began.Sub(changed) > tick(changed) && d.times(dir))
	d.mu.Lock()
	if d.rounds[dir] == r { // and not one that has ceased to wait for it
		if d.rounds[dir] = r.next; r.next == nil {
			delete(d.rounds, dir)
		}
	}
	if holds {
		d.keep(r.reading, began)
	}
	d.mu.Unlock()
	close(r.done)
	return r.reading, r.err
}

// tick is how long after a folder's time another change may have the same one.
func tick(changed time.Time) time.Duration {
	if changed.Nanosecond() == 0 {
		return coarse
	}
	return fine
}

func (d *folders) keep(r *reading, began time.Time) {
	if d.known[r.dir] = r; d.moment {
		return
	}
	r.until = began.Add(shortly)
	dir, until := r.dir, r.until
	time.AfterFunc(shortly, func() { // which does not hold the reading: another may come in its place
		d.mu.Lock()
		defer d.mu.Unlock()
		if kept := d.known[dir]; kept != nil && !kept.until.After(until) {
			delete(d.known, dir)
		}
	})
}

// rotations are the neighbours of a path that have a name which a rotation makes of its own, oldest first.
func (d *folders) rotations(path string) []neighbour {
	r, _ := d.read(filepath.Dir(path)) // what cannot be read has none
	return r.neighbours(path, func(name string) bool { return rotatedName(path, name) })
}

// neighbours are the other regular files whose names begin like the path's and are wanted, oldest first.
func (r *reading) neighbours(path string, wanted func(name string) bool) (all []neighbour) {
	base := filepath.Base(path)
	stem := strings.TrimSuffix(base, filepath.Ext(base))
	first, _ := slices.BinarySearchFunc(r.names, stem, func(e os.DirEntry, name string) int { return strings.Compare(e.Name(), name) })
	for _, e := range r.names[first:] {
		if !strings.HasPrefix(e.Name(), stem) {
			break
		}
		if e.Name() == base || !isReadable(e) || !wanted(e.Name()) {
			continue
		}
		if n := (neighbour{path: filepath.Join(r.dir, e.Name())}); n.ask() {
			all = append(all, n)
		}
	}
	slices.SortStableFunc(all, func(a, b neighbour) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	return all
}

// mayBe are the regular files, whatever their names, that may be the one of an identity.
func (r *reading) mayBe(id identity) (all []string) {
	r.once.Do(func() {
		r.infos = make([]os.FileInfo, len(r.names))
		for i, e := range r.names {
			if n := (neighbour{path: filepath.Join(r.dir, e.Name())}); isReadable(e) && n.ask() {
				r.infos[i] = n.info
			}
		}
	})
	for i, info := range r.infos {
		if info != nil && mayBe(info, id) {
			all = append(all, filepath.Join(r.dir, r.names[i].Name()))
		}
	}
	return all
}

func isReadable(e os.DirEntry) bool {
	return e.Type().IsRegular() && (!compressed(e.Name()) || packed(e.Name()))
}

// ask finds out what the name leads to now: an entry of a folder may know what it led to when that was read.
func (n *neighbour) ask() bool {
	info, err := os.Lstat(n.path)
	n.info = info
	return err == nil && info.Mode().IsRegular()
}
