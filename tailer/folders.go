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
	// coarse is how long a name must have come or gone before a folder is read, for the next one to change the folder's time: some
	// file systems keep every other second.
	coarse = 2 * time.Second
	// shortly is how long a reading is kept for others who ask. Idle files hold none.
	shortly = 10 * time.Second
)

// folders are the names in folders. Thousands of files in one of them are looked for together, after a switch-over or a start:
// it is read once for all who ask while no name comes or goes.
//
// That leaves nothing out: whoever asks is given what a reading of his own would have given him. A reading is given to another
// only where the kernel itself keeps the folder's time, the time is the same as before the reading, and it was so old then that
// any name that has come or gone since would have made it another. What a name leads to is never kept but by readers of inodes,
// which are the names' as long as the names are there; size and time are asked for each time.
type folders struct {
	moment bool                  // a listing is of one moment: nothing is read twice, whatever happens meanwhile
	times  func(dir string) bool // tells whether nobody but the kernel of this host keeps the folder's time

	mu    sync.Mutex
	known map[string]*reading
}

func newFolders() *folders { return &folders{times: announces, known: map[string]*reading{}} }

// reading is what stood in a folder.
type reading struct {
	dir     string
	names   []os.DirEntry // sorted
	changed time.Time     // the folder, before it was read

	once  sync.Once
	infos []os.FileInfo // of the names; nil: there is none, or it is no regular file
}

// read reads a folder, unless what is known of it still holds. With an error there is what could be read. No lock is held
// meanwhile: a disk may hang.
func (d *folders) read(dir string) (*reading, error) {
	d.mu.Lock()
	r := d.known[dir]
	d.mu.Unlock()
	if r != nil && d.moment {
		return r, nil
	}
	var changed time.Time
	if info, err := os.Stat(dir); err == nil {
		changed = info.ModTime()
	}
	if r != nil && r.changed.Equal(changed) {
		return r, nil
	}
	began := time.Now()
	names, err := os.ReadDir(dir)
	r = &reading{dir: dir, names: names, changed: changed}
	if err == nil && (d.moment || !changed.IsZero() && began.Sub(changed) > coarse && d.times(dir)) {
		d.keep(r)
	}
	return r, err
}

func (d *folders) keep(r *reading) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[r.dir] = r
	if d.moment {
		return
	}
	time.AfterFunc(shortly, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.known[r.dir] == r {
			delete(d.known, r.dir)
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
